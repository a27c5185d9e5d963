"""Figures against a computation in Python, and the promise that a past date gives the same figure again."""

from datetime import date, timedelta
from statistics import median

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cercle.care.coordination.models import CarePlan, FollowUpSheet, Meeting
from cercle.care.orientation.models import OrientationRequest
from cercle.care.questionnaires.models import Questionnaire, Response
from cercle.doors.steering import engine, frozen, sources
from cercle.doors.steering.engine import Period, Scope, figures
from cercle.doors.steering.indicator import registry
from cercle.doors.steering.models import MonthlyFigure, Superseded
from cercle.people.circles.models import Circle
from cercle.people.directory.models import Organization
from tests import factories as make

from . import territory
from .territory import FIRST, noon

pytestmark = pytest.mark.django_db


class Undo(Exception):
    pass


def days(start: int, end: int, known: int | None = None) -> Period:
    return Period(
        FIRST + timedelta(days=start),
        FIRST + timedelta(days=end),
        None if known is None else FIRST + timedelta(days=known),
    )


def total(key: str, scope: Scope, period: Period):
    return figures(registry()[key], scope, period).total.value


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=territory.stories(), start=st.integers(0, 150), length=st.integers(0, 120), known=st.integers(0, 300))
def test_a_figure_is_what_one_counts_by_hand_as_known_that_day(dac, story, start, length, known):
    files, sheets = story
    end = start + length
    try:
        with transaction.atomic():
            role = make.role(organization=dac)
            territory.load(files, sheets, dac, role, make.viewer(make.role("Yann", "Lit")))
            scope, period = Scope((dac.pk,)), days(start, end, known)
            then, kept = territory.replayed(files, sheets, known)
            then = [f for f in then if f["opened"] <= known]
            for f in then:  # a fact dated later was not known
                if f["closed"] is not None and f["closed"] > known:
                    f |= {"closed": None}
            kept = [s for s in kept if s["at"] <= known]

            entered = [f for f in then if start <= f["opened"] <= end]
            left = [f for f in then if f["closed"] is not None and start <= f["closed"] <= end]
            stand = [f for f in then if f["opened"] <= end and (f["closed"] is None or f["closed"] > end)]
            done = [s for s in kept if start <= s["at"] <= end]
            assert total("entrees", scope, period) == len(entered)
            assert total("sorties", scope, period) == len(left)
            assert total("dossiers_suivis", scope, period) == len(stand)
            assert total("actes", scope, period) == len(done)
            assert (total("temps", scope, period) or 0) * 60 == pytest.approx(sum(s["minutes"] for s in done))
            lengths = [f["closed"] - f["opened"] for f in left]
            assert total("duree_de_suivi", scope, period) == (
                pytest.approx(median(lengths), abs=0.05) if lengths else None
            )
            by_level = figures(registry()["dossiers_suivis"], scope, period, by="level").parts
            assert {k: c.value for k, c in by_level.items()} == {
                n: len([f for f in stand if f["level"] == n]) for n in {f["level"] for f in stand}
            }
            by_exit = figures(registry()["sorties"], scope, period, by="exit_reason").parts
            assert sum(c.value for c in by_exit.values()) == len(left)
            of_two = Scope((dac.pk,), level=2)
            assert total("actes", of_two, period) == len([s for s in done if s["level"] == 2])
            crossed = figures(registry()["actes"], scope, period, by="act", step="month", cross=True)
            assert sum(c.value for c in crossed.table.values()) == crossed.total.value == len(done)
            told = engine.series(registry()["dossiers_suivis"], scope, period, "month")
            assert told[-1][1].value == len(stand)
            raise Undo
    except Undo:
        pass


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=territory.stories(), after=territory.stories())
def test_what_is_written_later_does_not_move_a_figure_of_the_past(dac, before, after):
    keys = ("entrees", "sorties", "dossiers_suivis", "actes", "temps", "charge_par_coordonnateur")
    scope, period = Scope((dac.pk,)), days(0, 239, 320)
    try:
        with transaction.atomic():
            role = make.role(organization=dac)
            viewer = make.viewer(make.role("Yann", "Lit"))
            territory.load(*before, dac, role, viewer)
            figure = {key: total(key, scope, period) for key in keys}
            later = ([f | {"known": 400, "changes": [(d + 500, c) for d, c in f["changes"]]} for f in after[0]], [])
            territory.load(*later, dac, role, viewer)
            territory_rows = list(dac.coordination_files.filter(state="open").values_list("pk", flat=True))
            for pk in territory_rows:
                territory._change(type(dac.coordination_files.first()), pk, 450, {"level": 1})
            assert {key: total(key, scope, period) for key in keys} == figure
            raise Undo
    except Undo:
        pass


@pytest.fixture
def lived(dac):
    ended = {"state": "closed", "closed_at": noon(70), "exit_reason": "goals"}
    files = [
        {"opened": n * 9, "known": n * 9, "level": n % 3 + 1, "changes": [], "as": ended if n % 2 else {}}
        for n in range(8)
    ]
    sheets = [
        {
            "file": n % 8,
            "at": n * 3 + 60,
            "known": n * 3 + 60,
            "act": "call",
            "minutes": 20,
            "withdrawn": 120 if n == 3 else None,
        }
        for n in range(12)
    ]
    territory.load(files, sheets, dac, make.role(organization=dac), make.viewer(make.role("Yann", "Lit")))
    return dac


def test_every_indicator_and_every_dimension_answers(lived):
    scope = Scope((lived.pk,), team=make.team(lived, name="Nord").pk, level=2, commune="29232")
    for wide in (Scope((lived.pk,)), Scope(), scope):
        for period in (days(0, 200), days(0, 200, 150)):
            for indicator in registry().values():
                for by in ("", *indicator.dimensions):
                    found = figures(
                        indicator,
                        wide,
                        period,
                        by=by,
                        step="" if indicator.is_state else "week",
                        cross=not indicator.is_state,
                    )
                    if by and indicator.adds_up:
                        whole = sum(c.value for c in found.parts.values())
                        assert whole == pytest.approx(found.total.value or 0), (indicator.key, by)
                assert engine.series(indicator, wide, period, "month")
                rows = engine.ids(indicator, wide, period, limit=1000)
                if indicator.measure == "count(*)":
                    assert len(rows) == figures(indicator, wide, period).total.value, indicator.key


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.fixed_dictionaries({
            "received": st.integers(0, 200), "known": st.sampled_from([0, 0, 3, 30]), "contact": st.none() | st.integers(0, 20),
            "answer": st.none() | st.integers(0, 30), "channel": st.sampled_from(["phone", "mail"]), "level": st.sampled_from([None, 1, 2, 3]),
            "then": st.none() | st.tuples(st.integers(1, 40), st.sampled_from([1, 2, 3])),
        }),
        max_size=12,
    ),
    start=st.integers(0, 150), length=st.integers(0, 100), known=st.integers(0, 260),
)  # fmt: skip
def test_requests_are_counted_as_by_hand(dac, rows, start, length, known):
    end, scope, period = start + length, Scope((dac.pk,)), days(start, start + length, known)
    try:
        with transaction.atomic():
            seen = []
            for n, r in enumerate(rows):
                written = r["received"] + r["known"]
                instants = {
                    "first_contact_at": None if r["contact"] is None else noon(r["received"] + r["contact"]),
                    "answered_at": None if r["answer"] is None else noon(r["received"] + r["answer"]),
                }
                made = OrientationRequest.objects.create(
                    organization=dac, number=f"2024-{n:04d}", channel=r["channel"], level=r["level"], asker_kind="relative",
                    asker_name="x", received_at=noon(r["received"]), due_at=noon(r["received"]), recorded_at=noon(written), **instants,
                )  # fmt: skip
                level = r["level"]
                if r["then"]:
                    territory._change(OrientationRequest, made.pk, written + r["then"][0], {"level": r["then"][1]})
                    level = r["then"][1] if written + r["then"][0] <= known else level
                if written <= known and r["received"] <= known:
                    seen.append((r, level))
            inside = [(r, level) for r, level in seen if start <= r["received"] <= end]
            found = figures(registry()["demandes_recues"], scope, period, by="level")
            assert found.total.value == len(inside)
            assert {k: c.value for k, c in found.parts.items()} == {
                v: len([1 for _r, level in inside if level == v]) for v in {level for _r, level in inside}
            }
            by_channel = figures(registry()["demandes_recues"], scope, period, by="channel").parts
            assert {k: c.value for k, c in by_channel.items()} == {
                v: len([1 for r, _l in inside if r["channel"] == v]) for v in {r["channel"] for r, _l in inside}
            }
            for key, word in (("delai_premiere_reponse", "answer"), ("delai_premier_contact", "contact")):
                told = [
                    r[word] for r, _l in seen
                    if r[word] is not None and start <= r["received"] + r[word] <= end and r["received"] + r[word] <= known
                ]  # fmt: skip
                assert total(key, scope, period) == (pytest.approx(median(told), abs=0.05) if told else None)
            raise Undo
    except Undo:
        pass


def test_states_in_one_statement_are_those_of_each_day(lived):
    scope, period = Scope((lived.pk,)), days(0, 200, 160)
    for key in ("dossiers_suivis", "plans_en_retard", "plans_relus_a_temps", "charge_par_coordonnateur"):
        for day, cell in engine.series(registry()[key], scope, period, "week"):
            end = min(engine.step_end(day, "week"), period.end)
            alone = figures(registry()[key], scope, Period(end, end, period.known_on)).total
            assert (cell.value or 0) == (alone.value or 0), (key, day)


def test_another_structure_s_rows_are_not_counted(lived):
    other = make.organization("DAC voisin", category="606")
    assert total("dossiers_suivis", Scope((other.pk,)), days(0, 300)) == 0
    assert (
        total("dossiers_suivis", Scope(), days(0, 300))
        == total("dossiers_suivis", Scope((lived.pk,)), days(0, 300))
        > 0
    )


def test_a_frozen_month_is_the_rows_and_outlives_them(lived):
    month = (FIRST + timedelta(days=40)).replace(day=1)
    assert frozen.freeze(lived, month) > 0
    known_on, scope, period = MonthlyFigure.objects.first().known_on, Scope((lived.pk,)), frozen.month_of(month)
    for indicator in registry().values():
        alone = figures(indicator, scope, frozen.month_of(month, known_on)).total
        kept = MonthlyFigure.objects.get(organization=lived, month=month, indicator=indicator.key, dimension="")
        assert (kept.value, kept.people) == (alone.value, alone.n), indicator.key

    def told() -> dict:
        return {
            i.key: frozen.restored(figures(i, scope, period), i, scope, period).total.value for i in registry().values()
        }

    before = told()
    assert before["entrees"] > 0 and frozen.freeze(lived, month) == 0
    with connection.cursor() as cursor:  # the legal deletion
        cursor.execute("DELETE FROM coordination_followupsheet")
        cursor.execute("DELETE FROM coordination_coordinationfile")
    assert not Superseded.objects.exists(), "what the law deletes is not kept elsewhere"
    frozen.account()
    assert told() == before
    assert total("entrees", scope, period) == 0


def test_each_table_keeps_its_former_states_and_the_structure_s(lived):
    """The trigger on each of them: what the row said, whose it was, when it was first written."""
    with pytest.raises(Undo), transaction.atomic():
        file = lived.coordination_files.first()
        patient, at = file.patient, noon(10)
        circle = Circle.objects.get_or_create(patient=patient)[0]
        form = Questionnaire.objects.create(url="https://exemple.fr/q", version="1", slug="q", title="Q", data={})
        made = [
            (file, {"referent_id": make.role("Erwan", "Morvan", organization=lived).pk}),
            (FollowUpSheet.objects.filter(file=file).first(), {"minutes": 7}),
            (CarePlan.objects.create(circle=circle, organization=lived, author_name="x", recorded_at=at), {"review_on": FIRST}),
            (Meeting.objects.create(circle=circle, organization=lived, author_name="x", title="RCP", starts_at=at, recorded_at=at), {"minutes": 7}),
            (Response.objects.create(circle=circle, questionnaire=form, category="social"), {"scores": {"gir": "2"}}),
            (
                OrientationRequest.objects.create(
                    organization=lived, number="1", channel="phone", asker_kind="relative", asker_name="x", received_at=at, due_at=at
                ),
                {"level": 3},
            ),
        ]  # fmt: skip
        assert {row._meta.db_table for row, _change in made} == set(sources.KEPT)
        for row, change in made:
            row.refresh_from_db()
            Superseded.objects.filter(row_id=row.pk).delete()
            type(row).objects.filter(pk=row.pk).update(**change)
            kept = Superseded.objects.get(row_id=row.pk)
            assert kept.source == row._meta.db_table and set(kept.data) == set(sources.KEPT[kept.source].split())
            assert (
                all(kept.data[name] != value for name, value in change.items()) and kept.recorded_at == row.recorded_at
            )
            assert kept.organization_id == getattr(row, "organization_id", None)
        raise Undo


def test_past_states_hold_no_words(lived):
    for row in Superseded.objects.all():
        assert not {"synthesis", "wish", "text", "entry_text", "exit_text"} & set(row.data)


def test_periods_compare_with_the_same_length_before():
    period = Period(date(2026, 3, 1), date(2026, 3, 31))
    assert period.before() == Period(date(2026, 1, 29), date(2026, 2, 28))
    assert Period(date(2024, 2, 29), date(2024, 2, 29)).year_before().start == date(2023, 2, 28)


def test_only_structures_that_live_are_frozen(lived):
    make.organization("DAC sans dossier", category="606")
    assert Organization.objects.filter(category="606").count() == 2
    assert frozen.freeze_all(FIRST) == MonthlyFigure.objects.count() > 0
    assert set(MonthlyFigure.objects.values_list("organization", flat=True)) == {lived.pk}
    assert noon(0).date() == FIRST
