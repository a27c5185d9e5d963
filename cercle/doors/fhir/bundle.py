"""A received file: a Bundle of any kind or one resource, and what its references point to."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from .shape import Node, items, reject, storable, text

LARGEST = 64 * 1024 * 1024  # bytes of JSON: ten photos in base64
MOST_ENTRIES = 5_000
ACTORS = frozenset({"Patient", "Practitioner", "PractitionerRole", "Organization", "RelatedPerson", "Device"})
TAKEN = ACTORS | {"DocumentReference", "Binary"}


@dataclass(slots=True)
class Entry:
    resource: Node
    path: str  # where it stands: "Bundle.entry[3].resource"
    full_url: str = ""
    method: str = "POST"
    url: str = ""

    @property
    def type(self) -> str:
        return text(self.resource, "resourceType")

    @property
    def id(self) -> str:
        """Its id, or the one that a PUT gives."""
        named = text(self.resource, "id")
        kind, _slash, last = self.url.partition("?")[0].strip("/").rpartition("/")
        return named or (last if kind.rpartition("/")[2] == self.type else "")

    @property
    def names(self) -> list[str]:
        """All that a reference may call it."""
        found = [self.full_url] if self.full_url else []
        if self.id:
            found += [f"{self.type}/{self.id}", f"urn:uuid:{self.id}"]
        return [n.lower() if n.startswith("urn:") else n for n in found]

    @property
    def ref(self) -> str:
        """What its sender calls it, to recognise it in a later file; "" when nothing lasts."""
        if self.id:
            return f"{self.type}/{self.id}"[:300]
        return f"{self.type}/{self.full_url.removeprefix('urn:uuid:')}"[:300] if self.full_url else ""


@dataclass
class Lot:
    entries: list[Entry]
    payload: Any
    kind: str
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.by_name: dict[str, Entry] = {}
        for entry in self.entries:
            for name in entry.names:
                self.by_name.setdefault(name, entry)

    def of(self, *types: str) -> Iterator[Entry]:
        return (e for e in self.entries if e.type in types)

    def find(self, reference: Node, within: Entry, types: frozenset[str] | set[str]) -> Entry | None:
        """What a Reference points to inside this file: contained, urn:uuid, fullUrl, Type/id, or logical identifier."""
        target = text(reference, "reference")
        if target.startswith("#"):
            for inner in items(within.resource, "contained"):
                if text(inner, "id") == target[1:] and text(inner, "resourceType") in types:
                    return Entry(inner, f"{within.path}.contained", full_url=f"{within.ref}#{target[1:]}")
            return None
        for name in _spellings(target):
            if (found := self.by_name.get(name)) and found.type in types:
                return found
        wanted = {(text(i, "system"), text(i, "value")) for i in items(reference, "identifier")} - {("", "")}
        for entry in self.of(*types):
            held = items(entry.resource, "identifier") + items(entry.resource, "masterIdentifier")
            if wanted & {(text(i, "system"), text(i, "value")) for i in held if text(i, "value")}:
                return entry
        return None


def short_ref(reference: Node, types: frozenset[str] | set[str]) -> str:
    """« Type/id » of a reference that points outside the file."""
    target = text(reference, "reference").partition("/_history/")[0].rstrip("/")
    kind, _slash, last = target.rpartition("/")
    kind = kind.rpartition("/")[2]
    if kind in types and last:
        return f"{kind}/{last}"
    if target.lower().startswith("urn:uuid:") and len(types) == 1:
        return f"{next(iter(types))}/{target[9:]}"
    return ""


def _spellings(target: str) -> list[str]:
    if not target:
        return []
    target = target.partition("/_history/")[0].rstrip("/")
    if target.lower().startswith("urn:"):
        return [target.lower()]
    kind, _slash, last = target.rpartition("/")
    found = [target, f"{kind.rpartition('/')[2]}/{last}"] if kind else [f"urn:uuid:{last.lower()}"]
    return [*found, f"urn:uuid:{last.lower()}"]


def read(raw: bytes) -> Lot:
    """The file as a lot of entries. Raises Rejected in one line when it is not what we take."""
    if len(raw) > LARGEST:
        raise reject("", _("Ce fichier est trop gros : %(n)s Mo au plus.") % {"n": LARGEST // 1024 // 1024}, "too-long")
    head = raw[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        raise reject("", _("Ce fichier est vide."), "structure")
    if head.startswith(b"<"):
        raise reject(
            "", _("Ce fichier est du XML. Seul le JSON est lu : demandez ce format à l’émetteur."), "not-supported"
        )
    try:
        payload = json.loads(raw, parse_constant=_no_constant)
    except RecursionError:
        raise reject("", _("Ce fichier est imbriqué sur trop de niveaux."), "too-deep") from None
    except UnicodeDecodeError:
        raise reject("", _("Ce fichier n’est pas écrit en UTF-8."), "structure") from None
    except json.JSONDecodeError as wrong:
        raise reject("", _("Ce fichier n’est pas du JSON (ligne %(n)s).") % {"n": wrong.lineno}, "structure") from None
    except ValueError:
        raise reject("", _("Ce fichier n’est pas du JSON lisible."), "structure") from None
    payload = storable(payload)
    if not isinstance(payload, dict) or not text(payload, "resourceType"):
        raise reject("", _("Ce fichier n’est pas une ressource FHIR : « resourceType » manque."), "structure")
    kind = text(payload, "resourceType")
    if kind in TAKEN - {"Binary"}:
        return Lot([Entry(payload, kind)], payload, kind)
    if kind != "Bundle":
        raise reject(
            "", _("Ce fichier est une ressource %(kind)s, pas un Bundle du cahier de liaison.") % {"kind": _tidy(kind)}
        )
    return _bundle(payload)


def _bundle(payload: Node) -> Lot:
    held = payload.get("entry")
    if not isinstance(held, list) or not held:
        raise reject("Bundle.entry", _("ce lot est vide."), "required")
    if len(held) > MOST_ENTRIES:
        raise reject(
            "Bundle.entry", _("ce lot est trop long : %(n)s entrées au plus.") % {"n": MOST_ENTRIES}, "too-long"
        )
    entries, others = [], set()
    for n, row in enumerate(held):
        path = f"Bundle.entry[{n}]"
        resource = row.get("resource") if isinstance(row, dict) else None
        request = row.get("request") if isinstance(row, dict) else None
        method = (text(request, "method") or "POST").upper()
        if method not in ("POST", "PUT"):
            raise reject(
                f"{path}.request.method",
                _(
                    "seuls POST et PUT sont acceptés. Pour retirer une note, envoyez-la avec le statut « entered-in-error »."
                ),
                "not-supported",
            )
        if not isinstance(resource, dict):
            raise reject(f"{path}.resource", _("la ressource manque."), "required")
        if (kind := text(resource, "resourceType")) not in TAKEN:
            others.add(_tidy(kind) or "?")
            continue
        entries.append(Entry(resource, f"{path}.resource", text(row, "fullUrl"), method, text(request, "url")))
    lot = Lot(entries, payload, "Bundle")
    if others:
        lot.warnings.append(_("Ressources gardées sans être lues : %(kinds)s.") % {"kinds": ", ".join(sorted(others))})
    if not any(lot.of("DocumentReference")):
        raise reject("Bundle.entry", _("ce lot ne contient aucune note (DocumentReference)."), "required")
    return lot


def _tidy(word: str) -> str:
    return "".join(c for c in word if c.isalnum())[:40]


def _no_constant(word: str) -> float:
    raise ValueError(word)
