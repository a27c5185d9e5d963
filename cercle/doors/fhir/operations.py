"""Operations: $everything, $match, $lastn, $validate. Each starts from the same visible rows as a search."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from cercle.people.patients import duplicates

from . import answers, reading
from .access import Access
from .bundle import Entry, Lot
from .registry import TYPES
from .resources import document_reference, patient
from .shape import Issue, Node, Rejected, child, items, reject, text

GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"
OF_PATIENT = ("CareTeam", "RelatedPerson", "DocumentReference", "Observation")
MOST = 1000


def everything(access: Access, said_id: str, asked: dict[str, str], base: str) -> Node:
    """The patient, what is about her, and whoever is named there; `_since`, `_type`, `_count`."""
    _side, row = reading.find(access, "Patient", said_id)
    wanted = set(asked.get("_type", "").split(",")) - {""}
    limit = min(int(asked["_count"]), MOST) if asked.get("_count", "").isdigit() else MOST
    found: list[tuple[str, list[Any]]] = [("Patient", [row])]
    for name in OF_PATIENT:
        if wanted and name not in wanted or not access.may(name, "r"):
            continue
        rows = TYPES[name].rows(access).filter(**{TYPES[name].params["patient"].to["Patient"]: row.pk})  # type: ignore[attr-defined]
        if asked.get("_since"):
            rows = rows.filter(_since(name, asked["_since"]))
        found.append((name, list(rows.order_by("pk")[:limit])))
    nodes: list[Node] = []
    for name, held in found:
        nodes += TYPES[name].write(access, held)
        reading.trace(access, "fhir.read", name, held)
    named = reading.include(access, "Patient", nodes, [], [("_include:iterate", "*")])
    return answers.searchset(base, nodes, named, total=len(nodes), links={}, outcomes=[])


def _since(name: str, said: str):
    from .search import When

    return When(TYPES[name].sorts["_lastUpdated"]).q(None, [f"ge{said}"], "")  # type: ignore[arg-type]


def match(access: Access, body: Node, base: str, is_demo: bool) -> Node:
    """The product's own matcher, among the patients that this machine follows."""
    asked = {text(p, "name"): p for p in items(body, "parameter")}
    resource = child(asked.get("resource", {}), "resource") if asked else body
    if text(resource, "resourceType") != "Patient":
        raise reject("Parameters.parameter", _("donnez la ressource Patient à reconnaître."), "required")
    count = asked.get("count", {}).get("valueInteger")
    certain = asked.get("onlyCertainMatches", {}).get("valueBoolean") is True
    read = patient.read(Entry(resource, "Patient"), is_demo=is_demo)
    candidates = duplicates.resembling(duplicates.traits_of(read.traits, read.coordinates, ins=read.ins_value))
    rows = TYPES["Patient"].rows(access).in_bulk([c.patient_id for c in candidates])
    kept = [c for c in candidates if c.patient_id in rows and (c.level == "auto" or not certain)]
    kept = kept[: count if isinstance(count, int) and count > 0 else 20]
    nodes = TYPES["Patient"].write(access, [rows[c.patient_id] for c in kept])
    reading.trace(access, "fhir.searched", "Patient", [rows[c.patient_id] for c in kept])
    bundle = answers.searchset(base, nodes, [], total=len(nodes), links={}, outcomes=[])
    top = max((c.score for c in kept), default=1.0) or 1.0
    for entry, one in zip(bundle.get("entry", []), kept, strict=False):
        grade = {"url": GRADE, "valueCode": "certain" if one.level == "auto" else "probable"}
        entry["search"] |= {"score": round(max(0.0, min(one.score / top, 1.0)), 3), "extension": [grade]}
    return bundle


def lastn(access: Access, asked: list[tuple[str, str]], base: str) -> Node:
    """The `max` newest measures of each kind (1 by default)."""
    most = next((int(v) for k, v in asked if k == "max" and v.isdigit()), 1)
    names = {k.partition(":")[0].partition(".")[0] for k, _v in asked}
    if not names & {"patient", "subject"}:
        raise reject("patient", _("donnez le patient."), "required")
    type_ = TYPES["Observation"]
    where = reading.conditions(type_, access, [(k, v) for k, v in asked if k not in ("max", "_count")])
    kept: dict[str, list[Any]] = {}
    for row in type_.rows(access).filter(where).order_by("-measured_at", "-pk")[:MOST]:
        held = kept.setdefault(row.kind, [])
        if len(held) < min(most, 100):
            held.append(row)
    rows = [row for held in kept.values() for row in held]
    reading.trace(access, "fhir.searched", "Observation", rows)
    return answers.searchset(base, type_.write(access, rows), [], total=len(rows), links={}, outcomes=[])


def validate(access: Access, type_: str, body: Node, is_demo: bool) -> Node:
    """What a create of this resource would refuse, or warn of; nothing is kept."""
    asked = {text(p, "name"): p for p in items(body, "parameter")}
    resource = child(asked.get("resource", {}), "resource") if text(body, "resourceType") == "Parameters" else body
    if text(resource, "resourceType") != type_:
        raise reject("resourceType", _("le contenu n’est pas du type de l’adresse."), "structure")
    entry = Entry(resource, type_)
    readers: dict[str, Callable[[], list[str]]] = {
        "Patient": lambda: patient.read(entry, is_demo=is_demo).warnings,
        "DocumentReference": lambda: document_reference.read(entry, Lot([entry], resource, type_)).warnings,
    }
    try:
        warnings = readers.get(type_, list)()
    except Rejected as wrong:
        return answers.outcome(wrong.issues)
    if warnings:
        return answers.outcome([Issue("", w, "informational") for w in warnings], "warning")
    return answers.outcome([Issue("", _("Rien à redire."), "informational")], "information")
