"""Every address of the site, with ids to put in it: a new route is tried the day it is born."""

from dataclasses import dataclass, field
from uuid import uuid4

from django.urls import URLPattern, URLResolver, get_resolver

from cercle.base.web import panels

WORDS = {
    "slug": "cahier",
    "kind": "allergy",
    "what": "traits",
    "slot": "note",
    "verb": "revoke",
    "token": "x" * 43,
    "number": "1",
}
# Arguments that are rows of the directory or of one's own account: no patient stands behind them.
NO_PATIENT = {
    "practitioner_id", "organization_id", "entry_id", "report_id", "team_id", "what", "verb", "invitation_id", "account_id",
    "recovery_id", "token", "pk",
}  # fmt: skip


@dataclass(frozen=True)
class Route:
    name: str
    template: str  # "patients/<uuid:circle_id>/notes/"
    parameters: tuple[str, ...]
    converters: dict = field(hash=False, compare=False, default_factory=dict)

    def url(self, **given) -> str:
        """The address with these values; for what is not given, an id of nothing or the usual word."""
        path = self.template
        for name in self.parameters:
            kind = type(self.converters[name]).__name__
            word = uuid4() if kind == "UUIDConverter" else 1 if kind == "IntConverter" else WORDS.get(name, "x")
            for prefix in ("", "uuid:", "str:", "slug:", "int:", "path:"):
                path = path.replace(f"<{prefix}{name}>", str(given.get(name, word)))
        return "/" + path

    def variants(self) -> list[dict]:
        """The words that an address takes: each tab of the patient's page, nothing for the rest."""
        if self.template == "patients/<uuid:circle_id>/<slug:slug>/":
            return [{"slug": panel.slug} for panel in panels.ordered()]
        return [{}]

    @property
    def rows(self) -> list[str]:
        return [n for n in self.parameters if n.endswith("_id") and n != "circle_id"]


def every(patterns=None, space: str = "", before: str = "", outer=None) -> list[Route]:
    found = []
    for p in get_resolver().url_patterns if patterns is None else patterns:
        template, converters = before + str(p.pattern), (outer or {}) | p.pattern.converters
        if getattr(p, "namespace", None) == "fhir":
            continue  # the machines' door: bearer tokens, no session; its own hostile tests are in tests/doors/fhir
        if isinstance(p, URLResolver):
            found += every(p.url_patterns, f"{space}{p.namespace}:" if p.namespace else space, template, converters)
        elif isinstance(p, URLPattern):
            found.append(Route(space + (p.name or template), template, tuple(converters), converters))
    return list(dict.fromkeys(found))


def of_a_circle() -> list[Route]:
    return [r for r in every() if "circle_id" in r.parameters]


def of_a_row() -> list[Route]:
    """Outside circles, yet a row of someone stands behind: notices, the identity queue, the desk's requests."""
    return [
        r for r in every() if r.parameters and "circle_id" not in r.parameters and not set(r.parameters) <= NO_PATIENT
    ]


def plain() -> list[Route]:
    return [r for r in every() if not r.parameters and "deconnexion" not in r.template]
