"""Many people as columns of numbers: the one shape in which pairs are compared and keys are made, for two or a million.

Each distinct text is parsed once; a record only holds numbers that point to it. That is what makes a million records
fit in memory and ten million comparisons fit in a minute, and lets the review screen and the batch share every rule.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np

from . import traits as t
from .sounds import sound

GIVENS = 4
Column = tuple[np.ndarray, list[str]]  # code of each record, text of each code


def hash64(text: str) -> int:
    """The same on every machine, in every process, for ever: stored keys depend on it. 0 is kept for « missing »."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") if text else 0


@cache
def town_codes() -> dict[str, str]:
    """Former COG code to the code that stands for the same town today (see README.md)."""
    return json.loads((Path(__file__).parent / "places.json").read_text())


def current_place(code: str) -> str:
    code = town_codes().get(code, code)
    return t.town_of(town_codes().get(code, code))


@cache
def known_givens() -> frozenset[str]:
    """Given names in use in France (see README.md): what is not among them may be a typing error, what is may not."""
    return frozenset(json.loads((Path(__file__).parent / "givens.json").read_text()))


class Words:
    """Every distinct name once, with what comparing it needs."""

    def __init__(self):
        self.ids: dict[str, int] = {}
        self.text: list[str] = []
        self._core: list[int] = []
        self._parts: list[tuple[int, ...]] = []

    def id(self, joined: str) -> int:
        """-1 for a missing name."""
        if not joined:
            return -1
        known = self.ids.get(joined)
        if known is None:
            known = self.ids[joined] = len(self.text)
            self.text.append(joined)
            self._core.append(known)
            self._parts.append(())
        return known

    def family_id(self, raw: str) -> int:
        joined, core, parts = t.family(raw)
        known = self.id(joined)
        if known >= 0 and not self._parts[known] and parts:
            self._parts[known] = tuple(self.id(p) for p in parts)
            self._core[known] = self.id(core)
        return known

    def freeze(self) -> None:
        """Lists become arrays; index -1 (missing) falls on the extra last row."""
        self.hash = np.array([hash64(w) for w in self.text] + [0], np.uint64)
        self.sound = np.array([hash64(sound(w)) for w in self.text] + [0], np.uint64)
        self.length = np.array([len(w) for w in self.text] + [0], np.int16)
        self.initial = np.array([ord(w[0]) for w in self.text] + [0], np.int32)
        self.known = np.array([w in known_givens() for w in self.text] + [False])
        self.core = np.array([*self._core, -1], np.int32)
        self.parts = np.full((len(self.text) + 1, 3), -1, np.int32)
        for n, parts in enumerate(self._parts):
            if parts:
                self.parts[n, : len(parts)] = parts
        self.array = np.array([*self.text, ""], object)


@dataclass
class People:
    """Columns of equal length; -1 (names) or 0 (the rest) is « missing »."""

    words: Words
    birth: np.ndarray
    used: np.ndarray
    given: np.ndarray  # (n, GIVENS)
    sex: np.ndarray
    year: np.ndarray
    month: np.ndarray
    day: np.ndarray
    place: np.ndarray  # hash of the code of today's town
    place_typed: np.ndarray  # hash of the code as typed
    department: np.ndarray
    ins: np.ndarray
    ins_sure: np.ndarray
    nss: np.ndarray
    phone: np.ndarray
    email: np.ndarray
    street: np.ndarray  # number into `streets`
    streets: np.ndarray
    number: np.ndarray
    postcode: np.ndarray
    commune: np.ndarray

    def __len__(self) -> int:
        return len(self.birth)


def of_traits(people: Sequence[t.Traits]) -> People:
    return of_columns({f: encode(getattr(p, f) or "" for p in people) for f in t.FIELDS}, len(people))


def encode(texts: Iterable[str]) -> Column:
    ids: dict[str, int] = {}
    codes = np.fromiter((ids.setdefault(x, len(ids)) for x in texts), np.int32)
    return codes, list(ids)


def of_columns(columns: dict[str, Column], count: int) -> People:
    """Columns may be absent. Each one is dropped from `columns` once read, so that its texts can leave memory."""
    words = Words()
    nothing = (np.zeros(count, np.int32), [""])

    def read(field: str, parse, dtype):
        codes, texts = columns.pop(field, nothing)
        return np.array([parse(x) for x in texts], dtype)[codes]

    birth = read("birth_family", words.family_id, np.int32)
    used = read("used_family", words.family_id, np.int32)
    birth = np.where(birth < 0, used, birth)
    used = np.where(used < 0, birth, used)
    given = _givens(words, *(columns.pop(f, nothing) for f in ("first_given", "birth_givens", "used_given")))

    dates = read("birth_date", t.birth_date, np.int16).reshape(count, 3)
    codes, texts = columns.pop("birth_place", nothing)
    typed = [t.place(x) for x in texts]
    today = [current_place(x) for x in typed]
    codes_ins, texts_ins = columns.pop("ins", nothing)
    parsed = [t.matricule(x) for x in texts_ins]
    ins = np.array([p[0] for p in parsed], np.int64)[codes_ins]
    sure = np.array([p[1] for p in parsed], bool)[codes_ins]
    by_ins = (ins // 10**12 % 10).astype(np.int8)
    sexes = read("sex", t.sex, np.int8)
    sexes = np.where(
        (sexes == 0) & sure, np.select([np.isin(by_ins, (1, 7)), np.isin(by_ins, (2, 8))], [1, 2], 0), sexes
    )

    codes_street, texts_street = columns.pop("address", nothing)
    addresses = [t.street(x) for x in texts_street]
    street_codes, streets = encode(a[1] for a in addresses)
    streets.append("")
    blank = streets.index("")
    street_codes = np.where(street_codes == blank, -1, street_codes)

    people = People(
        words=words,
        birth=birth,
        used=used,
        given=given,
        sex=sexes.astype(np.int8),
        year=dates[:, 0],
        month=dates[:, 1],
        day=dates[:, 2],
        place=np.array([hash64(x) for x in today], np.uint64)[codes],
        place_typed=np.array([hash64(x) for x in typed], np.uint64)[codes],
        department=np.array([hash64(_department(x)) for x in today], np.uint64)[codes],
        ins=ins,
        ins_sure=sure,
        nss=read("nss", t.free_number, np.int64),
        phone=read("phone", t.phone, np.int64),
        email=read("email", lambda x: hash64(t.email(x)), np.uint64),
        street=street_codes[codes_street].astype(np.int32),
        streets=np.array(streets, object),
        number=np.array([a[0] for a in addresses], np.int32)[codes_street],
        postcode=read("postcode", t.postcode, np.int32),
        commune=read("commune", lambda x: hash64(t.commune(x)), np.uint64),
    )
    words.freeze()
    return people


def _department(place: str) -> str:
    if len(place) != 5 or not place[2:].isdigit():
        return ""
    return place if place.startswith("99") else place[:3] if place.startswith("97") else place[:2]


def _givens(words: Words, first: Column, listed: Column, used: Column) -> np.ndarray:
    firsts = [t.one_given(x) for x in first[1]]
    lists = [t.givens(x) for x in listed[1]]
    useds = [t.one_given(x) for x in used[1]]
    combined = (first[0].astype(np.int64) * len(lists) + listed[0]) * len(useds) + used[0]
    distinct, where = np.unique(combined, return_inverse=True)
    rows = np.full((len(distinct), GIVENS), -1, np.int32)
    for n, code in enumerate(distinct.tolist()):
        code, u = divmod(code, len(useds))
        f, li = divmod(code, len(lists))
        names = t.given_list(firsts[f], lists[li])
        if useds[u] and useds[u] not in names:
            names = (*names, useds[u]) if len(names) < GIVENS else (*names[:-1], useds[u])
        for k, name in enumerate(names):
            rows[n, k] = words.id(name)
    return rows[where.reshape(-1)]
