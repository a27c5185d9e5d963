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
        return {"start": _midnight(self.start), "end": _midnight(self.end + timedelta(days=1)), "known": known}


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


@dataclass(slots=True)
class Figures:
    total: Cell
    buckets: dict[date, Cell] = field(default_factory=dict)
    parts: dict[Any, Cell] = field(default_factory=dict)  # dimension's value, None when not said
    table: dict[tuple[Any, date], Cell] = field(default_factory=dict)


def figures(
    indicator: Indicator, scope: Scope, period: Period, *, by: str = "", step: str = "", cross: bool = False
) -> Figures:
    """`by`: a dimension; `step`: week or month; `cross`: also each part of each step."""
    sql, params = statement(indicator, scope, period, by=by, step=step, cross=cross)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    found = Figures(Cell(None, 0))
    for no_bucket, no_part, bucket, part, value, n in rows:
        cell = Cell(None if value is None else float(value), n)
        if no_bucket and no_part:
            found.total = cell
        elif no_part:
            found.buckets[bucket] = cell
        elif no_bucket:
            found.parts[part] = cell
        else:
            found.table[part, bucket] = cell
    return found


def statement(
    indicator: Indicator, scope: Scope, period: Period, *, by: str = "", step: str = "", cross: bool = False
) -> tuple[str, dict]:
    if step and indicator.is_state:
        raise ValueError("a state has no series in one statement: see `series`")
    if by and by not in indicator.dimensions:
        raise ValueError(f"{indicator.key} is not told by {by}")
    rows, params = _rows(indicator, scope, period, by)
    # An unknown dimension is one value among others: grouping() tells it from « all ».
    bucket = f"date_trunc('{step}', {indicator.moment} AT TIME ZONE %(zone)s)::date" if step else "NULL::date"
    part = sources.DIMENSIONS[by].sql if by else "NULL::text"
    sets = ["()"]
    if step:
        sets.append("(bucket)")
    if by:
        sets.append("(part)")
    if cross and step and by:
        sets.append("(part, bucket)")
    sql = f"""SELECT grouping(bucket) = 1, grouping(part) = 1, bucket, part, {indicator.measure}, {indicator.small}
      FROM (SELECT x.*, {bucket} AS bucket, {part} AS part {rows}) x
      GROUP BY GROUPING SETS ({", ".join(sets)})"""
    if not step and not by:
        sql = f"SELECT true, true, NULL::date, NULL, {indicator.measure}, {indicator.small} FROM (SELECT x.* {rows}) x"
    elif not step:
        sql = sql.replace("grouping(bucket) = 1", "true", 1).replace(" bucket, part, ", " NULL::date, part, ", 1)
    elif not by:
        sql = sql.replace("grouping(part) = 1", "true", 1).replace(" bucket, part, ", " bucket, NULL, ", 1)
    return sql, params


def _rows(indicator: Indicator, scope: Scope, period: Period, by: str = "") -> tuple[str, dict]:
    """« FROM … WHERE … » over `x`, the indicator's rows in this scope and period."""
    live = period.known_on is None
    params: dict[str, Any] = dict(period.instants(), zone=settings.TIME_ZONE)
    wheres: list[str] = [f"({indicator.where})"]
    joins: list[str] = []
    if indicator.is_state:
        wheres += ["x.opened_at < %(end)s", "(x.closed_at IS NULL OR x.closed_at >= %(end)s)"]
    else:
        wheres.append(f"{indicator.moment} >= %(start)s AND {indicator.moment} < %(end)s")
    if scope.organizations is not None:
        wheres.append("x.organization_id = ANY(%(organizations)s)")
        params["organizations"] = list(scope.organizations)
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
    return sql, params


def ids(
    indicator: Indicator, scope: Scope, period: Period, *, by: str = "", value: Any = None, limit: int = 500
) -> list:
    """The rows behind a figure, the latest first: (id, patient_id or None). `by` and `value`: of one part only."""
    rows, params = _rows(indicator, scope, period, by)
    if by:
        rows += f" AND ({sources.DIMENSIONS[by].sql})::text IS NOT DISTINCT FROM %(value)s"
        params["value"] = None if value in (None, "") else str(value)
    person = "x.file_id" if indicator.source == "sheets" else "x.patient_id"
    order = indicator.moment or "x.opened_at"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT x.id, {person} {rows} ORDER BY {order} DESC, x.id DESC LIMIT {int(limit)}", params)
        return cursor.fetchall()


def steps(period: Period, step: str) -> list[date]:
    """First days of the weeks (Monday) or months that the period touches."""
    day = period.start
    day = day - timedelta(days=day.weekday()) if step == "week" else day.replace(day=1)
    found = []
    while day <= period.end:
        found.append(day)
        day = day + timedelta(days=7) if step == "week" else (day + timedelta(days=32)).replace(day=1)
    return found


def step_end(day: date, step: str) -> date:
    return day + timedelta(days=6) if step == "week" else (day + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def series(indicator: Indicator, scope: Scope, period: Period, step: str) -> list[tuple[date, Cell]]:
    """One cell for each step: what happened in it, or how things stood on its last day."""
    days = steps(period, step)
    if not indicator.is_state:
        found = figures(indicator, scope, period, step=step)
        return [(day, found.buckets.get(day, Cell(0.0 if indicator.adds_up else None, 0))) for day in days]
    ends = [min(step_end(day, step), period.end) for day in days]
    if indicator.source == "connected":  # its rows themselves depend on the day
        return [
            (day, figures(indicator, scope, Period(end, end, period.known_on)).total)
            for day, end in zip(days, ends, strict=True)
        ]
    rows, params = _rows(indicator, scope, period)
    head, _where, tail = rows.rpartition(" WHERE ")
    sql = f"""SELECT day.number, {indicator.measure}, {indicator.small} {head}
      JOIN unnest(%(ends)s::timestamptz[]) WITH ORDINALITY day(instant, number) ON true
      WHERE {tail} GROUP BY day.number""".replace("%(end)s", "day.instant")
    params["ends"] = [_midnight(end + timedelta(days=1)) for end in ends]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        found = {number: Cell(None if value is None else float(value), n) for number, value, n in cursor.fetchall()}  # type: ignore[assignment]
    empty = Cell(0.0 if indicator.adds_up else None, 0)
    return [(day, found.get(number, empty)) for number, day in enumerate(days, 1)]  # type: ignore[attr-defined]
