"""Resources that have no row of their own here: as their sender wrote them, found again by number or name."""

from django.db.models import Q

from cercle.base.common.text import name_key
from cercle.doors.fhir.models import Kept, KeptVersion
from cercle.doors.fhir.registry import Type, instant
from cercle.doors.fhir.search import Computed, Token, Words, as_uuid
from cercle.doors.fhir.shape import Node, items, oid, text, texts


def numbers_of(resource: Node) -> list[str]:
    """["1.2.250…|value", "|value"]: each with its system (without « urn:oid: ») and without, as it may be asked."""
    held = items(resource, "identifier") + items(resource, "masterIdentifier")
    said = {(oid(text(i, "system")), text(i, "value")) for i in held if text(i, "value")}
    return sorted(
        {f"{system}|{value}"[:400] for system, value in said} | {f"|{value}"[:400] for _system, value in said}
    )


def names_of(resource: Node) -> tuple[str, str]:
    """(family or only name, given), as keys."""
    name = next(iter(items(resource, "name")), {})
    said = text(resource, "name") or text(name, "family") or text(name, "text")
    if not said:
        said = next((text(n, "name") for n in items(resource, "deviceName")), "")
    return name_key(said)[:400], name_key(" ".join(texts(name, "given")))[:200]


def _number(system: str | None, value: str) -> Q:
    return Q(identifiers__contains=[f"{oid(system or '')}|{value}"])


class KeptType(Type):
    interactions = "rsvhcud"
    params = {
        "identifier": Token(_number),
        "name": Words(("names", "given")),
        "family": Words(("names",)),
        "given": Words(("given",)),
        "patient": Computed(lambda access, value: Q(circle_id=as_uuid(value.rpartition("/")[2])), "reference"),
    }
    sorts = {"_lastUpdated": "updated_at"}

    def __init__(self, name: str):
        self.name = name

    def rows(self, access):
        """Its own, and what signed in the circles where it is; the rest are other machines' words."""
        mine = Q(client=access.client) | Q(circle__in=access.circles())
        return Kept.objects.filter(mine, type=self.name, alone=True, deleted_at=None)

    def known_id(self, access, said):
        if found := as_uuid(said):
            if Kept.objects.filter(pk=found).exists():
                return found
        return (
            Kept.objects.filter(client=access.client, ref=f"{self.name}/{said}"[:300], alone=True)
            .order_by("-updated_at")
            .values_list("pk", flat=True)
            .first()
        )

    def write(self, access, rows):
        return [_node(self.name, row.pk, row.payload, row.version, row.updated_at) for row in rows]

    def history(self, access, row):
        return [
            (v.number, v.at, _node(self.name, row.pk, v.payload, v.number, v.at))
            for v in KeptVersion.objects.filter(kept=row).order_by("-number")
        ]

    def references(self, node, param):
        return []


def _node(name, pk, payload: Node, version: int, at) -> Node:
    meta = {**payload.get("meta", {}), "versionId": str(version), "lastUpdated": instant(at)}
    return payload | {"resourceType": name, "id": str(pk), "meta": meta}
