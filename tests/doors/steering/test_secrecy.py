"""Small cells stay hidden, and what is told does not give them back."""

from hypothesis import given
from hypothesis import strategies as st

from cercle.doors.steering.secrecy import TOTAL, hidden


def table(values):
    rows, columns = [*range(len(values)), TOTAL], [*range(len(values[0])), TOTAL]
    counts = {(r, c): values[r][c] for r in rows[:-1] for c in columns[:-1]}
    for r in rows[:-1]:
        counts[r, TOTAL] = sum(values[r])
    for c in columns[:-1]:
        counts[TOTAL, c] = sum(line[c] for line in values)
    counts[TOTAL, TOTAL] = sum(map(sum, values))
    return counts, rows, columns


tables = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 12), min_size=width, max_size=width), min_size=1, max_size=5)
)


@given(tables)
def test_no_line_gives_back_its_only_hidden_cell(values):
    counts, rows, columns = table(values)
    out = hidden(counts, rows, columns, 5)
    for cell, n in counts.items():
        assert cell in out or not 0 < n < 5
    for line in [[(r, c) for c in columns] for r in rows] + [[(r, c) for r in rows] for c in columns]:
        assert len([cell for cell in line if cell in out]) != 1


@given(tables)
def test_hidden_cells_of_a_told_total_reach_the_limit_together(values):
    counts, rows, columns = table(values)
    out = hidden(counts, rows, columns, 5)
    for r in rows[:-1]:
        gone = [(r, c) for c in columns[:-1] if (r, c) in out]
        if gone and (r, TOTAL) not in out:
            assert sum(counts[cell] for cell in gone) >= 5


def test_a_part_alone_takes_the_next_smallest_with_it():
    counts = {("a", 0): 2, ("b", 0): 9, ("c", 0): 40, (TOTAL, 0): 51}
    assert hidden(counts, ["a", "b", "c", TOTAL], [0], 5) == {("a", 0), ("b", 0)}


def test_nothing_small_hides_nothing():
    counts = {("a", 0): 5, ("b", 0): 0, (TOTAL, 0): 5}
    assert hidden(counts, ["a", "b", TOTAL], [0], 5) == set()
