"""Small cells: a figure about fewer than `STEERING_SMALL_CELL` people is not told to who should not know them.

What is shared comes in calendar quarters and years only, whole structures, as known now, and nothing is told twice in two ways:
any two pages or exports then overlap by whole cells, and a cell that is hidden here is not told there.

- A quarter's parts (`column`): hiding one of them alone would give it back by subtraction from the told total. At least two are
  hidden, that together reach the limit. The choice depends on this quarter's figures only, so that every page makes the same.
- A year (`grid`) is the sum of its quarters: a part's year is told only if the quarters hidden under it are none, or at least two that
  reach the limit together; while the year runs, only if none is.
"""

from collections.abc import Hashable, Mapping, Sequence

from django.conf import settings

TOTAL = "__total__"
Part = Hashable


def threshold() -> int:
    return getattr(settings, "STEERING_SMALL_CELL", 5)


def _weak(cells: Sequence[int], least: int) -> bool:
    """Hidden together under a told sum, they would be known, or nearly."""
    return bool(cells) and (len(cells) == 1 or sum(cells) < least)


def column(counts: Mapping[Part, int], total: int, least: int | None = None) -> set[Part]:
    """Parts not to tell, `TOTAL` among them when the whole is small."""
    least = threshold() if least is None else least
    if 0 < total < least:
        return {*counts, TOTAL}
    out = {part for part, n in counts.items() if 0 < n < least}
    # Told ones before empty ones, then the smallest.
    left = sorted((p for p in counts if p not in out), key=lambda p: (counts[p] == 0, counts[p], str(p)))
    while left and _weak([counts[p] for p in out], least):
        out.add(left.pop(0))
    return out


def grid(
    counts: Mapping[tuple[Part, Hashable], int],
    parts: Sequence[Part],
    quarters: Sequence[Hashable],
    *,
    least: int | None = None,
    ended: bool = True,
) -> set[tuple[Part, Hashable]]:
    """Cells not to tell, of parts and `TOTAL` by quarters and `TOTAL`. `counts` holds them all, 0 when absent."""
    least = threshold() if least is None else least
    out: set[tuple[Part, Hashable]] = set()
    under: dict[Part, list[int]] = {}  # what is hidden of each part's quarters
    for quarter in quarters:
        column_ = {p: counts.get((p, quarter), 0) for p in parts}
        for part in column(column_, counts.get((TOTAL, quarter), 0), least):
            out.add((part, quarter))
            under.setdefault(part, []).append(counts.get((part, quarter), 0))
    years = {part: counts.get((part, TOTAL), 0) for part in (*parts, TOTAL)}
    gone = {
        part for part, n in years.items()
        if 0 < n < least or (part in under and (not ended or _weak(under[part], least)))
    }  # fmt: skip
    # Nothing more is hidden of a quarter, which is told elsewhere: what could still be worked out is covered by years.
    left = sorted(
        (p for p in under if p not in gone and p != TOTAL), key=lambda p: (years[p] == 0, years[p], str(p))
    ) + [TOTAL] * (TOTAL not in gone)  # fmt: skip
    more = 1
    while left and (
        _weak([years[p] for p in gone if p != TOTAL], least) or _found(counts, out | {(p, TOTAL) for p in gone}, least)
    ):
        gone.update(left[:more])
        left, more = left[more:], more * 2  # a region has a thousand communes: not one by one
    return out | {(part, TOTAL) for part in gone}


def _found(counts: Mapping[tuple[Part, Hashable], int], out: set[tuple[Part, Hashable]], least: int) -> bool:
    """A hidden small cell that sums give back: each line adds up, so a hidden cell is found when it is a bridge between lines."""
    lines: dict[tuple[int, Hashable], list] = {}
    for cell in out:
        for end in ((0, cell[0]), (1, cell[1])):
            lines.setdefault(end, []).append(cell)
    seen: dict[tuple[int, Hashable], int] = {}
    low: dict[tuple[int, Hashable], int] = {}
    for start in lines:
        if start in seen:
            continue
        seen[start] = low[start] = len(seen)
        path: list[tuple] = [(start, None, iter(lines[start]))]
        while path:
            line, by, cells = path[-1]
            for cell in cells:
                if cell == by:
                    continue
                other = (1 - line[0], cell[1 - line[0]])
                if other in seen:
                    low[line] = min(low[line], seen[other])
                    continue
                seen[other] = low[other] = len(seen)
                path.append((other, cell, iter(lines[other])))
                break
            else:
                path.pop()
                if path:
                    above = path[-1][0]
                    low[above] = min(low[above], low[line])
                    if low[line] > seen[above] and 0 < counts.get(by, 0) < least:
                        return True
    return False
