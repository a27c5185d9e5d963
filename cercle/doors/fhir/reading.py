"""Read, history and search: from the rows a machine may see, and nothing else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core import signing
from django.utils.translation import gettext as _

from cercle.base.audit.record import Kind, record

from .access import Access
from .models import Kept
from .registry import TYPES, Type
from .search import Q, as_uuid, condition, reference
from .shape import Issue, Node, Rejected, reject

PAGE, MOST = 20, 200
MOST_ASKED = 60  # parameters of one search
INCLUDED = 1000  # resources brought along by one page
SALT = "fhir.page"
COMMON = set(
    "_count _sort _total _include _revinclude _include:iterate _revinclude:iterate _elements _summary _format _pretty _page".split()
)
CLINICAL = {"DocumentReference", "Observation"}


def find(access: Access, type_: str, said: str) -> tuple[Type, Any]:
    """The row behind Type/id. Raises Rejected: not-found (also when it is not hers to see), deleted."""
    for side in TYPES[type_].both():
        pk = side.known_id(access, said)
        if pk is None:
            continue
        row = side.rows(access).filter(pk=pk).first()
        if row is not None:
            return side, row
        gone = Kept.objects.filter(pk=pk, type=type_, client=access.client, alone=True).exclude(deleted_at=None)
        if gone.exists():
            raise reject("", _("cette ressource a été supprimée."), "deleted")
    raise reject("", _("cette ressource n’existe pas."), "not-found")


def read(access: Access, type_: str, said: str) -> Node:
    side, row = find(access, type_, said)
    node = side.write(access, [row])[0]
    trace(access, "fhir.read", type_, [row])
    return node


def history(access: Access, type_: str, said: str) -> list[tuple[int, Any, Node]]:
    side, row = find(access, type_, said)
    if "h" not in side.interactions:
        raise reject("", _("cette interaction n’est pas ouverte pour ce type de ressource."), "method")
    found = side.history(access, row)
    trace(access, "fhir.history_read", type_, [row])
    return found


@dataclass
class Page:
    nodes: list[Node]
    included: list[Node]
    total: int | None
    links: dict[str, str]
    outcomes: list[Issue] = field(default_factory=list)


def search(access: Access, type_: str, asked: Sequence[tuple[str, str]], *, base: str, strict: bool = False) -> Page:
    """`asked`: names and values in the order given. Raises Rejected."""
    if len(asked) > MOST_ASKED:
        raise reject("", _("trop de critères."), "too-long")
    kept = dict(asked)
    page = _opened(kept.get("_page", ""), access, type_)
    count = _number(kept.get("_count", ""), PAGE)
    outcomes: list[Issue] = []
    main = TYPES[type_]
    wanted = [(name, value) for name, value in asked if name.partition(":")[0] not in COMMON and name not in COMMON]
    sides = [
        (side, _conditions(side, access, wanted, strict, outcomes if side is main else [], alone=side is main))
        for side in main.both()
    ]
    sides = [(side, where) for side, where in sides if where is not None]
    order = _order(main, kept.get("_sort", ""), outcomes, strict)
    found: list[tuple[Type, Any]] = []
    skip = start = page
    for side, where in sides:
        if len(found) > count:
            break
        rows = side.rows(access).filter(where).order_by(*(order if side is main else ["-updated_at"]), "pk")
        if any("__" in n for n in _joined(side, wanted)):
            rows = rows.distinct()
        size = None
        if skip:
            size = rows.order_by().count()
            if skip >= size:
                skip -= size
                continue
        found += [(side, row) for row in rows[skip : skip + count + 1 - len(found)]]
        skip = 0
    more, found = len(found) > count, found[:count]
    total: int | None = None
    if kept.get("_total") != "none" or kept.get("_summary") == "count":
        total = start + len(found) if not more else None
        if total is None and (kept.get("_total") == "accurate" or kept.get("_summary") == "count" or start == 0):
            total = sum(side.rows(access).filter(where).order_by().distinct().count() for side, where in sides)
    if kept.get("_summary") == "count" or count == 0:
        return Page([], [], total, {}, outcomes)
    nodes = _written(access, found)
    included = include(access, type_, nodes, found, asked)
    _trace_all(access, "fhir.searched", type_, found)
    links = {"self": _link(base, type_, [(k, v) for k, v in asked if k != "_page"])}
    if more:
        mark = signing.dumps([str(access.client.pk), type_, start + count], salt=SALT, compress=True)
        links["next"] = _link(base, type_, [(k, v) for k, v in asked if k != "_page"] + [("_page", mark)])
    if elements := kept.get("_elements"):
        nodes = [_only(n, elements.split(",")) for n in nodes]
    return Page(nodes, included, total, links, outcomes)


def _conditions(side: Type, access, wanted, strict: bool, outcomes: list[Issue], *, alone: bool):
    """None when this side does not know one of the parameters (and is not the only one)."""
    where = Q()
    for name, value in wanted:
        if not value:
            continue
        code = name.partition(".")[0].partition(":")[0]
        if code == "_id":
            ids = [pk for said in value.split(",") if (pk := side.known_id(access, said)) is not None]
            where &= Q(pk__in=ids)
            continue
        if code == "_lastUpdated":
            column = side.sorts.get("_lastUpdated")
            if column:
                from .search import When

                where &= When(column).q(access, value.split(","), "")
            continue
        if code == "_has":
            where &= _has(side, access, name, value)
            continue
        if code not in side.params:
            if not alone:
                return None
            issue = Issue(name[:60], _("paramètre de recherche inconnu : il n’a pas été appliqué."), "not-supported")
            if strict or code[:1] != "_":
                raise Rejected(Issue(name[:60], _("paramètre de recherche inconnu."), "not-supported"))
            outcomes.append(issue)
            continue
        where &= condition(side, access, name, value)
    return where


def conditions(side: Type, access: Access, wanted) -> Q:
    """All of them, or Rejected."""
    return _conditions(side, access, wanted, True, [], alone=True)


def _has(side: Type, access, name: str, value: str):
    """`_has:DocumentReference:subject:type=OBS`"""
    parts = name.split(":", 3)
    if len(parts) != 4 or parts[1] not in TYPES:
        raise reject(name[:60], _("ce chemin de recherche n’est pas connu."), "not-supported")
    other = TYPES[parts[1]]
    param = other.params.get(parts[2])
    column = getattr(param, "to", {}).get(side.name)
    if not isinstance(column, str):
        raise reject(name[:60], _("ce chemin de recherche n’est pas connu."), "not-supported")
    rows = other.rows(access).filter(condition(other, access, parts[3], value)).order_by()
    return Q(pk__in=rows.values(column))


def _joined(side: Type, wanted) -> list[str]:
    """Columns of parameters that join to many rows."""
    names = []
    for name, _value in wanted:
        param = side.params.get(name.partition(".")[0].partition(":")[0])
        if (low := getattr(param, "low", "")) and low.startswith("members__"):
            names.append(low)
    return names


def _order(type_: Type, said: str, outcomes: list[Issue], strict: bool) -> list[str]:
    found = []
    for word in filter(None, said.split(",")):
        column = type_.sorts.get(word.lstrip("-"))
        if column is None:
            issue = Issue("_sort", _("tri inconnu : il n’a pas été appliqué."), "not-supported")
            if strict:
                raise Rejected(issue)
            outcomes.append(issue)
            continue
        found.append(("-" if word.startswith("-") else "") + column)
    return found


def _written(access, found: Iterable[tuple[Type, Any]]) -> list[Node]:
    by_side: dict[int, tuple[Type, list]] = {}
    for side, row in found:
        by_side.setdefault(id(side), (side, []))[1].append(row)
    nodes: dict[UUID, Node] = {}
    for side, rows in by_side.values():
        nodes |= {row.pk: node for row, node in zip(rows, side.write(access, rows), strict=True)}
    return [nodes[row.pk] for _side, row in found]


def include(access, type_: str, nodes: list[Node], found, asked) -> list[Node]:
    """`_include=DocumentReference:author`, `*`, `:iterate`; `_revinclude=DocumentReference:subject`."""
    wanted = [(n, v) for n, v in asked if n.partition(":")[0] in ("_include", "_revinclude")]
    if not wanted:
        return []
    brought: dict[tuple[str, str], Node] = {(n["resourceType"], n["id"]): n for n in nodes}
    own, fresh = set(brought), list(nodes)
    for depth in range(4):
        refs: set[tuple[str, str]] = set()
        for name, value in wanted:
            if name.startswith("_revinclude") or (depth and not name.endswith(":iterate") and value != "*"):
                continue
            source, _colon, param = value.partition(":")
            param, _colon, target = param.partition(":")
            for node in fresh:
                if value != "*" and source not in (node["resourceType"], "*"):
                    continue
                side = TYPES[node["resourceType"]]
                for code in side.includes if value == "*" or param == "*" else [param]:
                    if code not in side.includes:
                        raise reject(name, _("inclusion inconnue : %(what)s.") % {"what": value[:60]}, "not-supported")
                    refs |= {
                        r
                        for said in side.references(node, code)
                        if (r := reference(said))[0] in TYPES and (not target or r[0] == target)
                    }
        refs -= set(brought)
        if not refs:
            break
        fresh = _fetch(access, refs)
        for node in fresh:
            brought[node["resourceType"], node["id"]] = node
        if len(brought) > INCLUDED:
            raise reject("_include", _("trop de ressources incluses : demandez des pages plus courtes."), "too-long")
    for name, value in wanted:
        if not name.startswith("_revinclude"):
            continue
        source, _colon, param = value.partition(":")
        column = getattr(TYPES[source].params.get(param), "to", {}).get(type_) if source in TYPES else None
        if not isinstance(column, str):
            raise reject(name, _("inclusion inconnue : %(what)s.") % {"what": value[:60]}, "not-supported")
        rows = list(
            TYPES[source]
            .rows(access)
            .filter(**{f"{column}__in": [row.pk for _s, row in found]})
            .order_by("pk")[:INCLUDED]
        )
        for node in TYPES[source].write(access, rows):
            brought.setdefault((node["resourceType"], node["id"]), node)
        trace(access, "fhir.searched", source, rows)
    return [node for key, node in brought.items() if key not in own]


def _fetch(access, refs: set[tuple[str, str]]) -> list[Node]:
    found: list[tuple[Type, Any]] = []
    for type_ in sorted({t for t, _i in refs}):
        ids = [pk for t, i in refs if t == type_ and (pk := as_uuid(i))]
        for side in TYPES[type_].both():
            found += [(side, row) for row in side.rows(access).filter(pk__in=ids)]
    return _written(access, found)


def _only(node: Node, elements: list[str]) -> Node:
    wanted = {"resourceType", "id", "meta", *(e.strip().rpartition(".")[2] for e in elements)}
    subset = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
    return {k: v for k, v in node.items() if k in wanted} | {"meta": node["meta"] | {"tag": [subset]}}


def _link(base: str, type_: str, asked) -> str:
    return f"{base}/{type_}?{urlencode(asked)}" if asked else f"{base}/{type_}"


def _opened(mark: str, access, type_: str) -> int:
    if not mark:
        return 0
    try:
        client, name, start = signing.loads(mark, salt=SALT, max_age=86_400)
    except signing.BadSignature:
        raise reject("_page", _("cette page n’existe plus : reprenez la recherche."), "not-found") from None
    if client != str(access.client.pk) or name != type_:
        raise reject("_page", _("cette page n’existe plus : reprenez la recherche."), "not-found")
    return int(start)


def _number(said: str, default: int) -> int:
    if not said:
        return default
    if not said.isdigit():
        raise reject("_count", _("ce nombre ne se lit pas."), "value")
    return min(int(said[:6]), MOST)


# --- Traces -------------------------------------------------------------------------------------------------------------


def trace(access: Access, action: str, type_: str, rows: Sequence[Any]) -> None:
    """One line for each circle, so that each person's journal says it."""
    _trace_all(access, action, type_, [(TYPES[type_], row) for row in rows])


def _trace_all(access: Access, action: str, type_: str, found) -> None:
    by_circle: dict[UUID | None, list[UUID]] = {}
    for _side, row in found:
        by_circle.setdefault(_circle_of(type_, row), []).append(row.pk)
    for circle, ids in by_circle.items():
        if circle is None and type_ not in CLINICAL:
            continue  # the directory is public
        kind = Kind.SEARCH if action == "fhir.searched" else Kind.READ
        # The trace of a masked note is masked with it; a page of several is not, or it would hide that she was read at all.
        hidden = getattr(found[0][1], "hidden", 0) if len(found) == 1 else 0
        record(
            access.viewer, action, kind=kind, circle_id=circle, shown=ids[:100], hidden=hidden, details={"type": type_}
        )


def _circle_of(type_: str, row) -> UUID | None:
    if type_ in ("Patient", "CareTeam"):
        return row.pk
    if type_ == "RelatedPerson" and hasattr(row, "patient_id"):
        return row.patient_id
    return getattr(row, "circle_id", None)
