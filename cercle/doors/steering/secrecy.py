"""Small cells: a figure about fewer than `STEERING_SMALL_CELL` people is not told to who should not know them.

Hiding one cell of a line whose total is told would give it back by subtraction: in every line (each row, each column, totals
included) that hides something, a second cell is hidden too, the smallest that remains, until nothing can be subtracted.
"""

from collections.abc import Hashable, Sequence

from django.conf import settings

TOTAL = "__total__"


def threshold() -> int:
    return getattr(settings, "STEERING_SMALL_CELL", 5)


def hidden(
    counts: dict[tuple[Hashable, Hashable], int],
    rows: Sequence[Hashable],
    columns: Sequence[Hashable],
    least: int | None = None,
) -> set[tuple[Hashable, Hashable]]:
    """Cells not to tell. `counts` holds every cell of `rows` × `columns` (0 when absent), totals under TOTAL among them."""
    least = threshold() if least is None else least
    every = [(r, c) for r in rows for c in columns]
    out = {cell for cell in every if 0 < counts.get(cell, 0) < least}
    lines = [[(r, c) for c in columns] for r in rows] + [[(r, c) for r in rows] for c in columns]
    lines = [line for line in lines if len(line) > 1]

    def rank(cell):
        # Inner cells before totals, told ones before empty ones, then the smallest.
        return (TOTAL in cell, counts.get(cell, 0) == 0, counts.get(cell, 0), str(cell))

    changed = True
    while changed:
        changed = False
        for line in lines:
            gone = [cell for cell in line if cell in out]
            left = [cell for cell in line if cell not in out]
            # Two hidden cells of 1 and 1 are known from a told sum of 2: the hidden ones together must reach the limit.
            inner = [cell for cell in gone if TOTAL not in cell]
            told = not any(TOTAL in cell and cell in out for cell in line) or len(inner) == len(gone)
            weak = len(gone) == 1 or (told and gone and sum(counts.get(cell, 0) for cell in inner) < least)
            if weak and left:
                out.add(min(left, key=rank))
                changed = True
    return out
