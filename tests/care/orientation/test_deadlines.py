from datetime import date, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from cercle.care.orientation import deadlines

PARIS = ZoneInfo("Europe/Paris")


def at(*when):
    return datetime(*when, tzinfo=PARIS)


def test_easter_of_known_years():
    known = {2024: (3, 31), 2025: (4, 20), 2026: (4, 5), 2027: (3, 28), 2038: (4, 25)}
    assert {y: (deadlines.easter(y).month, deadlines.easter(y).day) for y in known} == known


def test_the_eleven_public_holidays_of_2026():
    days = {(1, 1), (4, 6), (5, 1), (5, 8), (5, 14), (5, 25), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}
    assert {(d.month, d.day) for d in deadlines.holidays(2026)} == days
    assert {date(2026, 4, 3), date(2026, 12, 26)} <= deadlines.holidays(2026, True)


def test_a_deadline_jumps_over_nights_weekends_and_holidays():
    assert deadlines.due(at(2026, 3, 5, 10), 4) == at(2026, 3, 5, 14)
    assert deadlines.due(at(2026, 3, 6, 16), 4) == at(2026, 3, 9, 12)  # Friday to Monday
    assert deadlines.due(at(2026, 4, 3, 16), 2) == at(2026, 4, 7, 10)  # over Easter Monday
    assert deadlines.due(at(2026, 3, 7, 23), 1) == at(2026, 3, 9, 10)
    assert deadlines.due(at(2026, 3, 27, 16), 2) == at(2026, 3, 30, 10)  # over the change of hour
    assert deadlines.due(at(2026, 3, 5, 16), 2, closed=frozenset({date(2026, 3, 6)})) == at(2026, 3, 9, 10)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.integers(1, 60))  # noqa: DTZ001
def test_it_always_falls_in_an_open_hour_and_grows_with_the_hours(start, hours):
    start = start.replace(tzinfo=PARIS)
    found = deadlines.due(start, hours)
    assert found > start and deadlines.is_worked(found.date())
    assert deadlines.OPENS <= found.time() <= deadlines.CLOSES and found <= deadlines.due(start, hours + 1)


def test_it_is_said_as_one_says_it():
    now = at(2026, 3, 5, 10, 42)
    say = lambda *when: deadlines.words(at(*when), now).replace("\u00a0", " ")  # noqa: E731
    assert say(2026, 3, 6, 12) == "demain 12 h"
    assert say(2026, 3, 5, 18) == "ce soir 18 h"
    assert say(2026, 3, 5, 8, 42) == "en retard de 2 h"
    assert say(2026, 3, 9, 12) == "lundi 9 mars, 12 h"
