"""The rights matrix in force: profile × category × action, read from `RightsMatrix` and kept for a few seconds."""

import json
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .vocabulary import Category, Permission, Reader

SEED = Path(__file__).parent / "rights"
# A newly published version is in force everywhere within this time, in seconds.
FRESH = 5.0

_ALWAYS = frozenset({Permission.READ_CIRCLE, Permission.READ_NOTEBOOK, Permission.READ_IDENTITY, Permission.LEAVE})


@dataclass(frozen=True)
class Profile:
    code: str
    label: str
    mask: int
    readable: frozenset[str]
    writable: frozenset[str]
    permissions: frozenset[str]
    default_category: str

    @cached_property
    def reads_everything(self) -> bool:
        """A full reader: its marks come from `open_seq`; the others are probed."""
        return self.readable >= set(Category.values)


class Matrix:
    def __init__(self, data: dict):
        self.data = data
        self.version: int = data["version"]
        self.professions: dict = data["professions"]
        self.profiles: dict[str, Profile] = {}
        for code, row in data["profiles"].items():
            cells = row["cells"]
            acts = {act for act, rule in data["acts"].items() if code in rule["profiles"]}
            writable = frozenset(c for c, v in cells.items() if "w" in v)
            if writable:
                acts.add(Permission.WRITE_NOTE)
            self.profiles[code] = Profile(
                code=code,
                label=row["label"],
                mask=int(Reader[row["reader"].upper()]),
                readable=frozenset(c for c, v in cells.items() if "r" in v),
                writable=writable,
                permissions=frozenset(acts) | _ALWAYS,
                default_category=row["default"],
            )

    def profile_of(self, system: str, code: str) -> Profile:
        """The profile of a profession (`TRE_G15`, `JDV_J48`); what is not listed holds no clinical right (rule 2)."""
        codes = self.professions.get(system) or self.professions["*"]
        return self.profiles[codes.get(code) or codes["*"]]


LAST = 2


def seed_data(version: int = LAST) -> dict:
    return json.loads((SEED / f"v{version}.json").read_text(encoding="utf-8"))


_lock = threading.Lock()
_kept: tuple[float, Matrix] | None = None


def current() -> Matrix:
    global _kept
    now = time.monotonic()
    if _kept and now - _kept[0] < FRESH:
        return _kept[1]
    from .models import RightsMatrix

    row = RightsMatrix.objects.order_by("-version").first()
    matrix = Matrix(row.data if row else seed_data())
    if _kept and _kept[1].version == matrix.version and _kept[1].data == matrix.data:
        matrix = _kept[1]
    with _lock:
        _kept = (now, matrix)
    return matrix


def forget() -> None:
    """After a publication in this process, and between tests."""
    global _kept
    _kept = None
