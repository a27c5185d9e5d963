"""Reading received JSON that may hold anything anywhere: a value of the wrong kind counts as absent."""

import math
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused

Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Issue:
    """What an OperationOutcome will say: where (a FHIRPath) and why, without personal data."""

    path: str
    message: str
    code: str = "invalid"

    def __str__(self) -> str:
        return f"{self.path}\u00a0: {self.message}" if self.path else self.message


class Rejected(Refused):
    """The whole message is refused; one issue per thing to correct."""

    def __init__(self, *issues: Issue):
        super().__init__(" ; ".join(str(i) for i in issues), issues[0].code if issues else "invalid")
        self.issues = issues


def reject(path: str, message: str, code: str = "invalid") -> Rejected:
    return Rejected(Issue(path, message, code))


def text(node: Any, name: str) -> str:
    value = node.get(name) if isinstance(node, dict) else None
    return value.strip() if isinstance(value, str) else ""


def child(node: Any, name: str) -> Node:
    value = node.get(name) if isinstance(node, dict) else None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]  # a list where one was meant
    return value if isinstance(value, dict) else {}


def items(node: Any, name: str) -> list[Node]:
    """A list of objects; one object alone is read as a list of one."""
    value = node.get(name) if isinstance(node, dict) else None
    if isinstance(value, dict):
        return [value]
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def texts(node: Any, name: str) -> list[str]:
    value = node.get(name) if isinstance(node, dict) else None
    values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [v.strip() for v in values if isinstance(v, str) and v.strip()]


def extension(node: Any, *names: str) -> Node:
    """The first extension whose URL ends with one of these names, whatever the version of the guide before it."""
    for found in items(node, "extension"):
        if text(found, "url").rstrip("/").rpartition("/")[2] in names:
            return found
    return {}


def codings(concept: Any) -> list[tuple[str, str, str]]:
    """(system, code, display)"""
    return [(text(c, "system"), text(c, "code"), text(c, "display")) for c in items(concept, "coding")]


def label(concept: Any) -> str:
    return text(concept, "text") or next((display for _s, _c, display in codings(concept) if display), "")


def oid(system: str) -> str:
    return system.strip().removeprefix("urn:oid:")


def full_name(name: Node) -> str:
    """« Sophie Brooks »"""
    return " ".join([*texts(name, "given")[:1], text(name, "family")]).strip() or text(name, "text")


def storable(value: Any, depth: int = 0) -> Any:
    """The same JSON without what cannot be kept and given back: NUL, lone surrogates, numbers that are infinite or beyond 2^53."""
    if depth > 200:
        raise reject("", _("Ce fichier est imbriqué sur trop de niveaux."), "too-deep")
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {storable(k, depth): storable(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [storable(v, depth + 1) for v in value]
    if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) < 2**53):
        return str(value)
    return value
