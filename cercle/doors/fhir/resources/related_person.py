"""RelatedPerson: a relative who signs; her name and what she is to the person."""

from django.db.models import F, Func, Q, TextField

from cercle.base.common.text import sort_key
from cercle.doors.fhir.registry import Type, coded, lean, meta, nos, register
from cercle.doors.fhir.resources.kept import KeptType
from cercle.doors.fhir.search import Ref, Token, Words, as_uuid
from cercle.doors.fhir.shape import Node, codings, full_name, items, label, text
from cercle.people.patients.models import Contact
from cercle.people.patients.relationships import Relationship


def read(resource: Node) -> tuple[str, str]:
    """(name, « fille »)"""
    name = next((full_name(n) for n in items(resource, "name") if full_name(n)), "")
    for concept in items(resource, "relationship"):
        for _system, code, _display in codings(concept):
            if code in Relationship.values:
                return name[:200], str(Relationship(code).label).lower()
    said = next((label(c) for c in items(resource, "relationship") if label(c)), "")
    return name[:200], said[:200]


# --- On the way out ---------------------------------------------------------------------------------------------------

ROLE_CODE, ROLE_CLASS = nos("TRE_R216", "HL7RoleCode"), nos("TRE_R260", "HL7RoleClass")
FLAGS = {"K": "is_trusted", "GRD": "is_legal_rep", "CAREGIVER": "is_carer", "ECON": "is_emergency"}


class RelatedPersonType(Type):
    """A contact of the file: relative, personne de confiance, guardian."""

    name = "RelatedPerson"
    row_label = "patients.contact"
    profiles = ("https://interop.esante.gouv.fr/ig/fhir/cds/StructureDefinition/cds-fr-related-person",)
    aside = KeptType("RelatedPerson")
    interactions = "rscud"
    includes = ("patient",)
    sorts = {"_lastUpdated": "decided_at"}
    params = {
        "identifier": Token(lambda system, value: Q(pk=as_uuid(value.removeprefix("urn:uuid:")))),
        "patient": Ref({"Patient": "patient"}),
        "name": Words(("family_key", "given_key"), raw=("family", "given"), key=sort_key),
        "relationship": Token(lambda system, code: _is(code)),
        "active": Token(lambda system, code: Q(until__isnull=code == "true")),
    }

    def rows(self, access):
        key = {
            n: Func(F(n.removesuffix("_key")), function="cercle_key", output_field=TextField())
            for n in ("family_key", "given_key")
        }
        return Contact.objects.filter(patient__in=access.circles()).annotate(**key)

    def write(self, access, rows):
        return [self.node(row) for row in rows]

    def node(self, row) -> Node:
        found: Node = {"resourceType": self.name, "id": str(row.pk), "meta": meta(1, row.decided_at, *self.profiles)}
        found |= {
            "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{row.pk}"}],
            "active": row.until is None,
        }
        found["patient"] = {"reference": f"Patient/{row.patient_id}"}
        kinds = [coded(ROLE_CLASS, code) for code, flag in FLAGS.items() if getattr(row, flag)]
        if row.relationship in Relationship.values:
            kinds.append(coded(ROLE_CODE, row.relationship, str(Relationship(row.relationship).label)))
        found["relationship"] = kinds
        found["name"] = [lean({"use": "official", "family": row.family, "given": [row.given] if row.given else []})]
        found["telecom"] = [{"system": "phone", "value": n} for n in (row.phone, row.phone_other) if n]
        found["telecom"] += [{"system": "email", "value": row.email}] if row.email else []
        found["address"] = [{"text": row.address}] if row.address else []
        found["period"] = lean(
            {"start": row.since.date().isoformat(), "end": row.until and row.until.date().isoformat()}
        )
        return lean(found)

    def history(self, access, row):
        return [(1, row.decided_at, self.node(row))]

    def references(self, node, param):
        return [text(node.get("patient"), "reference")]


def _is(code: str) -> Q:
    return Q(**{FLAGS[code]: True}) if code in FLAGS else Q(relationship=code)


register(RelatedPersonType())
