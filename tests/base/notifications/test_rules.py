"""The rule table, cell by cell, and the clocks, summer time included."""

from datetime import UTC, datetime, time
from itertools import combinations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cercle.base.notifications.models import Choice, Urgency
from cercle.base.notifications.rules import (
    LABELS,
    RULES,
    Relation,
    Way,
    decide,
    is_locked,
    next_digest,
    quiet_until,
    rule,
)

R, W = Relation, Way
PARIS = ZoneInfo("Europe/Paris")

# Written down a second time, by hand, so that a change of the table is a decision: n(one) a(pp) d(igest) N(ow),
# normal then urgent, in the order named, parent author, lead, member, person.
EXPECTED = {
    "note": "NN dN dN aN ad",
    "reply": "NN NN aN aa aa",
    "acknowledgement_asked": "NN aa aa aa nn",
    "document": "dN aa ad aa aa",
    "plan": "NN dN dN dN aa",
    "plan_action": "NN dN aa nn nn",
    "plan_review": "NN aa dN nn nn",
    "meeting": "NN aa aa nn nn",
    "stay": "NN aa NN dd aa",
    "appointment": "NN nn nn nn nn",
    "desk_deadline": "NN nn nn nn nn",
    "desk_answer": "NN nn nn nn nn",
    "invitation": "NN aa aa nn aa",
    "member_joined": "dd nn dd aa dd",
    "member_left": "dd nn dd aa aa",
    "join_asked": "NN nn NN nn nn",
    "opposition": "NN nn NN nn dd",
    "break_glass": "NN nn NN nn NN",
    "referent_changed": "NN nn aa nn dd",
    "identity_to_review": "dN nn aa nn nn",
    "directory_correction": "dd aa nn nn nn",
    "security": "NN nn nn nn NN",
}
WAYS = {"n": W.NONE, "a": W.IN_APP, "d": W.DIGEST, "N": W.NOW}
CELLS = [
    (kind, relation, urgency, WAYS[letters[column]])
    for kind, text in EXPECTED.items()
    for relation, letters in zip(Relation, text.split(), strict=True)
    for column, urgency in enumerate(Urgency)
]


@pytest.mark.parametrize(("kind", "relation", "urgency", "way"), CELLS)
def test_every_cell(kind, relation, urgency, way):
    assert rule(kind, relation, urgency) == way


def test_the_table_is_whole_and_every_kind_has_its_words():
    assert set(RULES) == set(EXPECTED) == set(LABELS)
    assert all(set(row) == set(Relation) for row in RULES.values())


def test_urgent_is_never_weaker_than_normal():
    assert all(normal <= urgent for row in RULES.values() for normal, urgent in row.values())


@pytest.mark.parametrize("kind", RULES)
def test_someone_who_is_several_things_gets_the_strongest_way(kind):
    for one, other in combinations(Relation, 2):
        for urgency in Urgency:
            assert decide(kind, {one, other}, urgency) == max(rule(kind, one, urgency), rule(kind, other, urgency))
    assert decide(kind, set(), Urgency.NORMAL) == W.NONE


@pytest.mark.parametrize(
    ("kind", "relation", "urgency", "choice", "muted", "way"),
    [
        ("note", R.NAMED, "normal", Choice.DIGEST, False, W.DIGEST),
        ("note", R.NAMED, "normal", Choice.NONE, False, W.IN_APP),
        ("note", R.MEMBER, "normal", Choice.NOW, False, W.NOW),
        ("note", R.NAMED, "urgent", Choice.NONE, False, W.NOW),  # locked: named, urgent
        ("note", R.LEAD, "urgent", Choice.NONE, False, W.IN_APP),
        ("join_asked", R.MEMBER, "normal", Choice.NOW, False, W.NONE),  # a choice opens nothing
        ("note", R.MEMBER, "normal", None, True, W.NONE),
        ("note", R.NAMED, "normal", None, True, W.IN_APP),
        ("note", R.MEMBER, "urgent", None, True, W.IN_APP),
        ("note", R.NAMED, "urgent", None, True, W.NOW),
        ("note", R.MEMBER, "normal", Choice.NOW, True, W.NONE),
        ("break_glass", R.LEAD, "normal", Choice.NONE, True, W.NOW),
        ("security", R.NAMED, "normal", Choice.NONE, True, W.NOW),
    ],
)
def test_choices_and_mutes(kind, relation, urgency, choice, muted, way):
    assert decide(kind, {relation}, urgency, choice=choice, muted=muted) == way


@given(
    st.sampled_from(sorted(RULES)),
    st.sets(st.sampled_from(list(Relation)), min_size=1),
    st.sampled_from(list(Urgency)),
    st.sampled_from([None, *Choice]),
    st.booleans(),
)
def test_settings_never_weaken_what_is_locked_nor_open_what_is_closed(kind, relations, urgency, choice, muted):
    plain = decide(kind, relations, urgency)
    way = decide(kind, relations, urgency, choice=choice, muted=muted)
    if is_locked(kind, relations, urgency) or plain == W.NONE:
        assert way == plain
    if muted and not is_locked(kind, relations, urgency):
        assert way <= W.IN_APP


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


NIGHT = (time(21), time(7))


@pytest.mark.parametrize(
    ("now", "hours", "until"),
    [
        ("2026-06-10T20:59", NIGHT, None),
        ("2026-06-10T21:00", NIGHT, "2026-06-11T07:00"),
        ("2026-06-10T23:30", NIGHT, "2026-06-11T07:00"),
        ("2026-06-11T06:59", NIGHT, "2026-06-11T07:00"),
        ("2026-06-11T07:00", NIGHT, None),
        ("2026-06-11T12:30", (time(12), time(14)), "2026-06-11T14:00"),
        ("2026-06-11T14:00", (time(12), time(14)), None),
        ("2026-06-11T12:30", (None, None), None),
        ("2026-06-11T12:30", (time(9), time(9)), None),
        ("2026-03-28T23:00", NIGHT, "2026-03-29T07:00"),  # the short night: 7 h later
        ("2026-10-24T23:00", NIGHT, "2026-10-25T07:00"),  # the long one: 9 h later
        ("2026-03-28T23:00", (time(21), time(2, 30)), "2026-03-29T03:30"),  # 02:30 does not exist that night
        ("2026-12-31T22:00", NIGHT, "2027-01-01T07:00"),
    ],
)
def test_quiet_hours(now, hours, until):
    assert quiet_until(paris(now), *hours, PARIS) == (paris(until) if until else None)


def test_the_night_of_the_change_lasts_7_or_9_hours():
    for day, hours in (("2026-03-28", 7), ("2026-10-24", 9), ("2026-06-10", 8)):
        now = paris(f"{day}T23:00")
        assert (quiet_until(now, *NIGHT, PARIS) - now).total_seconds() == hours * 3600


times = st.times().map(lambda t: t.replace(second=0, microsecond=0))
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda d: d.replace(tzinfo=UTC))  # noqa: DTZ001  naive bounds, as it wants


@given(instants, times, times)
def test_quiet_hours_end_after_now_and_within_a_day(now, start, end):
    until = quiet_until(now, start, end, PARIS)
    if until is not None:
        assert 0 < (until - now).total_seconds() <= 25 * 3600
        assert quiet_until(until, start, end, PARIS) is None or (until - now).total_seconds() <= 3600 * 2


@pytest.mark.parametrize(
    ("now", "hour", "at"),
    [
        ("2026-06-10T07:59", 8, "2026-06-10T08:00"),
        ("2026-06-10T08:00", 8, "2026-06-11T08:00"),
        ("2026-03-28T20:00", 8, "2026-03-29T08:00"),
        ("2026-10-24T20:00", 8, "2026-10-25T08:00"),
        ("2026-03-28T20:00", 2, "2026-03-29T03:00"),  # 02:00 is skipped: it is 03:00
    ],
)
def test_the_digest_comes_at_its_hour_on_the_persons_clock(now, hour, at):
    assert next_digest(paris(now), hour, PARIS) == paris(at)


def test_the_clock_is_the_persons_own():
    assert quiet_until(paris("2026-06-10T23:00"), *NIGHT, ZoneInfo("Indian/Reunion")) is not None
    assert quiet_until(paris("2026-06-10T23:00"), *NIGHT, ZoneInfo("America/Martinique")) is None
