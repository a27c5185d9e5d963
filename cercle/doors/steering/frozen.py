"""Months that are frozen: what a figure was, once and for all. Rows may then be deleted as the law asks."""

from datetime import date, timedelta

from django.db import transaction

from cercle.base.audit.record import SYSTEM, record
from cercle.people.circles.desks import DAC
from cercle.people.directory.models import Organization

from . import engine
from .indicator import Indicator, registry
from .models import MonthlyFigure

# What a part may be in a published row: lists that name people (authors, referents) are not frozen.
NAMES_PEOPLE = frozenset({"referent", "author"})


def month_of(day: date) -> engine.Period:
    first = day.replace(day=1)
    return engine.Period(first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1))


def rows_of(indicator: Indicator, organization: Organization, month: date) -> list[MonthlyFigure]:
    """The month's figure and its parts, computed from the rows."""
    scope, period = engine.Scope((organization.pk,)), month_of(month)
    found = []

    def row(cell: engine.Cell, dimension: str = "", part="") -> None:
        found.append(
            MonthlyFigure(
                organization=organization, month=period.start, indicator=indicator.key, version=indicator.version,
                dimension=dimension, part="" if part is None else str(part), value=cell.value, people=cell.n,
            )
        )  # fmt: skip

    row(engine.figures(indicator, scope, period).total)
    for dimension in indicator.dimensions:
        if dimension in NAMES_PEOPLE or dimension == "organization":
            continue
        merged: dict[str, engine.Cell] = {}
        for part, cell in engine.figures(indicator, scope, period, by=dimension).parts.items():
            merged["" if part is None else str(part)] = cell
        for part, cell in merged.items():
            row(cell, dimension, part)
    return found


def freeze(organization: Organization, month: date) -> int:
    """Writes the figures of a past month that are not frozen yet. A frozen figure never changes."""
    with transaction.atomic():
        made: list[MonthlyFigure] = []
        done = set(
            MonthlyFigure.objects.filter(
                organization=organization, month=month.replace(day=1), dimension=""
            ).values_list("indicator", "version")
        )
        for indicator in registry().values():
            if (indicator.key, indicator.version) not in done:
                made += rows_of(indicator, organization, month)
        MonthlyFigure.objects.bulk_create(made, ignore_conflicts=True)
        if made:
            record(SYSTEM, "steering.month_frozen", on=organization, details={"month": str(month.replace(day=1))})
    return len(made)


def freeze_all(month: date) -> int:
    """Every DAC's month, one transaction each."""
    living = Organization.objects.filter(category=DAC, coordination_files__isnull=False).distinct()
    return sum(freeze(organization, month) for organization in living)


def monthly(indicator: Indicator, organization: Organization, month: date) -> engine.Cell:
    """The frozen figure of that month, or the rows' when it is not frozen."""
    kept = MonthlyFigure.objects.filter(
        organization=organization, month=month.replace(day=1), indicator=indicator.key, version=indicator.version, dimension=""
    ).first()  # fmt: skip
    if kept is not None:
        return engine.Cell(kept.value, kept.people)
    return engine.figures(indicator, engine.Scope((organization.pk,)), month_of(month)).total
