"""Small cells stay hidden, and what is told does not give them back: an attacker adds, subtracts and compares all that is told."""

from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cercle.doors.steering.secrecy import TOTAL, column, grid

LEAST = 5
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
QUARTERS = (0, 1, 2, 3)
years = st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=1, max_size=5)
long_years = st.lists(st.lists(st.sampled_from([0, 1, 3, 6, 40]), min_size=4, max_size=4), min_size=2, max_size=6)


def known(values):
    """All the counts: parts and their total, by quarter and for the year."""
    parts = range(len(values))
    counts = {(p, q): values[p][q] for p in parts for q in QUARTERS}
    counts |= {(p, TOTAL): sum(values[p]) for p in parts} | {
        (TOTAL, q): sum(line[q] for line in values) for q in QUARTERS
    }
    counts[TOTAL, TOTAL] = sum(map(sum, values))
    return counts, [*parts]


def found_out(counts, parts, out) -> set:
    """The hidden cells that linear algebra finds: every part and every quarter adds up, and the rest is told."""
    unknown = sorted(out, key=str)
    place = {cell: n for n, cell in enumerate(unknown)}
    lines = [([(p, q) for q in QUARTERS], (p, TOTAL)) for p in (*parts, TOTAL)] + [
        ([(p, c) for p in parts], (TOTAL, c)) for c in (*QUARTERS, TOTAL)
    ]
    matrix = []
    for inner, total in lines:
        row = [Fraction(0)] * len(unknown)
        for cell, sign in [(c, 1) for c in inner] + [(total, -1)]:
            if cell in place:
                row[place[cell]] += sign
        matrix.append(row)
    # Reduced rows: an unknown alone in its row is known.
    rank = 0
    for n in range(len(unknown)):
        pivot = next((r for r in range(rank, len(matrix)) if matrix[r][n]), None)
        if pivot is None:
            continue
        matrix[rank], matrix[pivot] = matrix[pivot], matrix[rank]
        matrix[rank] = [v / matrix[rank][n] for v in matrix[rank]]
        for r in range(len(matrix)):
            if r != rank and matrix[r][n]:
                matrix[r] = [a - matrix[r][n] * b for a, b in zip(matrix[r], matrix[rank], strict=True)]
        rank += 1
    alone = [[n for n, v in enumerate(row) if v] for row in matrix]
    return {unknown[row[0]] for row in alone if len(row) == 1}


def small(counts) -> set:
    return {cell for cell, n in counts.items() if 0 < n < LEAST}


@settings(CALM, max_examples=400)
@given(years | long_years)
def test_a_year_and_its_quarters_give_no_small_cell_back(values):
    counts, parts = known(values)
    out = grid(counts, parts, QUARTERS, least=LEAST)
    assert small(counts) <= out
    assert not found_out(counts, parts, out) & small(counts)


@settings(CALM, max_examples=300)
@given(years | long_years)
def test_a_quarter_hides_the_same_cells_whatever_the_page(values):
    counts, parts = known(values)
    out = grid(counts, parts, QUARTERS, least=LEAST)
    for q in QUARTERS:
        alone = column({p: counts[p, q] for p in parts}, counts[TOTAL, q], LEAST)
        assert {part for part, quarter in out if quarter == q} == alone


@settings(CALM, max_examples=300)
@given(years | long_years, st.integers(1, 3))
def test_a_report_made_each_quarter_gives_no_quarter_back(values, ended):
    """What was told of the first quarters, then of one more, then of the whole year: subtracted from one another."""
    counts, parts = known(values)
    told: dict = {}
    for last in range(ended, 5):
        quarters = QUARTERS[:last]
        so_far = {**counts, **{(p, TOTAL): sum(counts[p, q] for q in quarters) for p in (*parts, TOTAL)}}
        out = grid(so_far, parts, quarters, least=LEAST, ended=last == 4)
        told |= {(p, last): so_far[p, TOTAL] for p in (*parts, TOTAL) if (p, TOTAL) not in out}
    for part in (*parts, TOTAL):
        for last in range(ended + 1, 5):
            if (part, last) in told and (part, last - 1) in told:
                assert not 0 < told[part, last] - told[part, last - 1] < LEAST


def test_a_part_alone_takes_the_next_smallest_with_it():
    assert column({"a": 2, "b": 9, "c": 40}, 51, LEAST) == {"a", "b"}


def test_nothing_small_hides_nothing_and_a_small_whole_hides_all():
    assert column({"a": 5, "b": 0}, 5, LEAST) == set()
    assert column({"a": 1, "b": 2}, 3, LEAST) == {"a", "b", TOTAL}
