"""How alike two people are, field by field, in words (« same », « close », « crossed »…), and the groups these form.

`compare` fills one small integer per pair and per field. Everything is symmetrical: a against b is b against a.
The names of the levels are the rows of the weight table (`weights.json`) and of the sentences in `words.py`.
"""

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA, JaroWinkler

from .people import GIVENS, People

LEVELS: dict[str, tuple[str, ...]] = {
    "family": (
        "missing", "same", "birth_same", "crossed", "used_same_birth_close", "used_same", "particle", "close",
        "far", "crossed_close", "part", "inverted", "different",
    ),
    "given": (
        "missing", "same_list", "same_first", "same_first_other_rest", "listed", "close", "close_other_name", "far",
        "composed", "initial", "listed_close", "different",
    ),
    "sex": ("missing", "same", "different"),
    "date": (
        "missing", "same", "partial", "year_only", "swapped", "first_of_january", "next_day", "day_digit", "day_other",
        "month_digit", "month_other", "next_year", "year_digit", "year_other", "same_year", "two_digits", "different",
    ),
    "place": ("missing", "same", "equivalent", "same_department", "different"),
    "ins": (
        "missing", "same", "close", "fits", "conflicts", "same_prefix", "different_unsure", "different",
    ),
    "nss": ("missing", "same", "close", "different"),
    "phone": ("missing", "same", "close", "different"),
    "email": ("missing", "same", "different"),
    "address": ("missing", "same", "close", "same_street", "different"),
    "area": ("missing", "same", "same_commune", "close", "same_department", "different"),
}  # fmt: skip
FIELDS = tuple(LEVELS)
L = {field: {name: n for n, name in enumerate(names)} for field, names in LEVELS.items()}

# What several levels have in common, to weigh two fields together (see `CROSSED`).
GROUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "family": {
        "same": ("same", "birth_same", "crossed", "used_same_birth_close", "particle"),
        "close": ("close", "far", "crossed_close", "part", "inverted"),
        "used": ("used_same",),
        "different": ("different",),
        "missing": ("missing",),
    },
    "given": {
        "list": ("same_list",),
        "same": ("same_first",),
        "conflict": ("same_first_other_rest",),
        "listed": ("listed", "composed", "initial", "listed_close"),
        "close": ("close", "far"),
        "other_name": ("close_other_name",),
        "different": ("different",),
        "missing": ("missing",),
    },
    "sex": {"same": ("same",), "different": ("different",), "missing": ("missing",)},
    "date": {
        "same": ("same",),
        "typed": ("partial", "year_only", "swapped", "first_of_january"),
        "near": ("next_day", "day_digit", "month_digit", "next_year", "year_digit", "two_digits"),
        "generation": ("year_other",),
        "year": ("day_other", "month_other", "same_year"),
        "different": ("different",),
        "missing": ("missing",),
    },
    "place": {
        "same": ("same", "equivalent"),
        "different": ("different", "same_department"),
        "missing": ("missing",),
    },
    "ins": {
        "same": ("same",),
        "close": ("close", "fits"),
        "missing": ("missing",),
        "different": ("conflicts", "same_prefix", "different_unsure", "different"),
    },
    "phone": {"same": ("same", "close"), "different": ("different",), "missing": ("missing",)},
    "address": {"same": ("same", "close"), "different": ("different", "same_street"), "missing": ("missing",)},
}
CROSSED = (
    ("date", "place"),
    ("date", "given"),
    ("given", "place"),
    ("family", "given"),
    ("family", "date"),
    ("date", "phone"),
    ("date", "address"),
    ("given", "address"),
    ("given", "phone"),
    ("sex", "given"),
    ("ins", "date"),
    ("ins", "given"),
    ("phone", "address"),
)


def group_index(field: str) -> np.ndarray:
    """Level number to group number."""
    groups = GROUPS[field]
    of = {level: n for n, levels in enumerate(groups.values()) for level in levels}
    return np.array([of[level] for level in LEVELS[field]], np.int8)


def compare(people: People, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Levels of the pairs (i[n], j[n]), one row a pair, one column a field in the order of FIELDS."""
    out = np.zeros((len(i), len(FIELDS)), np.int8)
    out[:, 0], inverted = _family(people, i, j)
    out[:, 1] = _given(people, i, j)
    out[inverted, 1] = L["given"]["same_first"]
    out[:, 2] = _equal(people.sex[i], people.sex[j], L["sex"])
    out[:, 3] = _date(people, i, j)
    out[:, 4] = _place(people, i, j)
    out[:, 5] = _ins(people, i, j)
    out[:, 6] = _numbers(people.nss[i], people.nss[j], L["nss"])
    out[:, 7] = _numbers(people.phone[i], people.phone[j], L["phone"])
    out[:, 8] = _equal(people.email[i], people.email[j], L["email"])
    out[:, 9] = _address(people, i, j)
    out[:, 10] = _area(people, i, j)
    return out


def _equal(a, b, level) -> np.ndarray:
    return np.where((a == 0) | (b == 0), level["missing"], np.where(a == b, level["same"], level["different"]))


# --- Names -----------------------------------------------------------------------------------------------------------
SAME, PARTICLE, CLOSE, FAR, PART, DIFFERENT, MISSING = range(7)


def _likeness(people: People, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Word against word; rapidfuzz only sees those that are neither equal nor hopeless."""
    words = people.words
    out = np.full(len(a), DIFFERENT, np.int8)
    missing = (a < 0) | (b < 0)
    same = (a == b) & ~missing
    core_a, core_b = words.core[a], words.core[b]
    particle = ~same & ~missing & ((core_a == core_b) | (core_a == b) | (core_b == a))
    rest = np.flatnonzero(~(same | missing | particle))
    if len(rest):
        ra, rb = a[rest], b[rest]
        la, lb = words.length[ra], words.length[rb]
        short, long = np.minimum(la, lb), np.maximum(la, lb)
        level = np.full(len(rest), DIFFERENT, np.int8)
        parts_a, parts_b = words.parts[ra], words.parts[rb]
        if (parts_a >= 0).any() or (parts_b >= 0).any():
            shared = (parts_a == rb[:, None]).any(1) | (parts_b == ra[:, None]).any(1)
            for k in range(3):
                shared |= ((parts_a == parts_b[:, [k]]) & (parts_a >= 0)).any(1)
            level[shared] = PART
        todo = np.flatnonzero((long - short <= 3) & (short >= 2))
        if len(todo):
            ta, tb = words.array[ra[todo]].tolist(), words.array[rb[todo]].tolist()
            steps = process.cpdist(ta, tb, scorer=OSA.distance, score_cutoff=2, dtype=np.uint8, workers=_workers(todo))
            alike = process.cpdist(
                ta, tb, scorer=JaroWinkler.similarity, score_cutoff=0.88, dtype=np.float32, workers=_workers(todo)
            )
            shorter = short[todo]
            level[todo] = np.where(
                (steps <= 1) & (shorter >= 3),
                CLOSE,
                np.where(((steps <= 2) & (shorter >= 5)) | (alike >= 0.88), np.minimum(FAR, level[todo]), level[todo]),
            )
        sound = (words.sound[ra] == words.sound[rb]) & (short >= 3)
        level[sound] = np.minimum(level[sound], CLOSE)
        out[rest] = level
    out[particle] = PARTICLE
    out[same] = SAME
    out[missing] = MISSING
    return out


def _workers(todo) -> int:
    return -1 if len(todo) > 20_000 else 1


def _family(people: People, i, j) -> tuple[np.ndarray, np.ndarray]:
    level = L["family"]
    a, b, ua, ub = people.birth[i], people.birth[j], people.used[i], people.used[j]
    out = np.full(len(i), level["different"], np.int8)
    missing = (a < 0) | (b < 0)
    births = _likeness(people, a, b)
    same_birth, same_used = births == SAME, (ua == ub) & ~missing
    crossed = ((a == ub) | (b == ua)) & ~missing
    # Only what is still open costs more string comparisons.
    open_ = np.flatnonzero(~(missing | same_birth | crossed | same_used))
    others = np.full(len(i), DIFFERENT, np.int8)
    if len(open_):
        o = open_
        k = len(o)
        left, right = np.concatenate([a[o], ua[o], ua[o]]), np.concatenate([ub[o], b[o], ub[o]])
        others[o] = _likeness(people, left, right).reshape(3, k).min(axis=0)
    out[births == PART] = level["part"]
    out[others == PART] = level["part"]
    out[others <= FAR] = level["crossed_close"]
    out[births == FAR] = level["far"]
    out[births == CLOSE] = level["close"]
    out[births == PARTICLE] = level["particle"]
    out[same_used] = level["used_same"]
    out[same_used & (births <= PART)] = level["used_same_birth_close"]
    out[crossed] = level["crossed"]
    out[same_birth] = level["birth_same"]
    out[same_birth & same_used] = level["same"]
    ga, gb = people.given[i, 0], people.given[j, 0]
    inverted = ((a == gb) | (ua == gb)) & ((b == ga) | (ub == ga)) & ~missing & (ga >= 0) & (gb >= 0) & (a != b)
    out[inverted] = level["inverted"]
    out[missing] = level["missing"]
    return out, inverted


def _given(people: People, i, j) -> np.ndarray:
    level = L["given"]
    words = people.words
    a, b = people.given[i], people.given[j]
    first_a, first_b = a[:, 0], b[:, 0]
    missing = (first_a < 0) | (first_b < 0)
    out = np.full(len(i), level["different"], np.int8)
    same = (first_a == first_b) & ~missing
    listed = ((first_a[:, None] == b).any(1) | (first_b[:, None] == a).any(1)) & ~missing & ~same
    rest_a, rest_b = a[:, 1:], b[:, 1:]
    any_a, any_b = (rest_a >= 0).any(1), (rest_b >= 0).any(1)
    both_rest = any_a & any_b
    shared = np.zeros(len(i), bool)
    check = np.flatnonzero(same & both_rest)
    if len(check):
        ra, rb = rest_a[check], rest_b[check]
        found = np.zeros(len(check), bool)
        for k in range(GIVENS - 1):
            found |= ((ra == rb[:, [k]]) & (ra >= 0)).any(1)
        unlike = np.flatnonzero(~found)
        if len(unlike):  # a typing error in the second given name is no other second name
            near = _likeness(people, ra[unlike, 0], rb[unlike, 0])
            found[unlike] = near <= FAR
        shared[check] = found
    open_ = np.flatnonzero(~(missing | same | listed))
    if len(open_):
        fa, fb = first_a[open_], first_b[open_]
        near = _likeness(people, fa, fb)
        result = np.full(len(open_), level["different"], np.int8)
        la, lb = words.length[fa], words.length[fb]
        short = np.minimum(la, lb)
        composed = np.zeros(len(open_), bool)
        maybe = np.flatnonzero((np.abs(la - lb) >= 3) & (short >= 3) & (words.initial[fa] == words.initial[fb]))
        for n in maybe.tolist():
            x, y = words.text[fa[n]], words.text[fb[n]]
            composed[n] = x.startswith(y) or y.startswith(x)
        initial = (short == 1) & (words.initial[fa] == words.initial[fb])
        # One first name badly typed, or another of the list used and badly typed.
        todo = np.flatnonzero((near >= PART) & (any_a | any_b)[open_])
        if len(todo):
            o = open_[todo]
            best = np.full(len(todo), DIFFERENT, np.int8)
            for k in range(1, 3):
                for left, right in ((first_a[o], b[o, k]), (first_b[o], a[o, k])):
                    best = np.minimum(best, _likeness(people, left, right))
            result[todo[best <= CLOSE]] = level["listed_close"]
        result[initial] = level["initial"]
        result[near == FAR] = level["far"]
        result[composed] = level["composed"]
        result[near <= CLOSE] = level["close"]
        # LOUIS and LOUISE are one letter apart and both names: rather two people than a typing error.
        both_known = words.known[fa] & words.known[fb] & (words.sound[fa] != words.sound[fb])
        result[both_known & ((near <= FAR) | composed)] = level["close_other_name"]
        out[open_] = result
    out[listed] = level["listed"]
    out[same] = level["same_first"]
    out[same & both_rest & ~shared] = level["same_first_other_rest"]
    out[same & both_rest & shared] = level["same_list"]
    out[missing] = level["missing"]
    return out


# --- Date and place --------------------------------------------------------------------------------------------------
def _digit(a: np.ndarray, b: np.ndarray, digits: int) -> np.ndarray:
    """One digit differs, or two neighbours are in the other order."""
    different = np.zeros(len(a), np.int8)
    previous_a = previous_b = None
    swapped = np.zeros(len(a), bool)
    for p in range(digits):
        da, db = a // 10**p % 10, b // 10**p % 10
        different += da != db
        if p:
            swapped |= (da == previous_b) & (db == previous_a) & (da != db)
        previous_a, previous_b = da, db
    return (different == 1) | ((different == 2) & swapped)


def _digits_apart(a: np.ndarray, b: np.ndarray, digits: int) -> np.ndarray:
    return sum(((a // 10**p % 10 != b // 10**p % 10).astype(np.int8) for p in range(digits)), np.zeros(len(a), np.int8))


def _date(people: People, i, j) -> np.ndarray:
    level = L["date"]
    ya, yb = people.year[i].astype(np.int32), people.year[j].astype(np.int32)
    ma, mb = people.month[i].astype(np.int32), people.month[j].astype(np.int32)
    da, db = people.day[i].astype(np.int32), people.day[j].astype(np.int32)
    missing = (ya == 0) | (yb == 0)
    y, m, d = ya == yb, ma == mb, da == db
    no_month, no_day = (ma == 0) | (mb == 0), (da == 0) | (db == 0)
    january = ((ma == 1) & (da == 1)) | ((mb == 1) & (db == 1))
    gap = np.abs(ya - yb)
    complete = ~no_month & ~no_day
    rules = [
        (missing, "missing"),
        (y & m & d & complete, "same"),
        (y & no_month, "year_only"),
        (y & m & no_day, "partial"),
        (y & complete & (ma == db) & (da == mb), "swapped"),
        (y & complete & january, "first_of_january"),
        (y & m & complete & (np.abs(da - db) == 1), "next_day"),
        (y & m & complete & _digit(da, db, 2), "day_digit"),
        (y & m, "day_other"),
        (y & d & complete & _digit(ma, mb, 2), "month_digit"),
        (y & d & complete, "month_other"),
        (y, "same_year"),
        (m & d & complete & (gap == 1), "next_year"),
        (
            m & d & complete & _digit(ya, yb, 4) & ((gap == 10) | (gap == 100) | (gap < 10) | (gap % 9 == 0)),
            "year_digit",
        ),
        (m & d & complete, "year_other"),
        (complete & (_digits_apart(ya * 10000 + ma * 100 + da, yb * 10000 + mb * 100 + db, 8) <= 2), "two_digits"),
    ]
    return np.select([r[0] for r in rules], [level[r[1]] for r in rules], level["different"]).astype(np.int8)


def _place(people: People, i, j) -> np.ndarray:
    level = L["place"]
    a, b = people.place[i], people.place[j]
    department = (people.department[i] == people.department[j]) & (people.department[i] != 0)
    return np.select(
        [(a == 0) | (b == 0), people.place_typed[i] == people.place_typed[j], a == b, department],
        [level["missing"], level["same"], level["equivalent"], level["same_department"]],
        level["different"],
    ).astype(np.int8)


# --- Numbers ---------------------------------------------------------------------------------------------------------
def _near_numbers(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if not len(a):
        return np.zeros(0, bool)
    texts_a, texts_b = a.astype(str).tolist(), b.astype(str).tolist()
    steps = process.cpdist(texts_a, texts_b, scorer=OSA.distance, score_cutoff=1, dtype=np.uint8, workers=_workers(a))
    return steps <= 1


def _numbers(a, b, level) -> np.ndarray:
    out = _equal(a, b, level).astype(np.int8)
    different = np.flatnonzero(out == level["different"])
    out[different[_near_numbers(a[different], b[different])]] = level["close"]
    return out


def _ins(people: People, i, j) -> np.ndarray:
    """Two right numbers that differ are two people, the more so when only the order of registration differs: twins."""
    level = L["ins"]
    a, b = people.ins[i], people.ins[j]
    sure = people.ins_sure[i] & people.ins_sure[j]
    out = np.full(len(i), level["missing"], np.int8)
    both = (a > 0) & (b > 0)
    out[both] = np.where(sure[both], level["different"], level["different_unsure"])
    out[both & sure & (a // 1000 == b // 1000)] = level["same_prefix"]
    near = np.flatnonzero(both & ~sure & (a != b))
    out[near[_near_numbers(a[near], b[near])]] = level["close"]
    out[both & (a == b)] = level["same"]
    for one, p, q in (((a > 0) & (b == 0), i, j), ((b > 0) & (a == 0), j, i)):
        rows = np.flatnonzero(one & people.ins_sure[p])
        if not len(rows):
            continue
        number, other = people.ins[p[rows]], q[rows]
        by, year, month = number // 10**12, number // 10**10 % 100, number // 10**8 % 100
        sex, full = people.sex[other], people.year[other] > 0
        right_sex = (sex == 0) | (np.where(by % 2 == 1, 1, 2) == sex)
        right_year = ~full | (year == people.year[other] % 100)
        right_month = (people.month[other] == 0) | (month == people.month[other]) | (month > 12)
        wrong = (~right_sex).astype(int) + ~right_year + ~right_month
        out[rows] = np.where(wrong == 0, np.where(full, level["fits"], level["missing"]), level["conflicts"])
    return out


# --- Where they live -------------------------------------------------------------------------------------------------
def _address(people: People, i, j) -> np.ndarray:
    level = L["address"]
    a, b = people.street[i], people.street[j]
    number = people.number[i] == people.number[j]
    near_area = (people.postcode[i] == people.postcode[j]) | (people.commune[i] == people.commune[j])
    unknown_area = ((people.postcode[i] == 0) | (people.postcode[j] == 0)) & (
        (people.commune[i] == 0) | (people.commune[j] == 0)
    )
    near_area |= unknown_area
    missing = (a < 0) | (b < 0)
    out = np.full(len(i), level["different"], np.int8)
    open_ = np.flatnonzero(~missing & (a != b) & number & near_area)
    if len(open_):
        ta, tb = people.streets[a[open_]].tolist(), people.streets[b[open_]].tolist()
        alike = process.cpdist(
            ta, tb, scorer=JaroWinkler.similarity, score_cutoff=0.9, dtype=np.float32, workers=_workers(open_)
        )
        out[open_[alike >= 0.9]] = level["close"]
    same = (a == b) & ~missing
    badly_typed_area = ~near_area & _digit(people.postcode[i], people.postcode[j], 5)
    out[same & near_area] = level["same_street"]
    out[same & number & badly_typed_area] = level["close"]
    out[same & number & near_area] = level["same"]
    out[missing] = level["missing"]
    return out


def _area(people: People, i, j) -> np.ndarray:
    level = L["area"]
    a, b = people.postcode[i], people.postcode[j]
    commune = (people.commune[i] == people.commune[j]) & (people.commune[i] != 0)
    no_commune = (people.commune[i] == 0) | (people.commune[j] == 0)
    missing = (a == 0) | (b == 0)
    return np.select(
        [
            ~missing & (a == b),
            commune,
            missing & no_commune,
            ~missing & _digit(a, b, 5),
            ~missing & (a // 1000 == b // 1000),
        ],
        [level["same"], level["same_commune"], level["missing"], level["close"], level["same_department"]],
        level["different"],
    ).astype(np.int8)
