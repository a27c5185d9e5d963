"""Every indicator, by every dimension, beside a count made in Python from its definition: now, and as known on a past day."""

from datetime import date, timedelta

import pytest
from django.db import transaction

from cercle.care.coordination.models import CoordinationFile, FollowUpSheet, Meeting
from cercle.care.orientation.models import OrientationRequest
from cercle.care.questionnaires.models import Response
from cercle.doors.steering import frozen
from cercle.doors.steering.engine import Period, Scope, figures, series, step_end, steps
from cercle.doors.steering.indicator import registry

from .by_hand import DAYS, FIRST, Hand, Maker, load, midnight

pytestmark = pytest.mark.django_db


class Undo(Exception):
    pass


def same(found, counted) -> bool:
    return (found or 0) == pytest.approx(counted or 0, abs=1e-6) and (found is None) == (counted is None)


@pytest.mark.parametrize("seed", range(5))
def test_each_figure_is_what_its_definition_counts(seed):
    try:
        with transaction.atomic():
            maker = Maker(seed)
            world = maker.make()
            load(world)
            for narrow in (
                {},
                {"organizations": True},
                {"level": 2},
                {"team": world.teams[0].pk, "organizations": True},
                {"commune": "29232"},
            ):
                compare(maker, world, dict(narrow))
            raise Undo
    except Undo:
        pass


def compare(maker, world, narrow: dict) -> None:
    a = world.organizations[0].pk
    own = (a,) if narrow.pop("organizations", False) else ()
    start = FIRST + timedelta(days=maker.day() // 2)
    # Ends where months and leap days end, among others.
    end = start + timedelta(days=maker.one(0, 28, 59, 90, 180))
    known = maker.one(None, FIRST + timedelta(days=maker.dice.randrange(DAYS + 90)))
    scope, period = Scope(own or None, **narrow), Period(start, end, known)
    hand = Hand(world, start, end, known, organizations=own, **narrow)
    for key, indicator in registry().items():
        for by in ("", *indicator.dimensions):
            found, (whole, parts) = figures(indicator, scope, period, by=by), hand.told(key, by)
            where = (key, by, narrow, str(start), str(end), str(known))
            empty = 0 if whole is None and indicator.adds_up else whole
            assert same(found.total.value or empty, empty), where
            assert {p: c.value for p, c in found.parts.items()} == {p: pytest.approx(v) for p, v in parts.items()}, (
                where
            )
        told = series(indicator, scope, period, "month")
        for day, cell in told:
            last = min(step_end(day, "month"), end)
            alone = Hand(
                world, last if indicator.is_state else max(day, start), last, known, organizations=own, **narrow
            ).told(key)[0]
            assert (cell.value or 0) == pytest.approx(alone or 0), (key, str(day), narrow, str(known))


def test_no_indicator_is_left_out():
    assert {key for key in registry() if not hasattr(Hand, f"_{key}")} == set()


def told(organization, first, last) -> dict:
    """Every figure of each month, with its parts, then of the whole period what adds up."""
    scope, found = Scope((organization.pk,)), {}
    for period in [*(frozen.month_of(day) for day in steps(Period(first, last), "month")), Period(first, last)]:
        for indicator in registry().values():
            if period.start == first and period.end == last and not indicator.adds_up:
                continue
            for by in ("", "organization", *(set(indicator.dimensions) - frozen.NAMES_PEOPLE)):
                # An age and a GIR are those of the period's end: a month's is not the year's.
                if by and (by not in indicator.dimensions or (by in ("age", "gir") and period == Period(first, last))):
                    continue
                figures_ = frozen.restored(figures(indicator, scope, period, by=by), indicator, scope, period, by=by)
                cells = {
                    "": figures_.total,
                    **{f"{by}={part or ''}": cell for part, cell in figures_.parts.items() if cell.n},
                }
                for part, cell in cells.items():
                    found[indicator.key, str(period.start), str(period.end), by, part] = (
                        round(cell.value or 0, 6),
                        cell.n,
                    )
    return found


def delete_all_of(patient) -> None:
    """What the law asks, as a verb of deletion would: every row of the structures about one person."""
    FollowUpSheet.objects.filter(file__patient=patient).delete()
    for model in (CoordinationFile, OrientationRequest):
        model.objects.filter(patient=patient).delete()
    for model in (Meeting, Response):
        model.objects.filter(circle_id=patient).delete()


@pytest.mark.parametrize("seed", range(2))
def test_after_a_legal_deletion_the_past_figures_stay(seed):
    try:
        with transaction.atomic():
            maker = Maker(seed)
            world = maker.make()
            load(world)
            a, last = world.organizations[0], date(2024, 8, 31)
            for day in steps(Period(FIRST, last), "month"):
                assert frozen.freeze(a, day, FIRST + timedelta(days=330)) > 0
            before = told(a, FIRST, last)
            for patient in CoordinationFile.objects.filter(organization=a).values_list("patient_id", flat=True)[:4]:
                delete_all_of(patient)
            frozen.account()
            after = told(a, FIRST, last)
            assert {k: (v, after.get(k)) for k, v in before.items() if after.get(k) != v} == {}
            # A row written late is counted all the same.
            key, received = registry()["demandes_recues"], FIRST + timedelta(days=40)
            scope, period = Scope((a.pk,)), frozen.month_of(received)
            was = frozen.restored(figures(key, scope, period), key, scope, period).total.value
            OrientationRequest.objects.create(
                organization=a,
                number="2024-9999",
                channel="phone",
                asker_kind="relative",
                asker_name="x",
                received_at=midnight(received),
                due_at=midnight(received),
            )
            assert frozen.restored(figures(key, scope, period), key, scope, period).total.value == was + 1
            raise Undo
    except Undo:
        pass
