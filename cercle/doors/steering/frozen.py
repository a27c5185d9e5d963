"""Months that are frozen: what a figure was, once and for all. Rows may then be deleted as the law asks, and the figure stays.

A month is frozen as known at the end of a day, which is kept: the rows give the same figure again for as long as they are all
there. Once some are deleted, the frozen figure less the one that the remaining rows give, as known that day, is what was lost
(`account`); screens add it to what the rows say today (`restored`). Rows written late, and corrections, thus still count.
What does not add up (a median, a share) is the frozen one for a month alone, and tells the remaining rows for a longer period.
"""

from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from cercle.base.audit.record import SYSTEM, record
from cercle.people.circles.desks import DAC
from cercle.people.directory.models import Organization

from . import engine, sources
from .indicator import Indicator, registry
from .models import Deletion, MonthlyFigure

# What a part may be in a published row: lists that name people (authors, referents) are not frozen.
NAMES_PEOPLE = frozenset({"referent", "author"})


def month_of(day: date, known_on: date | None = None) -> engine.Period:
    first = day.replace(day=1)
    return engine.Period(first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1), known_on)


def told_by(indicator: Indicator) -> list[str]:
    return ["", *(by for by in indicator.dimensions if by not in NAMES_PEOPLE and by != "organization")]


def computed(indicator: Indicator, organization_id, month: date, known_on: date) -> dict[tuple[str, str], engine.Cell]:
    """{(dimension, part): cell} of that month from the rows, as known that day."""
    scope, period = engine.Scope((organization_id,)), month_of(month, known_on)
    found: dict[tuple[str, str], engine.Cell] = {}
    for by in told_by(indicator):
        figures = engine.figures(indicator, scope, period, by=by)
        if by:
            for part, cell in figures.parts.items():
                said = by, "" if part is None else str(part)  # nothing, or an empty word: the same part
                found[said] = cell + found.get(said) if indicator.adds_up else cell
        else:
            found["", ""] = figures.total
    return found


def freeze(organization: Organization, month: date, known_on: date | None = None) -> int:
    """Writes the figures of a past month that are not frozen yet. A frozen figure never changes."""
    month, known_on = month.replace(day=1), known_on or timezone.localdate() - timedelta(days=1)
    with transaction.atomic():
        done = set(
            MonthlyFigure.objects.filter(organization=organization, month=month, dimension="").values_list(
                "indicator", "version"
            )
        )
        made = [
            MonthlyFigure(
                organization=organization, month=month, indicator=indicator.key, version=indicator.version, dimension=by, part=part,
                value=cell.value, people=cell.n, known_on=known_on,
            )
            for indicator in registry().values() if (indicator.key, indicator.version) not in done
            for (by, part), cell in computed(indicator, organization.pk, month, known_on).items()
        ]  # fmt: skip
        MonthlyFigure.objects.bulk_create(made, ignore_conflicts=True)
        if made:
            record(SYSTEM, "steering.month_frozen", on=organization, details={"month": str(month)})
    return len(made)


def freeze_all(month: date) -> int:
    """Every DAC's month, one transaction each."""
    living = Organization.objects.filter(category=DAC, coordination_files__isnull=False).distinct()
    return sum(freeze(organization, month) for organization in living)


def account() -> bool:
    """Counts what was lost of the frozen months of each structure whose rows were deleted since the last count.

    False in the usual case: nothing was ever deleted.
    """
    every = list(Deletion.objects.values_list("pk", "last_at", "accounted_at"))
    for pk, last_at, accounted_at in every:
        if accounted_at and accounted_at >= last_at:
            continue
        with transaction.atomic():
            deletion = Deletion.objects.select_for_update().get(pk=pk)
            kept: dict[tuple, list[MonthlyFigure]] = {}
            for row in MonthlyFigure.objects.filter(organization_id=pk):
                kept.setdefault((row.indicator, row.version, row.month, row.known_on), []).append(row)
            changed, made = [], []
            for (key, version, month, known_on), rows in kept.items():
                indicator = registry().get(key)
                if indicator is None or indicator.version != version:
                    continue  # nothing shows that version any more
                remain = computed(indicator, pk, month, known_on)
                for row in rows:
                    cell = remain.pop((row.dimension, row.part), engine.Cell(None, 0))
                    row.lost_value, row.lost_people = (row.value or 0.0) - (cell.value or 0.0), row.people - cell.n
                    changed.append(row)
                for (
                    by,
                    part,
                ), cell in remain.items():  # a plan whose file is gone is of no level: it was not counted so
                    made.append(
                        MonthlyFigure(
                            organization_id=pk, month=month, indicator=key, version=version, dimension=by, part=part, value=None,
                            people=0, known_on=known_on, lost_value=-(cell.value or 0.0), lost_people=-cell.n,
                        )
                    )  # fmt: skip
            MonthlyFigure.objects.bulk_update(changed, ["lost_value", "lost_people"], batch_size=500)
            MonthlyFigure.objects.bulk_create(made)
            deletion.accounted_at = deletion.last_at
            deletion.save(update_fields=["accounted_at"])
    return bool(every)


def _lost(indicator: Indicator, scope: engine.Scope, period: engine.Period, by: str = "") -> list[MonthlyFigure]:
    """Frozen months of the period of which something was deleted: none in the usual case, for one look-up."""
    if scope.team or scope.level or scope.commune:
        return []  # months are frozen by one dimension at a time
    known = period.known_on or timezone.localdate()
    rows = MonthlyFigure.objects.filter(
        ~Q(lost_people=0), indicator=indicator.key, version=indicator.version, dimension=by if by in told_by(indicator) else "",
        month__gte=period.start, known_on__lte=known,
    )  # fmt: skip
    if scope.organizations is not None:
        rows = rows.filter(organization__in=scope.organizations)
    return [row for row in rows if month_of(row.month).end <= period.end]


def restored(
    found: engine.Figures,
    indicator: Indicator,
    scope: engine.Scope,
    period: engine.Period,
    *,
    by: str = "",
    step: str = "",
) -> engine.Figures:
    """The figures with what deletions have taken from the whole months of the period."""
    if indicator.is_state:  # how things stood on the last day: that of its month
        period = engine.Period(period.end.replace(day=1), period.end, period.known_on)
    alone = period.start.replace(day=1) == period.end.replace(day=1)
    for row in _lost(indicator, scope, period):
        if (day := _step(indicator, row, step)) is not None:
            found.buckets[day] = _with(indicator, scope, row, found.buckets.get(day))
        if indicator.adds_up or alone:
            found.total = _with(indicator, scope, row, found.total)
    for row in _lost(indicator, scope, period, by) if by else ():
        part = _part(row, found, by)
        if indicator.adds_up or alone:
            found.parts[part] = _with(indicator, scope, row, found.parts.get(part))
        if (day := _step(indicator, row, step)) is not None and (indicator.adds_up or (part, day) in found.table):
            found.table[part, day] = _with(indicator, scope, row, found.table.get((part, day)))
    return found


def _step(indicator: Indicator, row: MonthlyFigure, step: str) -> date | None:
    """The step that a month belongs to; a median or a share of a month is no part of its quarter's."""
    return engine.first_day(row.month, step) if step == "month" or (step == "quarter" and indicator.adds_up) else None


def restored_series(
    told: list[tuple[date, engine.Cell]], indicator: Indicator, scope: engine.Scope, period: engine.Period, step: str
) -> list[tuple[date, engine.Cell]]:
    """A state's: each step that ends with a whole month of the period."""
    if step == "week":
        return told
    found = dict(told)
    for row in _lost(indicator, scope, engine.Period(period.start.replace(day=1), period.end, period.known_on)):
        day = engine.first_day(row.month, step)
        if day in found and engine.step_end(day, step) == month_of(row.month).end:
            found[day] = _with(indicator, scope, row, found[day])
    return list(found.items())


def _with(indicator: Indicator, scope: engine.Scope, row: MonthlyFigure, cell: engine.Cell | None) -> engine.Cell:
    """What adds up is added; a median or a share of one structure's month is the frozen one."""
    if indicator.adds_up:
        return engine.Cell(row.lost_value, row.lost_people) + cell
    if scope.organizations is not None and len(scope.organizations) == 1:
        return engine.Cell(row.value, row.people)
    return cell or engine.Cell(None, 0)


def _part(row: MonthlyFigure, found: engine.Figures, by: str) -> Any:
    """The value of the dimension, as rows say it. What is not frozen by this dimension was said by nobody."""
    if by == "organization":
        return row.organization_id
    if row.dimension != by or not row.part:
        return next((part for part in found.parts if part in (None, "")), None)
    return sources.typed(by, row.part)
