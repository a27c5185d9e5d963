from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cercle.base.common import dates
from cercle.base.common.errors import Refused

TODAY = date(2026, 11, 24)


def read(text: str) -> dates.PartialDate:
    return dates.parse(text, today=TODAY)


@pytest.mark.parametrize(
    ("typed", "text", "earliest", "latest"),
    [
        ("1939", "1939", (1939, 1, 1), (1939, 12, 31)),
        ("193900", "1939", (1939, 1, 1), (1939, 12, 31)),
        ("1939-00-00", "1939", (1939, 1, 1), (1939, 12, 31)),
        ("00/00/1939", "1939", (1939, 1, 1), (1939, 12, 31)),
        ("19390400", "1939-04", (1939, 4, 1), (1939, 4, 30)),
        ("1939-04", "1939-04", (1939, 4, 1), (1939, 4, 30)),
        ("193904", "1939-04", (1939, 4, 1), (1939, 4, 30)),
        ("04/1939", "1939-04", (1939, 4, 1), (1939, 4, 30)),
        ("00/04/1939", "1939-04", (1939, 4, 1), (1939, 4, 30)),
        ("avril 1939", "1939-04", (1939, 4, 1), (1939, 4, 30)),
        ("12/04/1939", "1939-04-12", (1939, 4, 12), (1939, 4, 12)),
        (" 12 / 4 / 1939", None, None, None),
        ("12.4.1939", "1939-04-12", (1939, 4, 12), (1939, 4, 12)),
        ("12 04 1939", "1939-04-12", (1939, 4, 12), (1939, 4, 12)),
        ("12041939", "1939-04-12", (1939, 4, 12), (1939, 4, 12)),
        ("19390412", "1939-04-12", (1939, 4, 12), (1939, 4, 12)),
        ("1er août 1939", "1939-08-01", (1939, 8, 1), (1939, 8, 1)),
        ("29/02/1940", "1940-02-29", (1940, 2, 29), (1940, 2, 29)),
        ("1939-31-12", "1939-31-12", (1939, 1, 1), (1939, 12, 31)),
        ("12/31/1939", "1939-31-12", (1939, 1, 1), (1939, 12, 31)),
        ("19395000", "1939-50-00", (1939, 1, 1), (1939, 12, 31)),
        ("15/00/1939", "1939-00-15", (1939, 1, 1), (1939, 12, 31)),
    ],
)
def test_a_date_is_read_as_people_and_systems_write_it(typed, text, earliest, latest):
    if text is None:
        with pytest.raises(Refused):
            read(typed)
        return
    assert read(typed) == dates.PartialDate(text, date(*earliest), date(*latest))


@pytest.mark.parametrize(
    ("typed", "code", "says"),
    [
        ("", "date_empty", "l’année suffit"),
        ("hier", "date_unreadable", "12/04/1939"),
        ("12/04/39", "date_unreadable", "quatre chiffres"),
        ("0000-00-00", "date_unreadable", "L’année est nécessaire"),
        ("31/02/1941", "date_impossible", "Le 31 février n’existe pas. Vérifiez le jour."),
        ("29/02/1941", "date_impossible", "Le 29 février 1941 n’existe pas"),
        ("12/13/1939", "date_impossible", "Le mois 13 n’existe pas"),
        ("45/04/1939", "date_impossible", "Le jour 45 n’existe pas"),
        ("25/11/2026", "date_future", "dans le futur"),
        ("2027", "date_future", "dans le futur"),
        ("1893", "date_too_old", "130 ans"),
        ("1" * 10_000, "date_unreadable", "ne se lit pas"),
        ("१९३९", "date_unreadable", "ne se lit pas"),
    ],
)
def test_a_date_that_cannot_be_is_refused_with_what_to_check(typed, code, says):
    with pytest.raises(Refused) as refusal:
        read(typed)
    assert refusal.value.code == code
    assert says in str(refusal.value.message)


def test_the_year_of_today_and_of_130_years_ago_are_accepted():
    assert read("2026").precision == "year"
    assert read("24/11/2026").is_full
    assert read("1896").text == "1896"


partial = st.one_of(
    st.dates(date(1897, 1, 1), TODAY).map(dates.day),
    st.builds(dates.month, st.integers(1897, 2025), st.integers(1, 12)),
    st.builds(dates.year, st.integers(1897, 2025)),
)


@given(partial)
def test_what_is_written_reads_back_the_same(value):
    assert read(value.text) == value
    assert read(dates.short(value)) == value
    assert read(value.text.replace("-", "").ljust(8, "0")) == value


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_never_breaks(text):
    try:
        value = read(text)
    except Refused as refusal:
        assert str(refusal.message)
    else:
        assert value.earliest <= value.latest
        assert read(value.text) == value


@given(partial, st.integers(0, 365 * 110))
def test_the_age_shown_holds_the_real_one(born_on, later):
    on = born_on.latest + timedelta(days=later)
    least, greatest = dates.years(born_on, on)
    for real in (born_on.earliest, born_on.latest):
        assert least <= dates.years(dates.day(real), on)[0] <= greatest
    assert 0 <= greatest - least <= 1


def test_dates_are_written_as_french_people_say_them():
    assert dates.born(read("12/04/1941"), "F") == "née le 12/04/1941"
    assert dates.born(read("1939"), "F") == "née en 1939"
    assert dates.born(read("04/1939"), "M") == "né en avril 1939"
    assert dates.born(read("08/1939"), "I") == "né(e) en août 1939"
    assert dates.born(read("1939-31-12"), "F") == "née en 1939 (date inscrite\u00a0: 12/31/1939)"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("12/04/1941", "85 ans"),
        ("1939", "86 ou 87 ans"),
        ("12/1939", "86 ans"),
        ("11/1939", "86 ou 87 ans"),
        ("24/11/2025", "12 mois"),
        ("10/11/2026", "14 jours"),
        ("23/11/2026", "1 jour"),
        ("24/11/2024", "2 ans"),
        ("2026", "moins d’un an"),
    ],
)
def test_an_age_says_its_uncertainty(typed, said):
    assert dates.age(read(typed), TODAY) == said


def test_the_age_stops_at_death():
    assert dates.age(read("12/04/1941"), read("2020")) == "78 ou 79 ans"
