"""A map without tiles: a bubble for each commune, at its centroid, drawn to scale."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import cos, radians, sqrt

WIDTH = 640
LETTER = 6.5  # px, of a name under its bubble


@dataclass(frozen=True, slots=True)
class Bubble:
    x: float
    y: float
    r: float
    label: str  # what the pointer and the screen reader are told
    name: str  # written beside the largest ones, or ""
    group: int  # which tint

    @property
    def side(self) -> str:
        """Which way its name is written, so that it stays inside; on a phone its letters are twice as wide."""
        half = len(self.name) * LETTER
        return "starts" if self.x < half else "ends" if self.x > WIDTH - half else ""

    @property
    def below(self) -> float:
        return round(self.y + self.r + 11, 1)


@dataclass(frozen=True, slots=True)
class Map:
    width: int
    height: int
    bubbles: list[Bubble]


def draw(
    points: Iterable[tuple[float, float, float, str, str, int]], *, largest: float = 26, named: int = 12
) -> Map | None:
    """`points`: (lat, lon, weight, name, label, group). Areas follow the weights; None without any located point."""
    rows = [p for p in points if p[0] is not None and p[1] is not None]
    if not rows:
        return None
    lats, lons = [p[0] for p in rows], [p[1] for p in rows]
    south, north, west, east = min(lats), max(lats), min(lons), max(lons)
    squeeze = cos(radians((south + north) / 2))  # a degree of longitude is shorter than one of latitude
    across, up = max((east - west) * squeeze, 0.02), max(north - south, 0.02)
    margin = largest + 16  # room for a name under the last bubble
    scale = min((WIDTH - 2 * margin) / across, (WIDTH - 2 * margin) / up)
    height = round(up * scale + 2 * margin)
    left = (WIDTH - (east - west) * squeeze * scale) / 2
    most = max(p[2] for p in rows) or 1
    # Big ones first, so that the small ones stay on top and can be pointed at.
    rows.sort(key=lambda p: -p[2])
    bubbles: list[Bubble] = []
    written: list[Bubble] = []
    for lat, lon, weight, name, label, group in rows:
        bubble = Bubble(
            round(left + (lon - west) * squeeze * scale, 1), round(margin + (north - lat) * scale, 1),
            round(max(2.5, largest * sqrt(max(weight, 0) / most)), 1), label, name, group,
        )  # fmt: skip
        if len(written) < named and not any(_overlap(bubble, other) for other in written):
            written.append(bubble)
        else:
            bubble = replace(bubble, name="")
        bubbles.append(bubble)
    return Map(WIDTH, height, bubbles)


def _overlap(one: Bubble, other: Bubble) -> bool:
    """Would their names be written over each other? 12 px letters, each half as wide."""
    wide = (len(one.name) + len(other.name)) * LETTER / 2
    return abs(one.x - other.x) < wide and abs(one.below - other.below) < 13
