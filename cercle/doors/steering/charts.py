"""Charts as SVG made by the server.

Chart.js and uPlot draw on a canvas (nothing for a screen reader, a printer, a dark theme), Observable Plot writes inline styles that
our CSP forbids, and each weighs more than the page: figures this simple are drawn here, on tokens, with their table beside.
"""

from dataclasses import dataclass, field
from math import ceil, floor, log10

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 260, 40, 8, 22, 26


@dataclass(slots=True)
class Mark:
    x: float
    y: float
    w: float = 0
    h: float = 0
    css: str = ""
    text: str = ""  # told to the pointer
    label: str = ""  # written beside
    url: str = ""


@dataclass(slots=True)
class Chart:
    kind: str
    label: str
    marks: list[Mark] = field(default_factory=list)
    grid: list[tuple[float, str]] = field(default_factory=list)  # height, what is written
    below: list[tuple[float, str]] = field(default_factory=list)
    path: str = ""
    goal: float | None = None
    goal_label: str = ""
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def right(self) -> int:
        return self.width - RIGHT


def ticks(most: float) -> list[float]:
    """0 and three or four round steps that reach `most`."""
    if most <= 0:
        return [0, 1]
    raw = most / 4
    size = 10 ** floor(log10(raw))
    step = next(s * size for s in (1, 2, 2.5, 5, 10) if s * size >= raw)
    if most >= 1 and step < 1 and most == int(most):
        step = 1
    return [round(step * n, 6) for n in range(ceil(most / step) + 1)]


def _frame(chart: Chart, most: float, labels: list[str], write) -> tuple[float, float]:
    """The grid and what stands below; gives pixels per unit and the width of one step."""
    marks = ticks(most)
    up = (HEIGHT - TOP - BOTTOM) / marks[-1]
    chart.grid = [(round(HEIGHT - BOTTOM - t * up, 1), write(t)) for t in marks]
    across = (chart.width - LEFT - RIGHT) / max(len(labels), 1)
    every = ceil(len(labels) * 46 / (chart.width - LEFT - RIGHT))
    chart.below = [(round(LEFT + across * (n + 0.5), 1), text) for n, text in enumerate(labels) if n % every == 0]
    return up, across


def stacked(label: str, labels: list[str], parts: list[tuple[str, str, list[float]]], write, tops: list[str]) -> Chart:
    """`parts`, from the base up: (name, css, one value a step). `tops`: what is written above the first and the last bar."""
    chart = Chart("bars", label)
    sums = [sum(values[n] for _name, _css, values in parts) for n in range(len(labels))]
    up, across = _frame(chart, max(sums, default=0), labels, write)
    wide = round(min(across * 0.74, 46), 1)
    for n, text in enumerate(labels):
        y: float = HEIGHT - BOTTOM
        x = round(LEFT + across * (n + 0.5) - wide / 2, 1)
        for name, css, values in parts:
            if not values[n]:
                continue
            h = values[n] * up
            y -= h
            # A thread of light between two parts: told apart without their colour.
            said = f"{text}, {name} : {write(values[n])}"
            chart.marks.append(Mark(x, round(y, 1), wide, round(max(h - 1.5, 0.8), 1), css, said))
        if sums[n] and n in (0, len(labels) - 1):
            chart.marks.append(Mark(round(x + wide / 2, 1), round(y - 6, 1), label=tops[n]))
    return chart


def line(
    label: str,
    labels: list[str],
    values: list[float | None],
    write,
    goal: float | None = None,
    goal_label: str = "",
    *,
    axis=None,
) -> Chart:
    """`axis` writes what stands beside the grid: shorter than `write`, which says the unit."""
    chart = Chart("line", label, width=460)
    told = [(n, v) for n, v in enumerate(values) if v is not None]
    up, across = _frame(chart, max([v for _n, v in told] + ([goal] if goal else [0])), labels, axis or write)

    def place(n: int, v: float) -> tuple[float, float]:
        return round(LEFT + across * (n + 0.5), 1), round(HEIGHT - BOTTOM - v * up, 1)

    last = None
    for n, v in told:
        x, y = place(n, v)
        chart.path += f"{'L' if last == n - 1 else 'M'}{x} {y}"
        last = n
        ends = n in (told[0][0], told[-1][0])
        chart.marks.append(
            Mark(x, y, css="end" if ends else "", text=f"{labels[n]} : {write(v)}", label=write(v) if ends else "")
        )
    if goal:
        chart.goal, chart.goal_label = place(0, goal)[1], goal_label
    return chart
