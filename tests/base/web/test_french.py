from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils.translation import override

from cercle.base.web import french

S = "\u00a0"  # every space inside a figure


@pytest.fixture(autouse=True)
def thursday(monkeypatch, settings):
    """It is Thursday 5 March 2026, 10:42, in Paris."""
    from zoneinfo import ZoneInfo

    settings.TIME_ZONE = "Europe/Paris"
    monkeypatch.setattr(french, "now", lambda: datetime(2026, 3, 5, 10, 42, tzinfo=ZoneInfo("Europe/Paris")))


def at(month: int, day: int, hour: int, minute: int = 0, year: int = 2026) -> datetime:
    """A local Paris time in winter, as the database gives it."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC) - timedelta(hours=1)


@pytest.mark.parametrize(
    ("instant", "said"), [((3, 5, 8, 52), "8 h 52"), ((3, 5, 12, 0), "12 h"), ((3, 5, 14, 2), "14 h 02")]
)
def test_hours_are_written_as_one_says_them(instant, said):
    assert french.hour(at(*instant)) == said.replace(" ", S)


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        ((3, 5, 8, 52), f"8{S}h{S}52"),
        ((3, 4, 17, 5), f"Hier 17{S}h{S}05"),
        ((3, 2, 18, 10), f"2{S}mars"),
        ((2, 26, 9, 0), f"26{S}févr."),
        ((12, 1, 9, 0, 2025), f"1er{S}déc.{S}2025"),
    ],
)
def test_past_moments_get_shorter_as_they_go(instant, said):
    assert french.moment(at(*instant)) == said


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        ((3, 5, 11, 15), f"Auj. 11{S}h{S}15"),
        ((3, 6, 8, 0), f"Demain 8{S}h"),
        ((3, 8, 17, 30), f"Dim. 17{S}h{S}30"),
        ((3, 17, 14, 0), f"Mar. 17{S}mars, 14{S}h"),
    ],
)
def test_coming_moments_name_their_day(instant, said):
    assert french.soon(at(*instant)) == said


def test_headings_of_days():
    assert french.day_title(date(2026, 3, 5)) == ("Aujourd’hui", f"jeudi 5{S}mars")
    assert french.day_title(date(2026, 3, 4)) == ("Hier", f"mercredi 4{S}mars")
    assert french.day_title(date(2026, 3, 3)) == (f"Mardi 3{S}mars", "")
    assert french.day_title(date(2025, 3, 1))[0] == f"Samedi 1er{S}mars{S}2025"


def test_a_moment_in_a_sentence():
    assert french.moment_long(at(3, 2, 18, 10)) == f"lundi 2{S}mars à 18{S}h{S}10"
    assert french.moment_long(at(3, 4, 17, 5)) == f"hier à 17{S}h{S}05"


def test_midnight_in_paris_is_the_local_day():
    assert french.day_title(datetime(2026, 3, 4, 23, 30, tzinfo=UTC))[0] == "Aujourd’hui"


@pytest.mark.parametrize(
    ("born", "said"),
    [
        ("1941-04-12", f"84{S}ans"),
        (date(1941, 3, 5), f"85{S}ans"),
        (date(1941, 3, 6), f"84{S}ans"),
        ("2025-06-20", f"8{S}mois"),
        ("1939", "environ 87 ans"),
        ("193900", "environ 87 ans"),
        ("1939-00-00", "environ 87 ans"),
        ("2030-01-01", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_ages_are_as_precise_as_the_birth_date(born, said):
    assert french.age(born) == said


@pytest.mark.parametrize(
    ("born", "said"),
    [
        ("1941-04-12", "12/04/1941"), ("194104", "04/1941"), ("1939", "1939"), ("193900", "1939"),
        ("1939-00-00", "1939"), (date(1941, 4, 12), "12/04/1941"), ("autre", "autre"), (None, ""),
    ],
)  # fmt: skip
def test_birth_dates_keep_their_precision(born, said):
    assert french.birth_date(born) == said


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("0261914027", "02 61 91 40 27"), ("+33 2 61 91 40 27", "02 61 91 40 27"), ("0033261914027", "02 61 91 40 27"),
        ("02.61.91.40.27", "02 61 91 40 27"), ("+44 20 7946 0018", "+44 20 7946 0018"), ("poste 12", "poste 12"),
    ],
)  # fmt: skip
def test_phone_numbers_are_written_by_pairs(typed, said):
    expected = said.replace(" ", S) if said.startswith("02") else said
    assert french.phone(typed) == expected


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (74.1, "74,1"), (74.0, "74"), (1284, f"1{S}284"), ("1.42", "1,42"), (-0.4, "−0,4"), (0, "0"), (None, ""),
        (1234567.5, f"1{S}234{S}567,5"), ("100", "100"),
    ],
)  # fmt: skip
def test_numbers_have_a_decimal_comma(value, said):
    assert french.number(value) == said


def test_durations_and_sizes():
    assert french.duration(90) == f"1{S}h{S}30"
    assert french.duration(timedelta(minutes=45)) == f"45{S}min"
    assert french.duration(timedelta(days=9)) == "9 jours"
    assert french.size(340_000) == f"340{S}ko"
    assert french.size(2_400_000) == f"2,4{S}Mo"


def test_initials_skip_titles():
    assert french.initials("Dr Erwan Kervella") == "EK"
    assert french.initials("Anne-Sophie Bourhis") == "AB"
    assert french.initials("") == "?"


def test_who_reads_english_gets_english_shapes():
    with override("en"):
        assert french.hour(at(3, 5, 8, 52)) == "8:52" and french.hour(at(3, 5, 12)) == "12:00"
        assert french.number(Decimal("1284.5")) == "1,284.5" and french.size(2_400_000) == f"2.4{S}MB"
        assert french.day(at(3, 5, 8)) == f"Thursday 5{S}March" and french.short_day(at(2, 1, 8)) == f"1{S}Feb"
        assert french.moment_long(at(3, 4, 17, 5)) == "yesterday at 17:05"
        assert french.day_title(at(3, 5, 8))[0] == "Today"
