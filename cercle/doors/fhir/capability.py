"""What the door says of itself, from the registry."""

from django.utils import timezone

from cercle import __version__

from .registry import TYPES
from .shape import Node

GUIDE = "https://interop.esante.gouv.fr/ig/fhir/cdl/CapabilityStatement/GestionnaireCdL"


def statement(base: str) -> Node:
    return {
        "resourceType": "CapabilityStatement", "status": "active", "date": timezone.now().date().isoformat(), "kind": "instance",
        "software": {"name": "Cercle", "version": __version__}, "implementation": {"description": "Cercle", "url": base},
        "instantiates": [GUIDE], "fhirVersion": "4.0.1", "format": ["application/fhir+json", "json", "application/fhir+xml", "xml"],
        "rest": [{
            "mode": "server",
            "security": {"service": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}]}]},
            "resource": [_resource(name) for name in sorted(TYPES)],
            "interaction": [{"code": "transaction"}, {"code": "batch"}],
        }],
    }  # fmt: skip


def _resource(name: str) -> Node:
    type_ = TYPES[name]
    codes = {
        "r": "read",
        "v": "vread",
        "h": "history-instance",
        "s": "search-type",
        "c": "create",
        "u": "update",
        "d": "delete",
    }
    found: Node = {
        "type": name,
        "interaction": [{"code": codes[c]} for c in type_.interactions],
        "versioning": "versioned",
    }
    if type_.profiles:
        found["supportedProfile"] = list(type_.profiles)
    writes = "c" in type_.interactions
    found |= {
        "conditionalCreate": writes,
        "conditionalUpdate": writes,
        "conditionalDelete": "single" if "d" in type_.interactions else "not-supported",
    }
    params = {p: side.params[p].kind for side in type_.both() for p in side.params}
    found["searchParam"] = [{"name": "_id", "type": "token"}, {"name": "_lastUpdated", "type": "date"}]
    found["searchParam"] += [{"name": p, "type": kind} for p, kind in sorted(params.items())]
    if type_.includes:
        found["searchInclude"] = [f"{name}:{p}" for p in type_.includes]
    backs = [
        f"{other}:{p}"
        for other in sorted(TYPES)
        for p in TYPES[other].includes
        if isinstance(getattr(TYPES[other].params.get(p), "to", {}).get(name), str)
    ]
    if backs:
        found["searchRevInclude"] = backs
    return found
