"""Exact keys: two records of the same person share at least one, whatever single accident happened to either.

A key is a signed 64-bit number made of a kind and of what the two must share. They are stored (`MatchKey`) and looked
up by equality on an ordinary index, which stays as fast at ten million people; a similarity index does not. Changing a
rule here means computing the stored keys again: raise `VERSION`.
"""

import numpy as np

from .people import People, hash64, of_traits
from .traits import Traits

VERSION = 1
LOOSE = 13  # from this kind on, what is shared says little: a batch looks at the smallest blocks only

_U = np.uint64


def _mix(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> _U(30))) * _U(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> _U(27))) * _U(0x94D049BB133111EB)
    return x ^ (x >> _U(31))


def _key(kind: int, *parts: np.ndarray) -> np.ndarray:
    """0 wherever a part is missing."""
    with np.errstate(over="ignore"):
        out = np.full(len(parts[0]), kind * 0x9E3779B97F4A7C15 % 2**64, _U)
        missing = np.zeros(len(out), bool)
        for part in parts:
            part = part.astype(_U)
            missing |= part == 0
            out = _mix(out + part * _U(0x9E3779B97F4A7C15) + _U(0x632BE59BD9B4E019))
    return np.where(missing, _U(0), out)


def columns(people: People, *, stored: bool) -> list[list[np.ndarray]]:
    """One entry per kind of key, from the surest to the loosest; a kind may hold several columns (birth, used…)."""
    words = people.words
    y, m, d = (a.astype(np.int64) for a in (people.year, people.month, people.day))
    full = np.where((y > 0) & (m > 0) & (d > 0), y * 10000 + m * 100 + d, 0)
    # Day and month in either order, so that a swapped date keeps its key.
    year_and_pair = np.where(full > 0, y * 10000 + np.minimum(m, d) * 100 + np.maximum(m, d), 0)
    pair = np.where(full > 0, np.minimum(m, d) * 100 + np.maximum(m, d), 0)
    birth, used = words.sound[people.birth], words.sound[people.used]
    used = np.where(used == birth, _U(0), used)
    given = [words.sound[people.given[:, k]] for k in range(3)]
    first = given[0]
    families = [birth, used]
    with np.errstate(over="ignore"):
        # The sum does not tell which is the family name and which the given one: « inverted » names keep their key.
        both = [np.where((f == 0) | (first == 0), _U(0), _mix(f) + _mix(first)) for f in families]
        every = [np.where((f == 0) | (g == 0) | (f == g), _U(0), _mix(f) + _mix(g)) for f in families for g in given]
    streets = np.where(people.street >= 0, _hash_streets(people), _U(0))
    year_sex = np.where((y > 0) & (people.sex > 0), y * 10 + people.sex, 0)
    year_month = np.where((y > 0) & (m > 0), y * 100 + m, 0)
    number = people.number.astype(np.int64) + 1
    kinds = [
        [_key(1, people.ins)],
        [_key(2, people.phone)],
        [_key(3, people.email)],
        [_key(4, people.nss)],
        [_key(5, year_and_pair, name) for name in (birth, used, *given)],
        [_key(6, y, b) for b in every],
        [_key(7, pair, b) for b in both],
        [_key(8, people.place, b) for b in both],
        [_key(9, people.postcode, b) for b in both],
        [_key(10, full, people.place)],
        [_key(11, people.postcode, number, streets, name) for name in (birth, used, first)],
        [_key(12, year_sex, people.place, name) for name in (birth, used, first)],
        [_key(13, full, people.postcode)],
        [_key(14, year_month, f) for f in families],
    ]
    if not stored:
        # Too many people share these for a look-up; a batch takes the rarest of them.
        kinds += [
            [_key(20, pair, people.place)],
            [_key(21, full, people.sex.astype(np.int64) + 1)],
            [_key(22, people.postcode, f) for f in families],
            [_key(23, number, streets, people.commune)],
            [_key(24, b) for b in both],
            [_key(25, number, people.postcode, first)],
            [_key(26, y, people.postcode, first)],
        ]
    return kinds


def _hash_streets(people: People) -> np.ndarray:
    return np.array([hash64(s) for s in people.streets], _U)[people.street]


def keys(traits: Traits) -> set[int]:
    """The keys of one person, for the table `MatchKey(key bigint, patient uuid)`."""
    return keys_of([traits])[0]


def keys_of(people: list[Traits]) -> list[set[int]]:
    """The same for many at once: a load of 100,000 patients should not call `keys` one by one."""
    table = np.stack([c for kind in columns(of_traits(people), stored=True) for c in kind], axis=1).view(np.int64)
    return [set(row.tolist()) - {0} for row in table]
