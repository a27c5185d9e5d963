"""Every address of the site, with ids to put in it: a new route is tried the day it is born."""

from dataclasses import dataclass, field
from uuid import uuid4

from django.urls import URLPattern, URLResolver, get_resolver, reverse

WORDS = {
    "slug": "cercle",
    "kind": "allergy",
    "what": "coordonnees",
    "slot": "note",
    "verb": "revoke",
    "token": "x" * 43,
}


@dataclass(frozen=True)
class Route:
    name: str
    parameters: tuple[str, ...]
    converters: dict = field(hash=False, compare=False, default_factory=dict)

    def url(self, **ids) -> str:
        given = {}
        for name in self.parameters:
            kind = type(self.converters[name]).__name__
            if name in ids:
                given[name] = ids[name]
            elif kind == "UUIDConverter":
                given[name] = uuid4()
            else:
                given[name] = 1 if kind == "IntConverter" else WORDS.get(name, "x")
        return reverse(self.name, kwargs=given)


def every(patterns=None, prefix="") -> list[Route]:
    found = []
    for p in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(p, URLResolver):
            space = f"{prefix}{p.namespace}:" if p.namespace else prefix
            found += every(p.url_patterns, space)
        elif isinstance(p, URLPattern) and p.name:
            converters = p.pattern.converters
            found.append(Route(prefix + p.name, tuple(converters), converters))
    return list(dict.fromkeys(found))


def of_a_circle() -> list[Route]:
    return [r for r in every() if "circle_id" in r.parameters]
