"""Organization: recognised by its FINESS or SIRET number, else a name beside the author's."""

from django.db.models import Q

from cercle.base.common.text import sort_key
from cercle.doors.fhir.registry import FRC, Type, coded, lean, meta, nos, register
from cercle.doors.fhir.resources.kept import KeptType
from cercle.doors.fhir.search import Ref, Token, Words
from cercle.doors.fhir.shape import Node, items, oid, text
from cercle.people.directory.models import Organization

IDNST = "1.2.250.1.71.4.2.2"  # national number of a structure: prefix 1 FINESS, 3 SIRET


def read(resource: Node) -> tuple[Organization | None, str]:
    """(the structure of our directory, the name it was given)."""
    for row in items(resource, "identifier"):
        value, system = text(row, "value").replace(" ", ""), oid(text(row, "system"))
        if system == IDNST:
            prefix, value = value[:1], value[1:]
            system = {"1": "finess", "3": "siret"}.get(prefix, "")
        wanted = Q(pk=None)
        if "finess" in system.lower() and value:
            wanted = Q(finess=value)
        elif "sire" in system.lower() and len(value) == 14:
            wanted = Q(siret=value)
        held = list(Organization.objects.filter(wanted)[:2])
        if len(held) == 1:
            return held[0], held[0].display_name
    return None, text(resource, "name")[:200]


# --- On the way out ---------------------------------------------------------------------------------------------------

AS = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition"
FINESS = "https://finess.esante.gouv.fr"
SIRENE = "https://sirene.fr"


class OrganizationType(Type):
    name = "Organization"
    row_label = "directory.organization"
    profiles = (f"{AS}/as-organization",)
    aside = KeptType("Organization")
    sorts = {"name": "sort", "_lastUpdated": "updated_at"}
    includes = ("partof",)
    interactions = "rscud"
    params = {
        "identifier": Token(lambda system, value: _by_number(system, value)),
        "name": Words(("sort",), raw=("name", "long_name"), key=sort_key),
        "type": Token(lambda system, code: Q(category=code)),
        "active": Token(lambda system, code: Q(closed_on__isnull=code == "true")),
        "address-city": Words(("city",), key=str, raw=("city",)),
        "address-postalcode": Words(("postal_code",), key=str, raw=("postal_code",)),
        "partof": Ref({"Organization": "parent"}),
    }

    def rows(self, access):
        return Organization.objects.exclude(source="system")

    def write(self, access, rows):
        return [self.node(row) for row in rows]

    def node(self, row) -> Node:
        node: Node = {"resourceType": self.name, "id": str(row.pk), "meta": meta(1, row.updated_at, *self.profiles)}
        types, national = (
            f"{FRC}/CodeSystem/fr-core-cs-v2-0203",
            f"1{row.finess}" if row.finess else f"3{row.siret}" if row.siret else "",
        )
        numbers = [(f"urn:oid:{IDNST}", "IDNST", national), (FINESS, "FINEG", row.finess), (SIRENE, "SIRET", row.siret)]
        node["identifier"] = [
            {"use": "official", "type": coded(types, code), "system": system, "value": value} for system, code, value in numbers if value
        ]  # fmt: skip
        node |= {"active": row.closed_on is None, "name": row.display_name}
        if row.category:
            node["type"] = [coded(nos("TRE_R66", "CategorieEtablissement"), row.category, row.category_label)]
        node |= {"telecom": telecom(row), "address": [address(row)] if address(row) else []}
        if row.parent_id:
            node["partOf"] = {"reference": f"Organization/{row.parent_id}"}
        return lean(node)

    def history(self, access, row):
        return [(1, row.updated_at, self.node(row))]

    def references(self, node, param):
        return [text(node.get("partOf"), "reference")] if param == "partof" and node.get("partOf") else []


def telecom(row) -> list[Node]:
    found = [{"system": "phone", "value": n, "use": "work"} for n in (row.phone, row.phone2) if n]
    found += [{"system": "email", "value": row.email, "use": "work"}] if row.email else []
    kind = {"url": "type", "valueCodeableConcept": coded(nos("TRE_R256", "TypeMessagerie"), "MSSANTE")}
    mss = {"url": f"{AS}/as-ext-mailbox-mss-metadata", "extension": [kind]}
    return found + ([{"extension": [mss], "system": "email", "value": row.mss}] if row.mss else [])


def address(row) -> Node:
    return lean(
        {"line": row.address.split("\n") if row.address else [], "city": row.city, "postalCode": row.postal_code}
    )


def _by_number(system: str | None, value: str) -> Q:
    value, name = value.replace(" ", ""), (system or "").lower()
    if IDNST in name:
        return Q(finess=value[1:]) if value[:1] == "1" else Q(siret=value[1:]) if value[:1] == "3" else Q(pk=None)
    if "finess" in name:
        return Q(finess=value)
    if "sire" in name:
        return Q(siret=value)
    return Q(finess=value) | Q(siret=value) if system is None and value else Q(pk=None)


register(OrganizationType())
