"""Device: an apparatus that signs (scales, remote alarm…)."""

from cercle.doors.fhir.registry import register
from cercle.doors.fhir.resources.kept import KeptType
from cercle.doors.fhir.shape import Node, items, label, text


def read(resource: Node) -> str:
    named = next((text(n, "name") for n in items(resource, "deviceName") if text(n, "name")), "")
    kind = label(next(iter(items(resource, "type")), {}))
    return (named or kind or text(resource, "modelNumber"))[:200]


register(KeptType("Device"))
