"""One thing that people do, as the bench asks for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Work:
    """How it is asked (`request(session, plan of the person, number)`), and what p95 is aimed at."""

    key: str
    label: str
    who: str  # "": the nurse, then the DAC
    request: Callable[[Any, dict, int], Any]
    expect: int = 200
    replayed: bool = True
    aim: int = 50  # milliseconds
