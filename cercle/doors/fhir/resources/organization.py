"""Organization: recognised by its FINESS or SIRET number, else a name beside the author's."""

from django.db.models import Q

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
