import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cercle.people.directory import geo, keys

digits = st.text("0123456789", min_size=1, max_size=20)


@given(digits)
def test_the_key_that_is_computed_is_the_key_that_is_accepted(number):
    assert keys.luhn(number + keys.luhn_key(number))


@given(digits, st.data())
def test_one_wrong_digit_is_always_seen(number, data):
    whole = number + keys.luhn_key(number)
    place = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != whole[place]]))
    assert not keys.luhn(whole[:place] + other + whole[place + 1 :])


@given(st.text(max_size=20))
def test_nothing_that_is_not_a_number_passes(text):
    shaped = text.isascii() and text.isdigit()
    assert not (keys.is_rpps(text) and not (shaped and len(text) == 11))
    assert not (keys.is_siret(text) and not (shaped and len(text) == 14))


@pytest.mark.parametrize("number", ["10100000017", "99000000010", "98000000011"])
def test_rpps_keys(number):
    assert keys.is_rpps(number[:-1] + keys.luhn_key(number[:-1]))
    assert not keys.is_rpps(number + "1")


def test_corsican_finess_numbers_have_no_key_to_check():
    assert keys.is_finess("2A0000014") and keys.is_finess("2B0000012") and not keys.is_finess("2C0000012")
    assert keys.is_finess("010780195") and not keys.is_finess("010780196")


def test_the_offices_of_la_poste_follow_their_own_rule():
    assert keys.is_siret("35600000000048") and keys.is_siret("26010004500012") and not keys.is_siret("26010004500013")


def test_lambert93_is_the_real_place_of_a_real_structure():
    lat, lon = geo.lambert93(941342.52, 6589480.53)  # FINESS 010000016, where the file gives both
    assert abs(lat - 46.362063) < 1e-6 and abs(lon - 6.139885) < 1e-6


def test_overseas_coordinates_use_their_own_projection():
    lat, lon = geo.project(656783, 1796197, department="9A")
    assert abs(lat - 16.2414) < 1e-3 and abs(lon + 61.5330) < 1e-3
    assert geo.project(12, 12, department="29") is None


def test_distance_and_box_agree():
    pick = random.Random(1)
    for _i in range(200):
        lat, lon, km = pick.uniform(42, 51), pick.uniform(-5, 8), pick.uniform(1, 60)
        south, north, west, east = geo.box(lat, lon, km)
        for a, b in ((south, lon), (north, lon), (lat, west), (lat, east)):
            assert geo.distance_km(lat, lon, a, b) == pytest.approx(km, rel=0.02)
