"""RelatedPerson: a relative who signs; her name and what she is to the person."""

from cercle.doors.fhir.shape import Node, codings, full_name, items, label
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
