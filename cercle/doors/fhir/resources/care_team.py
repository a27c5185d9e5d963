"""CareTeam (CDS 2.0.1): who is around the person, with dates; its id is the patient's."""

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from cercle.doors.fhir.registry import Type, coded, lean, meta, register
from cercle.doors.fhir.search import Ref, Token, When, as_uuid
from cercle.doors.fhir.shape import Node, items, text
from cercle.people.circles.models import Circle, Member
from cercle.people.circles.vocabulary import MemberKind

CDS = "https://interop.esante.gouv.fr/ig/fhir/cds/StructureDefinition"


class CareTeamType(Type):
    name = "CareTeam"
    row_label = "circles.circle"
    interactions = "rsvh"
    profiles = (f"{CDS}/cds-ihe-careteam",)
    includes = ("subject", "patient", "participant")
    sorts = {"_lastUpdated": "opened_at"}
    params = {
        "identifier": Token(lambda system, value: Q(pk=as_uuid(value.removeprefix("urn:uuid:")))),
        "patient": Ref({"Patient": "pk"}),
        "subject": Ref({"Patient": "pk"}),
        "status": Token(lambda system, code: Q() if code == "active" else Q(pk=None)),
        "start": When("opened_at"),
        "date": When("opened_at"),
        "participant": Ref(
            {
                "PractitionerRole": lambda ids: _with(practice_role__in=ids),
                "Practitioner": lambda ids: _with(practice_role__practitioner__in=ids),
                "Organization": lambda ids: _with(team__organization__in=ids),
                "RelatedPerson": lambda ids: _with(contact__in=ids),
                "Patient": lambda ids: _with(kind="patient", circle__in=ids),
            }
        ),
        "participant-start": When("members__started_at"),
        "participant-end": When("members__ended_at"),
    }

    def rows(self, access):
        return Circle.objects.filter(pk__in=access.circles(), canon=None).select_related("patient__identity")

    def write(self, access, rows):
        members: dict = {}
        held = Member.objects.filter(circle__in=[r.pk for r in rows]).exclude(kind=MemberKind.CONNECTOR)
        held = held.select_related(
            "practice_role__practitioner", "practice_role__organization", "team__organization", "contact"
        )
        for member in held.order_by("started_at", "pk"):
            members.setdefault(member.circle_id, []).append(member)
        return [self.node(row, members.get(row.pk, [])) for row in rows]

    def node(self, row, members, at=None) -> Node:
        """`at`: as it was at that instant; who had left by then is still in it, with an end."""
        known = [m for m in members if at is None or m.recorded_at <= at]
        moments = _moments(row, known, at)
        found: Node = {
            "resourceType": self.name,
            "id": str(row.pk),
            "meta": meta(len(moments), moments[-1], *self.profiles),
        }
        found |= {"identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{row.pk}"}], "status": "active"}
        found["name"] = _("Cercle de soins de %(who)s") % {"who": row.patient.identity.full_name}
        found["subject"] = {"reference": f"Patient/{row.pk}", "display": row.patient.identity.full_name}
        found["period"] = {"start": row.opened_at.isoformat(timespec="seconds")}
        found["participant"] = [_participant(m, at) for m in known]
        return lean(found)

    def history(self, access, row):
        members = list(
            Member.objects.filter(circle=row).exclude(kind=MemberKind.CONNECTOR).order_by("started_at", "pk")
            .select_related("practice_role__practitioner", "practice_role__organization", "team__organization", "contact")
        )  # fmt: skip
        moments = _moments(row, members, None)
        return [(n, at, self.node(row, members, at)) for n, at in reversed(list(enumerate(moments, 1)))]

    def references(self, node, param):
        if param == "participant":
            return [
                text(p["member"], "reference") for p in items(node, "participant") if text(p.get("member"), "reference")
            ]
        return [text(node["subject"], "reference")]


def _moments(row, members, at) -> list:
    """Each arrival and each departure is a version."""
    found = {row.opened_at} | {m.recorded_at for m in members} | {m.ended_at for m in members if m.ended_at}
    return sorted(m for m in found if at is None or m <= at) or [row.opened_at]


def _participant(m: Member, at) -> Node:
    ended = m.ended_at if m.ended_at and (at is None or m.ended_at <= at) else m.until
    who: Node = {}
    if m.practice_role_id:
        who = {
            "reference": f"PractitionerRole/{m.practice_role_id}",
            "display": m.practice_role.practitioner.display_name,
        }
    elif m.team_id:
        who = {
            "reference": f"Organization/{m.team.organization_id}",
            "display": f"{m.team.name}, {m.team.organization.display_name}",
        }
    elif m.contact_id:
        who = {"reference": f"RelatedPerson/{m.contact_id}", "display": f"{m.contact.given} {m.contact.family}".strip()}
    else:
        who = {"reference": f"Patient/{m.circle_id}"}
    period = lean(
        {"start": m.started_at.isoformat(timespec="seconds"), "end": ended and ended.isoformat(timespec="seconds")}
    )
    return lean({"role": [coded("", "", text=m.role)] if m.role else [], "member": who, "period": period})


def _with(**where) -> Q:
    return Q(Exists(Member.objects.filter(circle=OuterRef("pk"), **where)))


register(CareTeamType())
