"""What the first page and an indicator's page show: figures, their trend, charts and the tables beside them."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from cercle.care.structures import map
from cercle.people.directory.models import Commune

from . import charts, engine, secrecy, words
from .engine import Cell, Period, Scope
from .indicator import Indicator, registry

CARDS = ("demandes_recues", "delai_premiere_reponse", "closes_avec_reponse", "dossiers_suivis", "plans_relus_a_temps")
SPARE = ("entrees", "actes", "temps", "charge_par_coordonnateur", "objectifs_atteints")
TINTS = ("g-1", "g-2", "g-3", "g-4", "g-5", "g-6")


@dataclass(slots=True)
class View:
    """Whose figures, when, and whether small cells are hidden from who reads."""

    scope: Scope
    period: Period
    compared: Period
    shielded: bool
    query: dict[str, str] = field(default_factory=dict)  # the filters, for links
    # What was read for this page: a card and a chart ask for the same figures.
    memo: dict[tuple, Any] = field(default_factory=dict)

    def figures(
        self, indicator: Indicator, period: Period | None = None, *, by: str = "", step: str = "", cross: bool = False
    ) -> engine.Figures:
        key = (indicator.key, period or self.period, by, step, cross)
        if key not in self.memo:
            self.memo[key] = engine.figures(indicator, self.scope, period or self.period, by=by, step=step, cross=cross)
        return self.memo[key]

    def series(self, indicator: Indicator) -> list[tuple[date, Cell]]:
        key = (indicator.key, "series")
        if key not in self.memo:
            self.memo[key] = engine.series(indicator, self.scope, self.period, self.step)
        return self.memo[key]

    @property
    def step(self) -> str:
        return "week" if (self.period.end - self.period.start).days <= 7 * 27 else "month"

    def url(self, name: str, *args, **more) -> str:
        query = {**self.query, **{k: v for k, v in more.items() if v not in (None, "")}}
        return reverse(f"steering:{name}", args=args) + (f"?{urlencode(query)}" if query else "")


@dataclass(slots=True)
class Card:
    indicator: Indicator
    value: str
    unit: str
    trend: str  # told against the compared period
    direction: int  # 1 up, -1 down, 0 steady
    mood: str  # done, watch, ""
    points: list[float]
    url: str


def hide(cell: Cell, view: View) -> Cell:
    if view.shielded and 0 < cell.n < secrecy.threshold():
        return Cell(None, -1)
    return cell


def first_choice() -> list[Indicator]:
    known = registry()
    found = [known[key] for key in CARDS if key in known]
    return (found + [known[key] for key in SPARE if key in known])[:5]


def card(indicator: Indicator, view: View) -> Card:
    total = view.figures(indicator).total
    # Small cells could be read off a trend: who is not told them sees none.
    told = [] if view.shielded else view.series(indicator)
    before = hide(view.figures(indicator, view.compared).total, view)
    total = hide(total, view)
    text, direction, mood = trend(indicator, total.value, before.value, view)
    unit = (
        words.said(indicator, total.value).partition("\u00a0")[2] if indicator.unit and total.value is not None else ""
    )
    points = [c.value for _day, c in told if c.value is not None]
    value = _("moins de %d") % secrecy.threshold() if total.n == -1 else words.number(total.value, indicator.decimals)
    return Card(
        indicator,
        value,
        unit if total.value is not None and str(indicator.unit) else "",
        text,
        direction,
        mood,
        points,
        view.url("one", indicator.key),
    )


def trend(indicator: Indicator, value: float | None, before: float | None, view: View) -> tuple[str, int, str]:
    """« 12 % de plus », which way, and whether it is good."""
    if value is None:
        return _("pas de donnée sur la période"), 0, ""
    if before is None:
        return _("pas de comparaison possible"), 0, ""
    direction = (value > before) - (value < before)
    mood = ""
    if indicator.better and direction:
        mood = "done" if direction == indicator.better else "watch"
    if indicator.goal is not None:
        held = value >= indicator.goal if indicator.better > 0 else value <= indicator.goal
        mood = "done" if held else "watch"
        goal = words.said(indicator, indicator.goal)
        return (_("objectif tenu : %s") if held else _("objectif : %s")) % goal, direction, mood
    if not direction:
        return _("sans changement"), 0, ""
    if indicator.unit == "%":
        gap = words.number(abs(value - before), 0)
        return (_("%s points de plus") if direction > 0 else _("%s points de moins")) % gap, direction, mood
    if not before:
        return _("contre %s") % words.said(indicator, before), direction, mood
    gap = words.number(abs(value - before) * 100 / before, 0) + "\u00a0%"
    return (_("%s de plus") if direction > 0 else _("%s de moins")) % gap, direction, mood


@dataclass(slots=True)
class Line:
    name: str
    cells: list[tuple[str, str]]  # what is written, its list's address
    total: tuple[str, str]


@dataclass(slots=True)
class Table:
    heads: list[str]
    lines: list[Line]
    foot: Line | None
    chart: charts.Chart | None = None
    legend: list[tuple[str, str]] = field(default_factory=list)


def crossed(indicator: Indicator, by: str, view: View, *, listed: bool) -> Table:
    """Parts by steps, with their totals: the stacked bars and their table."""
    found = view.figures(indicator, by=by, step=view.step, cross=True)
    days = engine.steps(view.period, view.step)
    parts = words.order(by, found.parts)
    names = words.of(by, parts)
    rows, columns = [*parts, secrecy.TOTAL], [*days, secrecy.TOTAL]
    value, count = {}, {}
    for part in rows:
        for day in columns:
            if part == secrecy.TOTAL:
                cell = found.total if day == secrecy.TOTAL else found.buckets.get(day)  # type: ignore[call-overload]
            else:
                cell = found.parts.get(part) if day == secrecy.TOTAL else found.table.get((part, day))  # type: ignore[arg-type]
            value[part, day], count[part, day] = (cell.value or 0.0, cell.n) if cell else (0.0, 0)
    out = secrecy.hidden(count, rows, columns) if view.shielded else set()

    def told(part, day) -> tuple[str, str]:
        if (part, day) in out:
            return "*", ""
        url = ""
        if listed and count[part, day]:
            more = {"par": by, "valeur": "" if part is None else str(part)} if part != secrecy.TOTAL else {}
            if day != secrecy.TOTAL:
                end = min(engine.step_end(day, view.step), view.period.end)
                more |= {"p": "dates", "du": str(max(day, view.period.start)), "au": str(end)}
            url = view.url("rows", indicator.key, **more)
        return words.number(value[part, day], indicator.decimals), url

    lines = [Line(names[p], [told(p, d) for d in days], told(p, secrecy.TOTAL)) for p in parts]
    foot = Line(_("Ensemble"), [told(secrecy.TOTAL, d) for d in days], told(secrecy.TOTAL, secrecy.TOTAL))
    labels = [words.step(d, view.step) for d in days]
    chart = charts.stacked(
        str(indicator.name), labels,
        [(names[p], TINTS[n % len(TINTS)], [0.0 if (p, d) in out else value[p, d] for d in days]) for n, p in enumerate(parts)],
        lambda v: words.number(v, indicator.decimals),
    )  # fmt: skip
    legend = [(TINTS[n % len(TINTS)], names[p]) for n, p in enumerate(parts)]
    return Table(labels, lines, foot, chart, legend[::-1])


def parts(indicator: Indicator, by: str, view: View, *, listed: bool) -> Table:
    """One dimension: each part, beside the compared period."""
    now = view.figures(indicator, by=by)
    was = view.figures(indicator, view.compared, by=by)
    every = words.order(by, set(now.parts) | set(was.parts))
    if not words._choices(words.DIMENSIONS[by].words):
        every.sort(key=lambda p: (p in (None, ""), -(now.parts[p].value or 0) if p in now.parts else 0))
    names = words.of(by, every)
    both = []
    for found in (now, was):
        count = {(p, 0): found.parts[p].n if p in found.parts else 0 for p in every}
        count[secrecy.TOTAL, 0] = found.total.n
        both.append(secrecy.hidden(count, [*every, secrecy.TOTAL], [0]) if view.shielded else set())  # type: ignore[arg-type]

    def told(found: engine.Figures, part: Any, out: set) -> str:
        if (part, 0) in out:
            return "*"
        cell = found.total if part == secrecy.TOTAL else found.parts.get(part)
        empty = 0.0 if indicator.adds_up else None
        return words.said(indicator, cell.value if cell and cell.value is not None else empty)

    def line(name: str, part: Any) -> Line:
        url = ""
        if listed and part in now.parts and now.parts[part].n:
            url = view.url("rows", indicator.key, par=by, valeur="" if part is None else str(part))
        elif listed and part == secrecy.TOTAL and now.total.n:
            url = view.url("rows", indicator.key)
        return Line(name, [(told(was, part, both[1]), "")], (told(now, part, both[0]), url))

    return Table([], [line(names[p], p) for p in every], line(_("Ensemble"), secrecy.TOTAL))


def trend_line(indicator: Indicator, view: View) -> Table:
    """The curve of an indicator over the steps, and the same as a table."""
    told = [(day, hide(cell, view)) for day, cell in view.series(indicator)]
    labels = [words.step(day, view.step) for day, _cell in told]
    goal = _("objectif : %s") % words.said(indicator, indicator.goal) if indicator.goal is not None else ""
    chart = charts.line(
        str(indicator.name), labels, [cell.value for _day, cell in told],
        lambda v: words.said(indicator, v), indicator.goal, goal,
        axis=lambda v: words.number(v, 0 if v == int(v) else 1) + ("\u00a0%" if indicator.unit == "%" else ""),
    )  # fmt: skip
    cells = [("*" if cell.n == -1 else words.said(indicator, cell.value), "") for _day, cell in told]
    return Table(labels, [Line(str(indicator.name), cells, ("", ""))], None, chart)


def bubbles(indicator: Indicator, by: str, view: View):
    """(map, table) by commune."""
    table = parts(indicator, by, view, listed=False)
    found = view.figures(indicator, by=by)
    count = {(p, 0): c.n for p, c in found.parts.items()} | {(secrecy.TOTAL, 0): found.total.n}
    out = secrecy.hidden(count, [*found.parts, secrecy.TOTAL], [0]) if view.shielded else set()  # type: ignore[arg-type]
    told = {p: c.value or 0 for p, c in found.parts.items() if p and (p, 0) not in out}
    places = Commune.objects.filter(kind="COM", code__in=told)
    drawn = map.draw(
        (c.lat, c.lon, told[c.code], c.name, f"{c.name} : {words.number(told[c.code])}", 0) for c in places
    )
    return drawn, table


def caseload(view: View) -> Table | None:
    indicator = registry().get("dossiers_suivis")
    if indicator is None or view.shielded:
        return None
    return parts(indicator, "referent", view, listed=True)


def month_labels(days: list[date]) -> list[str]:
    return [words.step(d, "month") for d in days]
