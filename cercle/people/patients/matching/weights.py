"""The weight table: one versioned data file, read once; a score is a sum of the rows that a pair falls in.

`weights.json` holds, for each profile (« fr », « febrl »), the intercept, one weight per level of each field, one per
pair of groups of the crossed fields, and the two thresholds. `bench/matching_train.py` writes it.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from . import levels as lv

FILE = Path(__file__).parent / "weights.json"


@dataclass(frozen=True, slots=True)
class Table:
    version: str
    auto: float  # thresholds, on the log-odds
    review: float
    intercept: float
    fields: tuple[np.ndarray, ...]  # one array of weights by level per field
    crossed: tuple[np.ndarray, ...]  # one matrix of weights by group per pair of CROSSED

    def score(self, levels: np.ndarray) -> np.ndarray:
        """Log-odds that each row of levels is one and the same person."""
        total = np.full(len(levels), self.intercept, np.float32)
        for n, weights in enumerate(self.fields):
            total += weights[levels[:, n]]
        groups = grouped(levels)
        for (a, b), weights in zip(lv.CROSSED, self.crossed, strict=True):
            total += weights[groups[a], groups[b]]
        return total


def grouped(levels: np.ndarray) -> dict[str, np.ndarray]:
    return {f: _GROUP_OF[f][levels[:, lv.FIELDS.index(f)]] for f in lv.GROUPS}


_GROUP_OF = {f: lv.group_index(f) for f in lv.GROUPS}


@cache
def table(profile: str = "fr") -> Table:
    data = json.loads(FILE.read_text())
    p = data["profiles"][profile]
    return Table(
        version=data["version"],
        auto=p["auto"],
        review=p["review"],
        intercept=p["intercept"],
        fields=tuple(np.array([p["fields"][f].get(x, 0.0) for x in lv.LEVELS[f]], np.float32) for f in lv.FIELDS),
        crossed=tuple(
            np.array(
                [[p["crossed"].get(f"{a}×{b}", {}).get(f"{x}×{y}", 0.0) for y in lv.GROUPS[b]] for x in lv.GROUPS[a]],
                np.float32,
            )
            for a, b in lv.CROSSED
        ),
    )


def probability(log_odds: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0)))
