"""Duplicate detection: how alike two people are, why, and which pairs of a million deserve a look.

    keys(traits)              the exact keys to store, and to look up
    compare(a, b)             one pair: score, decision and the reasons in French
    rank(traits, others)      one person against those her keys found: best first
    match_file(path, out)     a whole file, without a database

Two thresholds: « auto » is pre-selected for merging (a person still merges), « review » waits in a work queue.
"""

from .batch import Report, match_file
from .blocking import VERSION as KEYS_VERSION
from .blocking import keys, keys_of
from .pairs import Comparison, Evidence, compare, normalise, rank
from .traits import Traits

__all__ = (
    "KEYS_VERSION",
    "Comparison",
    "Evidence",
    "Report",
    "Traits",
    "compare",
    "keys",
    "keys_of",
    "match_file",
    "normalise",
    "rank",
)
