"""Figures: one statement gives an indicator's total, its series and its parts."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from . import sources
from .indicator import Indicator


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose figures: `organizations` None is the whole region."""

    organizations: tuple[UUID, ...] | None = None
    team: UUID | None = None
    level: int | None = None
    commune: str = ""


@dataclass(frozen=True, slots=True)
class Period:
    """Days, both included. `known_on`: as known at the end of that day; None, as known now."""

    start: date
    end: date
    known_on: date | None = None

    def before(self) -> "Period":
        """The period of the same length just before."""
        days = (self.end - self.start).days + 1
        return Period(self.start - timedelta(days=days), self.start - timedelta(days=1), self.known_on)

    def year_before(self) -> "Period":
        return Period(_last_year(self.start), _last_year(self.end), self.known_on)

    def instants(self) -> dict[str, datetime]:
        known = _midnight(self.known_on + timedelta(days=1)) if self.known_on else timezone.now()
        end = _midnight(self.end + timedelta(days=1))
        return {"start": _midnight(self.start), "end": end, "known": known, "until": min(end, known)}


def _last_year(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_default_timezone())


@dataclass(slots=True)
class Cell:
    value: float | None
    n: int  # people or requests behind it

    def __add__(self, other: "Cell | None") -> "Cell":
        if other is None:
            return Cell(self.value, self.n)
        return Cell((self.value or 0.0) + (other.value or 0.0), self.n + other.n)


@dataclass(slots=True)
class Figures:
    total: Cell
    buckets: dict[date, Cell] = field(default_factory=dict)
    parts: dict[Any, Cell] = field(default_factory=dict)  # dimension's value, None when not said
    table: dict[tuple[Any, date], Cell] = field(default_factory=dict)


def figures(
    indicator: Indicator, scope: Scope, period: Period, *, by: str = "", step: str = "", cross: bool = False
) -> Figures:
    """`by`: a dimension; `step`: week, month or quarter; `cross`: also each part of each step."""
    sql, params = statement(indicator, scope, period, by=by, step=step, cross=cross)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    days = steps(period, step) if step else []
    found = Figures(Cell(0.0 if indicator.measure == "count(*)" else None, 0))
    for no_bucket, no_part, bucket, part, value, n in rows:
        cell = Cell(None if value is None else float(value), n)
        if no_bucket and no_part:
            found.total = cell
        elif no_part:
            found.buckets[days[bucket - 1]] = cell
        elif no_bucket:
            found.parts[part] = cell
        else:
            found.table[part, days[bucket - 1]] = cell
    if indicator.adds_up and (step or by):
        _add_up(found, parts=bool(by))
    return found


def _add_up(found: Figures, *, parts: bool) -> None:
    """The sums of what adds up, from the smallest cells."""
    for (part, day), cell in found.table.items():
        found.buckets[day] = cell + found.buckets.get(day)
        found.parts[part] = cell + found.parts.get(part)
    for cell in (found.parts if parts else found.buckets).values():
        found.total = cell + (found.total if found.total.n else None)


def statement(
    indicator: Indicator, scope: Scope, period: Period, *, by: str = "", step: str = "", cross: bool = False
) -> tuple[str, dict]:
    if step and indicator.is_state:
        raise ValueError("a state has no series in one statement: see `state_series`")
    if by and by not in indicator.dimensions:
        raise ValueError(f"{indicator.key} is not told by {by}")
    first, rows, params = _rows(indicator, scope, period, by)
    bucket = (
        f"width_bucket({sources.moment(indicator.source, indicator.moment)}, %(edges)s::timestamptz[])"
        if step
        else "NULL::int"
    )
    if step:
        params["edges"] = [_midnight(day) for day in steps(period, step)]
    part = sources.DIMENSIONS[by].sql if by else "NULL::text"
    inside = f"(SELECT x.*, {bucket} AS bucket, {part} AS part {rows}) x"
    measured = f"{indicator.measure}, {indicator.small}"
    if not (step or by):
        return f"{first} SELECT true, true, NULL, NULL, {measured} FROM {inside}", params
    keys = [key for key, wanted in (("bucket", step), ("part", by)) if wanted]
    if indicator.adds_up and (cross or len(keys) == 1):
        told = f"{'false, bucket' if step else 'true, NULL'}".split(", ")
        named = f"{'false, part' if by else 'true, NULL'}".split(", ")
        head = f"{told[0]}, {named[0]}, {told[1]}, {named[1]}"
        return f"{first} SELECT {head}, {measured} FROM {inside} GROUP BY {', '.join(keys)}", params
    # An unknown dimension is one value among others: grouping() tells it from « all ».
    sets = ["()", *(f"({key})" for key in keys)]
    if cross and len(keys) == 2:
        sets.append("(bucket, part)")
    lone = [f"grouping({key}) = 1" if key in keys else "true" for key in ("bucket", "part")]
    named = [key if key in keys else "NULL" for key in ("bucket", "part")]
    return (
        f"{first} SELECT {', '.join(lone + named)}, {measured} FROM {inside} GROUP BY GROUPING SETS ({', '.join(sets)})",
        params,
    )


def _rows(indicator: Indicator, scope: Scope, period: Period, by: str = "") -> tuple[str, str, dict]:
    """« WITH … », then « FROM … WHERE … » over `x`, the indicator's rows in this scope and period."""
    live = period.known_on is None
    params: dict[str, Any] = dict(period.instants(), zone=settings.TIME_ZONE)
    wheres: list[str] = [f"({indicator.where})"]
    joins: list[str] = []
    if indicator.is_state:
        wheres += ["x.opened_at < %(end)s", "(x.closed_at IS NULL OR x.closed_at >= %(end)s)"]
    else:
        moment = sources.moment(indicator.source, indicator.moment)
        wheres.append(f"{moment} >= %(start)s AND {moment} < %(until)s")
    if scope.organizations is not None:
        # Of one alone the index also gives the order: a list's first rows are read, not sorted.
        one = len(scope.organizations) == 1
        wheres.append("x.organization_id = " + ("%(organization)s" if one else "ANY(%(organizations)s)"))
        params |= {"organizations": list(scope.organizations), "organization": next(iter(scope.organizations), None)}
    narrow = sources.NARROW[indicator.source]
    for name in ("team", "level", "commune"):
        if value := getattr(scope, name):
            dimension = sources.DIMENSIONS[narrow[name]]
            joins += dimension.joins
            wheres.append(f"{dimension.sql} = %({name})s")
            params[name] = value
    if by:
        joins += sources.DIMENSIONS[by].joins
    text = "\n".join(sources.JOINS[name] for name in sources.JOINS if name in joins)
    text = text.replace("{files}", sources.files(live)).replace(
        "{responses}", sources.known("questionnaires_response", live)
    )
    sql = f"FROM ({sources.SOURCES[indicator.source](live)}) x {text} WHERE {' AND '.join(wheres)}"
    return sources.changed(sql, of_structures=scope.organizations is not None), sql, params


def ids(
    indicator: Indicator, scope: Scope, period: Period, *, by: str = "", value: Any = None, limit: int = 500
) -> list:
    """The rows behind a figure, the latest first: (id, patient_id or None). `by` and `value`: of one part only."""
    first, rows, params = _rows(indicator, scope, period, by)
    if by:
        rows += f" AND ({sources.DIMENSIONS[by].sql})::text IS NOT DISTINCT FROM %(value)s"
        params["value"] = None if value in (None, "") else str(value)
    person = "x.file_id" if indicator.source == "sheets" else "x.patient_id"
    order = indicator.moment or "x.opened_at"
    with connection.cursor() as cursor:
        cursor.execute(
            f"{first} SELECT x.id, {person} {rows} ORDER BY {order} DESC, x.id DESC LIMIT {int(limit)}", params
        )
        return cursor.fetchall()


def first_day(day: date, step: str) -> date:
    """Of its week (Monday), month or quarter."""
    match step:
        case "week":
            return day - timedelta(days=day.weekday())
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case _:
            return day.replace(day=1)


def step_end(day: date, step: str) -> date:
    days = {"week": 7, "month": 31, "quarter": 92}[step]
    return first_day(first_day(day, step) + timedelta(days=days), step) - timedelta(days=1)


def steps(period: Period, step: str) -> list[date]:
    """First days of the weeks, months or quarters that the period touches."""
    day, found = first_day(period.start, step), []
    while day <= period.end:
        found.append(day)
        day = step_end(day, step) + timedelta(days=1)
    return found


def series(indicator: Indicator, scope: Scope, period: Period, step: str) -> list[tuple[date, Cell]]:
    """One cell for each step: what happened in it, or how things stood on its last day."""
    if indicator.is_state:
        return state_series(indicator, scope, period, step)
    return flow_series(indicator, figures(indicator, scope, period, step=step), period, step)


def flow_series(indicator: Indicator, found: Figures, period: Period, step: str) -> list[tuple[date, Cell]]:
    return [(day, found.buckets.get(day, _empty(indicator))) for day in steps(period, step)]


def state_series(indicator: Indicator, scope: Scope, period: Period, step: str) -> list[tuple[date, Cell]]:
    days = steps(period, step)
    ends = [min(step_end(day, step), period.end) for day in days]
    if indicator.source == "connected":  # its rows themselves depend on the day
        return [
            (day, figures(indicator, scope, Period(end, end, period.known_on)).total)
            for day, end in zip(days, ends, strict=True)
        ]
    first, rows, params = _rows(indicator, scope, period)
    head, _where, tail = rows.rpartition(" WHERE ")
    sql = f"""{first} SELECT day.number, {indicator.measure}, {indicator.small} {head}
      JOIN unnest(%(ends)s::timestamptz[]) WITH ORDINALITY day(instant, number) ON true
      WHERE {tail} GROUP BY day.number""".replace("%(end)s", "day.instant")
    params["ends"] = [_midnight(end + timedelta(days=1)) for end in ends]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        found = {
            number: Cell(None if value is None else float(value), n) for number, value, n in cursor.fetchall()
        }  # fmt: skip
    return [(day, found.get(number, _empty(indicator))) for number, day in enumerate(days, 1)]


def _empty(indicator: Indicator) -> Cell:
    return Cell(0.0 if indicator.adds_up else None, 0)
