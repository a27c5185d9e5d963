"""All the likely pairs of a file: candidates by exact keys, scored in blocks so that memory stays flat."""

import csv
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused

from . import blocking, levels
from .files import FORMATS, Mapping, read
from .people import People, of_columns
from .weights import Table, probability, table

BLOCK = 500_000  # pairs scored at once
# How many pairs one kind of key may bring, per record: (sure kinds, loose kinds). The floor spares small files any cut.
PAIRS_PER_RECORD = (10, 1)
FLOOR = 1_000_000

Progress = Callable[[str, int, int], object]  # what is being done, done so far, out of


def _silent(what: str, done: int, total: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Pairs:
    """Parallel arrays, best score first."""

    a: np.ndarray
    b: np.ndarray
    log_odds: np.ndarray
    auto: np.ndarray


@dataclass(slots=True)
class Report:
    records: int = 0
    compared: int = 0
    auto: int = 0
    review: int = 0
    repeated_ids: list[str] = field(default_factory=list)
    skipped: int = 0  # pairs of over-large blocks that were not looked at


def candidates(people: People, progress: Progress = _silent, report: Report | None = None) -> np.ndarray:
    """Distinct pairs that share a key, as i·n + j with i < j, sorted."""
    n = len(people)
    kinds = blocking.columns(people, stored=False)
    found: list[np.ndarray] = []
    for step, columns in enumerate(kinds):
        progress("keys", step, len(kinds))
        # Columns of one kind share their hash space: a birth name meets a used name.
        values = np.concatenate(columns)
        records = np.tile(np.arange(n, dtype=np.int32), len(columns))
        kept = values != 0
        values, records = values[kept], records[kept]
        if not len(values):
            continue
        order = np.argsort(values, kind="stable")
        values, records = values[order], records[order]
        starts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
        sizes = np.diff(np.concatenate((starts, [len(values)])))
        several = sizes > 1
        starts, sizes = starts[several], sizes[several]
        # The smallest blocks first, as long as the budget lasts: large ones say little and cost their square.
        by_size = np.argsort(sizes, kind="stable")
        cost = np.cumsum(sizes[by_size].astype(np.int64) * (sizes[by_size] - 1) // 2)
        allowed = max(FLOOR, PAIRS_PER_RECORD[step >= blocking.LOOSE] * n)
        within = by_size[: int(np.searchsorted(cost, allowed, side="right"))]
        if report is not None and len(cost):
            report.skipped += int(cost[-1] - (cost[len(within) - 1] if len(within) else 0))
        chosen, lengths = starts[within], sizes[within]
        codes = [np.zeros(0, np.int64)]
        for first, size, last in _runs(lengths):
            left, right = np.triu_indices(size, 1)
            step = max(1, 4_000_000 // len(left))
            for at in range(first, last, step):
                blocks = records[chosen[at : min(at + step, last)][:, None] + np.arange(size)]
                x, y = blocks[:, left].ravel().astype(np.int64), blocks[:, right].ravel().astype(np.int64)
                low, high = np.minimum(x, y), np.maximum(x, y)
                codes.append((low * n + high)[low != high])
        found.append(np.unique(np.concatenate(codes)))
        if len(found) > 4:
            found = [np.unique(np.concatenate(found))]
    progress("keys", len(kinds), len(kinds))
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def _runs(lengths: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """(first block, size, block after the last) of each run of blocks of one size; `lengths` is sorted."""
    edges = np.flatnonzero(np.diff(lengths, prepend=-1)) if len(lengths) else lengths
    for first, last in zip(edges.tolist(), [*edges[1:].tolist(), len(lengths)], strict=False):
        yield first, int(lengths[first]), last


def match(people: People, weights: Table, progress: Progress = _silent, report: Report | None = None) -> Pairs:
    """Every pair at or above the review threshold."""
    n = max(len(people), 1)
    codes = candidates(people, progress, report)
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    for start in range(0, len(codes), BLOCK):
        progress("pairs", start, len(codes))
        block = codes[start : start + BLOCK]
        score = weights.score(levels.compare(people, block // n, block % n))
        above = score >= weights.review
        kept.append((block[above], score[above]))
    progress("pairs", len(codes), len(codes))
    pairs = np.concatenate([k[0] for k in kept]) if kept else np.zeros(0, np.int64)
    score = np.concatenate([k[1] for k in kept]) if kept else np.zeros(0, np.float32)
    order = np.lexsort((pairs, -score))
    pairs, score = pairs[order], score[order]
    if report is not None:
        report.records, report.compared = len(people), len(codes)
        report.auto = int((score >= weights.auto).sum())
        report.review = len(score) - report.auto
    return Pairs(pairs // n, pairs % n, score, score >= weights.auto)


def match_file(
    path: Path, out: Path, *, profile: str = "fr", mapping: Mapping | None = None, progress: Progress = _silent
) -> Report:
    """Reads people from `path`, writes `id_a,id_b,score,decision` to `out`; `out` appears whole or not at all."""
    report = Report()
    ids, columns = read(path, mapping or FORMATS[profile], lambda done: progress("read", done, 0))
    report.repeated_ids = _repeated(ids)
    progress("traits", 0, 1)
    people = of_columns(columns, len(ids))
    progress("traits", 1, 1)
    pairs = match(people, table(profile), progress, report)
    _write(out, ids, pairs, progress)
    return report


def _repeated(ids: list[str]) -> list[str]:
    if len(set(ids)) == len(ids):
        return []
    seen: set[str] = set()
    again: dict[str, None] = {}
    for x in ids:
        if x in seen:
            again[x] = None
        seen.add(x)
    return list(again)


def _rows(ids: list[str], pairs: Pairs) -> Iterator[tuple[str, str, str, str]]:
    likely = probability(pairs.log_odds.astype(np.float64))
    for a, b, p, auto in zip(pairs.a.tolist(), pairs.b.tolist(), likely.tolist(), pairs.auto.tolist(), strict=True):
        yield ids[a], ids[b], f"{p:.9f}", "auto" if auto else "review"


def _write(out: Path, ids: list[str], pairs: Pairs, progress: Progress) -> None:
    try:
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=".pairs-", suffix=".csv")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as text:
                writer = csv.writer(text)
                writer.writerow(("id_a", "id_b", "score", "decision"))
                writer.writerows(_rows(ids, pairs))
            os.chmod(name, 0o600)  # identifiers of people: for the one who asked
            os.replace(name, out)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        why = error.strerror or str(error)
        raise Refused(_("{file} : écriture impossible ({why}).").format(file=out, why=why), "unwritable") from None
