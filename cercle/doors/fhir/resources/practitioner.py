"""Practitioner and PractitionerRole: who signed. Recognised by number, else external: attribution only, no right."""

import hashlib
from dataclasses import dataclass, field

from django.db.models import F, Func, Q, TextField
from django.utils.translation import gettext as _

from cercle.base.common.text import name_key, sort_key
from cercle.doors.fhir.registry import FRC, Type, coded, lean, meta, nos, register
from cercle.doors.fhir.resources.kept import KeptType
from cercle.doors.fhir.resources.organization import AS, telecom
from cercle.doors.fhir.search import Ref, Token, Words
from cercle.doors.fhir.shape import Node, child, codings, full_name, items, label, oid, text, texts
from cercle.people.accounts.models import ApiClient
from cercle.people.directory import keys, nomenclature
from cercle.people.directory.models import Organization, PracticeRole, Practitioner

IDNPS = "1.2.250.1.71.4.2.1"  # national number of a person: 8 + RPPS, 0 + ADELI…


@dataclass(slots=True)
class Signed:
    name: str
    label: str = ""
    practitioner: Practitioner | None = None
    role: PracticeRole | None = None
    warnings: list[str] = field(default_factory=list)


def source_of(client: ApiClient) -> str:
    return f"feed:{client.pk.hex[-24:]}"


def profession_of(*nodes: Node) -> tuple[str, str, str]:
    """(system, code, label) from PractitionerRole.code or Practitioner.qualification.code; empty when unknown."""
    said = ""
    for node in nodes:
        concepts = items(node, "code") + [child(q, "code") for q in items(node, "qualification")]
        for concept in concepts:
            for system, code, display in codings(concept):
                for ours, marks in (("TRE_G15", ("G15",)), ("JDV_J48", ("J48", "R94", "R95", "R291"))):
                    if any(m in system for m in marks) and nomenclature.profession(ours, code):
                        return ours, code, display[:120]
            said = said or ("" if "qualification" in node else label(concept))
    return "", "", said[:120]


def read(
    client: ApiClient, *, person: Node, role: Node, organization: Organization | None, place: str, display: str
) -> Signed | None:
    """None when nothing names this person."""
    names = items(person, "name")
    name = next((n for n in names if text(n, "use") in ("official", "usual", "")), names[0] if names else {})
    family, given = text(name, "family")[:100], (texts(name, "given") or [""])[0][:100]
    system, profession, said = profession_of(role, person)
    numbers = _numbers(person, role)
    warnings: list[str] = []
    known = _in_directory(numbers)
    if (
        known
        and family
        and name_key(family) not in name_key(known.family)
        and name_key(known.family) not in name_key(family)
    ):
        warnings.append(_("Le numéro de l’auteur est celui d’un autre nom dans l’annuaire : il n’a pas été rattaché."))
        known = None
        numbers = {}
    if known:
        chosen = _situation(known, system, profession, organization)
        shown = chosen.short_label if chosen else _noun(system, profession, known.civility, said)
        where = (organization.display_name if organization else place) or (
            chosen.organization.display_name if chosen and chosen.organization_id else ""
        )
        return Signed(known.display_name, _label(shown, where), known, chosen, warnings)
    shown_name = full_name(name) or display
    if not shown_name:
        return None
    if not family:
        return Signed(shown_name[:200], _label(said or _noun(system, profession, "", said), place), warnings=warnings)
    civility = next((p.upper() for p in texts(name, "prefix") if p.upper() in ("M", "MME")), "")
    title = next((s.upper() for s in texts(name, "suffix") + texts(name, "prefix") if s.upper() in ("DR", "PR")), "")
    external = _external(client, numbers, family=family, given=given, civility=civility, title=title)
    chosen = None
    if profession:
        key = hashlib.sha256(
            f"{external.pk}|{system}|{profession}|{organization.pk if organization else place}".encode()
        )
        chosen, _new = PracticeRole.objects.get_or_create(
            source=source_of(client), source_key=key.hexdigest(),
            defaults={
                "practitioner": external, "organization": organization, "profession_system": system,
                "profession": profession, "profession_label": said,
            },
        )  # fmt: skip
    where = organization.display_name if organization else place
    return Signed(
        external.display_name, _label(_noun(system, profession, civility, said), where), external, chosen, warnings
    )


def _numbers(*nodes: Node) -> dict[str, str]:
    """rpps, adeli, national_id and, failing those, the sender's own."""
    found: dict[str, str] = {}
    for node in nodes:
        for row in items(node, "identifier"):
            value, system = text(row, "value").replace(" ", ""), oid(text(row, "system"))
            kind = next((code for _s, code, _d in codings(child(row, "type")) if code), "")
            if system == IDNPS or kind == "IDNPS":
                found["national_id"] = value[:20]
                if value[:1] == "8" and keys.is_rpps(value[1:]):
                    found["rpps"] = value[1:]
                elif value[:1] == "0" and keys.is_adeli(value[1:]):
                    found["adeli"] = value[1:]
            elif ("rpps" in system.lower() or kind == "RPPS") and keys.is_rpps(value):
                found["rpps"] = value
            elif ("adeli" in system.lower() or kind == "ADELI") and keys.is_adeli(value):
                found["adeli"] = value
            elif value and system and node is nodes[0]:
                found.setdefault("own", f"{system}|{value}")
    return found


def _in_directory(numbers: dict[str, str]) -> Practitioner | None:
    wanted = Q(pk=None)
    for column in ("rpps", "adeli", "national_id"):
        if numbers.get(column):
            wanted |= Q(**{column: numbers[column]})
    held = list(Practitioner.objects.filter(wanted, is_external=False)[:2])
    return held[0] if len(held) == 1 else None


def _situation(person: Practitioner, system: str, profession: str, at: Organization | None) -> PracticeRole | None:
    """The situation of exercise that fits best; a verified person gets none from a feed."""
    roles = list(person.roles.filter(ended_at=None).select_related("organization", "practitioner").order_by("pk"))
    if profession:
        roles = [r for r in roles if (r.profession_system, r.profession) == (system, profession)]
    return next((r for r in roles if at and r.organization_id == at.pk), roles[0] if roles else None)


def _external(client: ApiClient, numbers: dict[str, str], **name: str) -> Practitioner:
    number = next((f"{k}:{numbers[k]}" for k in ("rpps", "adeli", "national_id", "own") if numbers.get(k)), "")
    key = number or f"name:{name_key(name['family'])}|{name_key(name['given'])}"
    if len(key) > 160:
        key = hashlib.sha256(key.encode()).hexdigest()
    # Its numbers stay out of our columns: they would claim a place in the national directory.
    person, _new = Practitioner.objects.get_or_create(
        source=source_of(client), source_key=key, defaults={**name, "is_external": True}
    )
    return person


def _noun(system: str, profession: str, civility: str, said: str) -> str:
    if not profession:
        return said
    return nomenclature.short_label(system, profession, feminine=civility == "MME", liberal=False, fallback=said)


def _label(what: str, where: str) -> str:
    return " · ".join(w for w in (what, where) if w)[:200]


# --- On the way out ---------------------------------------------------------------------------------------------------

RPPS, ADELI = "https://rpps.esante.gouv.fr", "https://adeli.esante.gouv.fr"
V2_0203 = f"{FRC}/CodeSystem/fr-core-cs-v2-0203"
PROFESSIONS = {
    "TRE_G15": nos("TRE_G15", "ProfessionSante"),
    "JDV_J48": nos("JDV_J48", "ProfilEcosante-EPARCOURS"),
}


class PractitionerType(Type):
    name = "Practitioner"
    row_label = "directory.practitioner"
    profiles = (f"{AS}/as-practitioner",)
    aside = KeptType("Practitioner")
    interactions = "rscud"
    sorts = {"family": "sort", "_lastUpdated": "updated_at"}
    params = {
        "identifier": Token(lambda system, value: _held_by(system, value)),
        "name": Words(("sort", "given_key"), raw=("family", "given"), key=sort_key),
        "family": Words(("sort",), raw=("family",), key=sort_key),
        "given": Words(("given_key",), raw=("given",), key=sort_key),
        "active": Token(lambda system, code: Q(ended_at__isnull=code == "true")),
        "qualification-code": Token(lambda system, code: Q(roles__profession=code, roles__ended_at=None)),
    }

    def rows(self, access):
        """The directory; of the people whom feeds named, those of this machine only."""
        mine = Q(is_external=False) | Q(source=source_of(access.client))
        return Practitioner.objects.filter(mine).annotate(
            given_key=Func(F("given"), function="cercle_key", output_field=TextField())
        )

    def write(self, access, rows):
        held: dict = {}
        for role in PracticeRole.objects.filter(practitioner__in=[r.pk for r in rows], ended_at=None).order_by("pk"):
            held.setdefault(role.practitioner_id, role)
        return [self.node(row, held.get(row.pk)) for row in rows]

    def node(self, row, role=None) -> Node:
        found: Node = {"resourceType": self.name, "id": str(row.pk), "meta": meta(1, row.updated_at, *self.profiles)}
        numbers: list[Node] = []
        national = row.national_id or (f"8{row.rpps}" if row.rpps else f"0{row.adeli}" if row.adeli else "")
        for system, code, value in (
            (f"urn:oid:{IDNPS}", "IDNPS", national),
            (RPPS, "RPPS", row.rpps),
            (ADELI, "ADELI", row.adeli),
        ):
            if value:
                numbers.append({"use": "official", "type": coded(V2_0203, code), "system": system, "value": value})
        parts = {"given": [row.given], "prefix": [row.civility], "suffix": [row.title]}
        name = {"use": "official", "family": row.family} | {k: v for k, v in parts.items() if v[0]}
        found |= {"identifier": numbers, "active": row.ended_at is None, "name": [name]}
        if role is not None and role.profession:
            found["qualification"] = [{"code": _profession(role)}]
        return lean(found)

    def history(self, access, row):
        return [(1, row.updated_at, self.write(access, [row])[0])]

    def references(self, node, param):
        return []


class PractitionerRoleType(Type):
    name = "PractitionerRole"
    row_label = "directory.practicerole"
    profiles = (f"{AS}/as-practitionerrole",)
    aside = KeptType("PractitionerRole")
    includes = ("practitioner", "organization")
    interactions = "rscud"
    sorts = {"_lastUpdated": "updated_at"}
    params = {
        "practitioner": Ref({"Practitioner": "practitioner"}),
        "organization": Ref({"Organization": "organization"}),
        "role": Token(lambda system, code: Q(profession=code) | Q(function=code)),
        "specialty": Token(lambda system, code: Q(specialty=code)),
        "active": Token(lambda system, code: Q(ended_at__isnull=code == "true")),
        "identifier": Token(lambda system, value: Q(practitioner__in=Practitioner.objects.filter(_held_by(system, value)).values("pk"))),
    }  # fmt: skip

    def rows(self, access):
        mine = Q(practitioner__is_external=False) | Q(source=source_of(access.client))
        return PracticeRole.objects.filter(mine).select_related("practitioner", "organization")

    def write(self, access, rows):
        return [self.node(row) for row in rows]

    def node(self, row) -> Node:
        found: Node = {"resourceType": self.name, "id": str(row.pk), "meta": meta(1, row.updated_at, *self.profiles)}
        found |= {"active": row.ended_at is None}
        found["practitioner"] = {
            "reference": f"Practitioner/{row.practitioner_id}",
            "display": row.practitioner.display_name,
        }
        if row.organization_id:
            found["organization"] = {
                "reference": f"Organization/{row.organization_id}",
                "display": row.organization.display_name,
            }
        codes = [_profession(row)]
        if row.function:
            codes.append(coded(nos("TRE_R21", "Fonction"), row.function, row.function_label))
        found["code"] = [c for c in codes if c]
        if row.specialty:
            found["specialty"] = [coded(nos("TRE_R38", "SpecialiteOrdinale"), row.specialty, row.specialty_label)]  # fmt: skip
        found |= {"period": {"start": row.started_on.isoformat()} if row.started_on else {}, "telecom": telecom(row)}
        return lean(found)

    def history(self, access, row):
        return [(1, row.updated_at, self.node(row))]

    def references(self, node, param):
        said = text(node.get(param), "reference")
        return [said] if said else []


def _profession(row: PracticeRole) -> Node:
    system = PROFESSIONS.get(row.profession_system, row.profession_system)
    label = row.profession_label or nomenclature.short_label(
        row.profession_system, row.profession, feminine=False, liberal=False, fallback=""
    )
    return coded(system, row.profession, label)


def _held_by(system: str | None, value: str) -> Q:
    value, name = value.replace(" ", ""), (system or "").lower()
    if not value:
        return Q(pk=None)
    if IDNPS in name:
        inner = Q(rpps=value[1:]) if value[:1] == "8" else Q(adeli=value[1:]) if value[:1] == "0" else Q(pk=None)
        return Q(national_id=value) | inner
    if "rpps" in name:
        return Q(rpps=value)
    if "adeli" in name:
        return Q(adeli=value)
    return Q(rpps=value) | Q(adeli=value) | Q(national_id=value) if system is None else Q(pk=None)


register(PractitionerType())
register(PractitionerRoleType())
