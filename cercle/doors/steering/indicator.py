"""What an indicator is: a name, a version, its words, and what it counts. One file each in `indicators/`.

Changing what is counted is a new version: a published figure names the version that made it.
"""

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import Any

from . import sources


@dataclass(frozen=True, slots=True)
class Indicator:
    """`measure` is SQL over the rows `x` of `source`; `moment` dates a fact of a flow, absent for a state at a date."""

    key: str
    version: int
    order: int
    name: Any
    definition: Any  # what is counted, of what, on which date: said to who reads the figure
    source: str  # a key of sources.SOURCES
    measure: str = "count(*)"
    moment: str = ""  # SQL; "" for a state: the rows are those that stand on the last day of the period
    where: str = "true"
    dimensions: tuple[str, ...] = ()
    unit: Any = ""
    decimals: int = 0
    better: int = 0  # 1: more is better, -1: less is better, 0: neither
    goal: float | None = None
    small: str = "count(*)"  # how many people or requests stand behind the figure: what small cells are judged by

    @property
    def is_state(self) -> bool:
        return not self.moment

    @property
    def adds_up(self) -> bool:
        """Parts sum to the whole: counts and sums, not medians nor shares."""
        return self.measure.startswith(("count(*)", "sum(")) and "/ nullif" not in self.measure


@cache
def registry() -> dict[str, Indicator]:
    from . import indicators

    found = [
        importlib.import_module(f"{indicators.__name__}.{module.name}").INDICATOR
        for module in pkgutil.iter_modules(indicators.__path__)
    ]
    found.sort(key=lambda i: i.order)
    return {i.key: i for i in found if sources.exists(i.source)}
