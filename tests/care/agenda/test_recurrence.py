"""Recurrence across daylight saving, against an independent computation: a loop over days on the wall clock."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cercle.base.common.errors import Refused
from cercle.base.web import french
from cercle.care.agenda import recurrence, screen

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


def last_sunday(year: int, month: int) -> date:
    end = date(year, month, 31)
    return end - timedelta(days=(end.weekday() + 1) % 7)


@given(
    zone=st.sampled_from(["Europe/Paris", "Indian/Reunion"]), year=st.integers(2025, 2030), month=st.sampled_from([3, 10]),
    before=st.integers(0, 9), minute=st.integers(0, 4 * 60), every=st.integers(1, 3), freq=st.sampled_from(["DAILY", "WEEKLY"]),
    end=st.sampled_from(["COUNT", "UNTIL"]),
)  # fmt: skip
def test_the_night_the_clocks_change_keeps_every_occurrence_once(zone, year, month, before, minute, every, freq, end):
    """Around the last Sundays of March and October, in the hours that are skipped or come twice; nothing moves in La Réunion."""
    place, step = ZoneInfo(zone), timedelta(days=every * (1 if freq == "DAILY" else 7))
    change = last_sunday(year, month)
    first, clock = change - before * step, time(minute // 60, minute % 60)
    if recurrence.wall(recurrence.on_clock(datetime.combine(first, clock), place), place) != datetime.combine(
        first, clock
    ):
        return
    start, number = recurrence.on_clock(datetime.combine(first, clock), place), before + 4
    bound = f"COUNT={number}" if end == "COUNT" else f"UNTIL={recurrence.until(first + (number - 1) * step, place)}"
    rule, last = recurrence.checked(f"FREQ={freq};INTERVAL={every};{bound}", start, place)
    expected = [instant_by_search(first + n * step, clock, place) for n in range(number)]
    assert list(recurrence.starts(rule, start, place, start, last + timedelta(days=40))) == expected
    assert all(recurrence.is_one(rule, start, place, at) for at in expected)
    if zone == "Indian/Reunion":
        assert {b - a for a, b in pairwise(expected)} == {step}


DAYS_OF_WEEK = st.sets(st.sampled_from(recurrence.CODES), min_size=1, max_size=5)


def weekly(days: set[str], every: int, number: int, ends: str) -> tuple[str, datetime]:
    """A rule and its first occurrence, which is one of its days."""
    first = next(date(2026, 2, 2) + timedelta(days=n) for n in range(7) if recurrence.CODES[n] in days)
    start = recurrence.on_clock(datetime.combine(first, time(9)), PARIS)
    rule = f"FREQ=WEEKLY;INTERVAL={every};BYDAY={','.join(sorted(days))}"
    if ends == "COUNT":
        return f"{rule};COUNT={number}", start
    return f"{rule};UNTIL={recurrence.until(first + timedelta(days=7 * every * number), PARIS)}", start


@given(
    days=DAYS_OF_WEEK, every=st.integers(1, 3), number=st.integers(2, 20), cut=st.integers(0, 19), shift=st.integers(-9, 9),
    hours=st.integers(-4, 4), ends=st.sampled_from(["COUNT", "UNTIL"]),
)  # fmt: skip
def test_all_times_of_a_series_move_by_the_same_days_and_hours(days, every, number, cut, shift, hours, ends):
    """One occurrence is dragged: each of those that follow it goes as far, on the clock of the wall."""
    rule, start = weekly(days, every, number, ends)
    end = start + timedelta(days=800)
    whole = list(recurrence.starts(rule, start, PARIS, start, end))
    moment, delta = whole[cut % len(whole)], timedelta(days=shift, hours=hours)
    again = recurrence.on_clock(recurrence.wall(moment, PARIS) + delta, PARIS)
    rest, _last = recurrence.checked(recurrence.from_there(rule, start, PARIS, moment, delta), again, PARIS)
    moved = [recurrence.wall(m, PARIS) for m in recurrence.starts(rest, again, PARIS, again, end + timedelta(days=30))]
    assert moved == [recurrence.wall(m, PARIS) + delta for m in whole if m >= moment]


@given(
    days=DAYS_OF_WEEK, every=st.integers(1, 3), number=st.integers(1, 60), away=st.integers(0, 500), length=st.integers(1, 40),
    ends=st.sampled_from(["COUNT", "UNTIL"]), daily=st.booleans(),
)  # fmt: skip
def test_a_far_window_gives_what_walking_there_gives(days, every, number, away, length, ends, daily):
    rule, start = weekly(days, every, number, ends)
    if daily:
        rule = rule.replace("WEEKLY", "DAILY").split(";BYDAY")[0] + ";" + rule.rsplit(";", 1)[1]
    begin = start + timedelta(days=away)
    found = list(recurrence.starts(rule, start, PARIS, begin, begin + timedelta(days=length)))
    everything = recurrence.compiled(rule, recurrence.wall(start, PARIS), PARIS)
    walked = [recurrence.on_clock(local, PARIS) for local in everything]
    assert found == [at for at in walked if begin <= at < begin + timedelta(days=length)]


@given(day=st.dates(date(2024, 1, 1), date(2031, 12, 31)), minute=st.integers(0, 1439))
def test_every_instant_is_in_one_day_of_the_agenda(day, minute):
    """Days of 23 and of 25 hours follow each other without a gap: what is « all day » starts and ends with them."""
    begin, end = screen.midnight(day), screen.midnight(day + timedelta(days=1))
    assert french.as_day(begin) == day and french.as_day(end - timedelta(seconds=1)) == day
    hours = (end.astimezone(UTC) - begin.astimezone(UTC)).total_seconds() / 3600
    assert hours == {last_sunday(day.year, 3): 23, last_sunday(day.year, 10): 25}.get(day, 24)
    at = begin.astimezone(UTC) + timedelta(minutes=minute * hours / 24)
    assert french.as_day(at) == day


def test_nine_in_the_morning_stays_nine_when_the_clocks_change():
    start = datetime(2026, 3, 23, 8, 0, tzinfo=UTC)  # 9 h, winter time
    found = list(recurrence.starts("FREQ=WEEKLY;COUNT=3", start, PARIS, start, start + timedelta(days=30)))
    assert [d.hour for d in found] == [8, 7, 7]
    assert {d.astimezone(PARIS).hour for d in found} == {9}


def test_the_hour_that_is_skipped_and_the_hour_that_comes_twice():
    half_past_two = time(2, 30)
    skipped = recurrence.on_clock(datetime.combine(date(2026, 3, 29), half_past_two), PARIS)
    assert skipped == datetime(2026, 3, 29, 1, 30, tzinfo=UTC) and skipped.astimezone(PARIS).hour == 3
    twice = recurrence.on_clock(datetime.combine(date(2026, 10, 25), half_past_two), PARIS)
    assert twice == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


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
    monday, tuesday = (datetime.combine(date(2026, 2, day), time(9)) for day in (2, 3))
    assert (
        recurrence.moved("FREQ=WEEKLY;BYDAY=MO,TH;COUNT=4", monday, tuesday, PARIS) == "FREQ=WEEKLY;BYDAY=TU,FR;COUNT=4"
    )
