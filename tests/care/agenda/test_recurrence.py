"""Recurrence across daylight saving, against an independent computation: a loop over days on the wall clock."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cercle.base.common.errors import Refused
from cercle.care.agenda import recurrence

ZONES = [
    "Europe/Paris",
    "America/Martinique",
    "Indian/Reunion",
    "America/Miquelon",
    "Pacific/Noumea",
    "America/New_York",
]
PARIS = ZoneInfo("Europe/Paris")


def instant_by_search(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The instant whose wall clock reads so, found by trying every offset; in the hour that is skipped, the offset before."""
    wanted = datetime.combine(day, clock)
    reads = []
    for quarter in range(-14 * 4, 15 * 4):
        guess = (wanted - timedelta(minutes=15 * quarter)).replace(tzinfo=UTC)
        if guess.astimezone(zone).replace(tzinfo=None) == wanted:
            reads.append(guess)
    if reads:
        return min(reads)
    before = (wanted - timedelta(hours=6)).replace(tzinfo=UTC)
    return (wanted - before.astimezone(zone).utcoffset()).replace(tzinfo=UTC)


@given(
    zone=st.sampled_from(ZONES), first=st.dates(date(2024, 1, 1), date(2027, 12, 31)),
    clock=st.times().map(lambda t: t.replace(second=0, microsecond=0)), every=st.integers(1, 4), number=st.integers(1, 36),
    freq=st.sampled_from(["DAILY", "WEEKLY"]),
)  # fmt: skip
def test_a_series_keeps_its_local_time_across_daylight_saving(zone, first, clock, every, number, freq):
    place = ZoneInfo(zone)
    start = recurrence.on_clock(datetime.combine(first, clock), place)
    if recurrence.wall(start, place) != datetime.combine(first, clock):
        return  # a first occurrence typed in the hour that does not exist is the hour after: another rule's business
    rule = f"FREQ={freq};INTERVAL={every};COUNT={number}"
    step = timedelta(days=every * (1 if freq == "DAILY" else 7))
    expected = [instant_by_search(first + n * step, clock, place) for n in range(number)]
    kept, last = recurrence.checked(rule, start, place)
    assert last == expected[-1]
    assert list(recurrence.starts(kept, start, place, start, last + timedelta(seconds=1))) == expected


def test_nine_in_the_morning_stays_nine_when_the_clocks_change():
    start = datetime(2026, 3, 23, 8, 0, tzinfo=UTC)  # 9 h, winter time
    found = list(recurrence.starts("FREQ=WEEKLY;COUNT=3", start, PARIS, start, start + timedelta(days=30)))
    assert [d.hour for d in found] == [8, 7, 7]
    assert {d.astimezone(PARIS).hour for d in found} == {9}


def test_the_hour_that_is_skipped_and_the_hour_that_comes_twice():
    skipped = recurrence.on_clock(datetime(2026, 3, 29, 2, 30), PARIS)  # noqa: DTZ001
    assert skipped == datetime(2026, 3, 29, 1, 30, tzinfo=UTC) and skipped.astimezone(PARIS).hour == 3
    assert recurrence.on_clock(datetime(2026, 10, 25, 2, 30), PARIS) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # noqa: DTZ001


def test_until_is_the_whole_local_day():
    start = datetime(2026, 6, 1, 20, 30, tzinfo=UTC)  # 22 h 30 in Paris
    rule = f"FREQ=DAILY;UNTIL={recurrence.until(date(2026, 6, 3), PARIS)}"
    assert len(list(recurrence.starts(rule, start, PARIS, start, start + timedelta(days=9)))) == 3


@given(cut=st.integers(1, 19), shift=st.integers(-180, 180), by=st.sampled_from(["COUNT=20", "UNTIL=20260901T215959Z"]))
def test_what_comes_before_and_what_follows_make_the_whole(cut, shift, by):
    start = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)
    rule = f"FREQ=WEEKLY;{by}"
    end = start + timedelta(days=400)
    whole = list(recurrence.starts(rule, start, PARIS, start, end))
    moment = whole[cut]
    first = list(recurrence.starts(recurrence.before(rule, start, PARIS, moment), start, PARIS, start, end))
    assert first == whole[:cut]
    delta = timedelta(minutes=shift)
    again = recurrence.on_clock(recurrence.wall(moment, PARIS) + delta, PARIS)
    rest = recurrence.from_there(rule, start, PARIS, moment, delta)
    moved = list(recurrence.starts(rest, again, PARIS, again, end + timedelta(days=2)))
    assert [recurrence.wall(m, PARIS) for m in moved] == [recurrence.wall(m, PARIS) + delta for m in whole[cut:]]


@pytest.mark.parametrize(
    "rule",
    ["", "FREQ=SECONDLY;COUNT=3", "FREQ=DAILY", "FREQ=DAILY;COUNT=3;UNTIL=20260101", "FREQ=WEEKLY;BYDAY=XX;COUNT=2", "X",
     "FREQ=DAILY;COUNT=zéro", "FREQ=DAILY;UNTIL=hier", "FREQ=DAILY;COUNT=99999", "FREQ=YEARLY;COUNT=9", "FREQ=DAILY;INTERVAL=0;COUNT=2"],
)  # fmt: skip
def test_what_is_not_understood_or_has_no_end_is_refused_in_words(rule):
    with pytest.raises(Refused):
        recurrence.checked(rule, datetime(2026, 2, 2, 9, 0, tzinfo=UTC), PARIS)


def test_the_days_of_the_week_follow_a_move():
    monday, tuesday = datetime(2026, 2, 2, 9, 0), datetime(2026, 2, 3, 9, 0)  # noqa: DTZ001
    assert (
        recurrence.moved("FREQ=WEEKLY;BYDAY=MO,TH;COUNT=4", monday, tuesday, PARIS) == "FREQ=WEEKLY;BYDAY=TU,FR;COUNT=4"
    )
