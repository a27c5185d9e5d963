"""What the first page and an indicator's page show: figures, their trend, charts and the tables beside them."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from cercle.care.structures import map
from cercle.people.directory.models import Commune

from . import charts, engine, frozen, secrecy, words
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
    shielded: bool  # small cells are hidden from who reads
    query: dict[str, str] = field(default_factory=dict)  # the filters, for links
    touched: bool = True  # rows were deleted, of some structure: frozen months may have more to tell
    alone: bool = False  # the region looks at one structure: its totals, no part of them
    # What was read for this page: a card and a chart ask for the same figures.
    memo: dict[tuple, engine.Figures] = field(default_factory=dict)
    told: dict[str, list[tuple[date, Cell]]] = field(default_factory=dict)  # the series of states
    beside: dict[tuple, engine.Figures] = field(default_factory=dict)  # the region's, when one structure is read

    def figures(
        self, indicator: Indicator, period: Period | None = None, *, by: str = "", step: str = "", cross: bool = False
    ) -> engine.Figures:
        when = period or self.period
        # What was read with more detail says it too.
        for (key, of, part, size, both), found in self.memo.items():
            if (key, of) == (indicator.key, when) and (part == by or not by) and (size == step or not step):
                if both or not (by and step):
                    return found
        found = engine.figures(indicator, self.scope, when, by=by, step=step, cross=cross)
        if self.touched:
            frozen.restored(found, indicator, self.scope, when, by=by, step=step)
        self.memo[indicator.key, when, by, step, cross] = found
        return found

    def total(self, indicator: Indicator, period: Period | None = None) -> Cell:
        return self.figures(indicator, period).total

    def series(self, indicator: Indicator) -> list[tuple[date, Cell]]:
        if not indicator.is_state:
            return engine.flow_series(indicator, self.figures(indicator, step=self.step), self.period, self.step)
        if indicator.key not in self.told:
            told = engine.state_series(indicator, self.scope, self.period, self.step)
            if self.touched:
                told = frozen.restored_series(told, indicator, self.scope, self.period, self.step)
            self.told[indicator.key] = told
        return self.told[indicator.key]

    @property
    def step(self) -> str:
        if self.shielded:
            return "quarter"
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


def hidden(indicator: Indicator, view: View, period: Period, by: str = "") -> set:
    """Parts of a period, `TOTAL` among them, that are not told to who reads."""
    if not view.shielded:
        return set()
    quarters = engine.steps(period, "quarter")
    counted = indicator.adds_up or indicator.measure.startswith("count(")
    if counted and not indicator.is_state and len(quarters) > 1:
        return {part for part, day in shielded(indicator, view, period, by) if day == secrecy.TOTAL}
    found = view.figures(indicator, period, by=by)
    if _veiled(indicator, view, period):
        return {*found.parts, secrecy.TOTAL}
    counts, total = {part: cell.n for part, cell in found.parts.items()}, found.total.n
    if counted:
        return secrecy.column(counts, total)
    # A median or a share gives nothing back by subtraction.
    return {part for part, n in [*counts.items(), (secrecy.TOTAL, total)] if 0 < n < secrecy.threshold()}


def shielded(indicator: Indicator, view: View, period: Period, by: str = "") -> set:
    """(part, quarter) that are not told of a year, `TOTAL` in both places; what adds up."""
    quarters = engine.steps(period, "quarter")
    found = view.figures(indicator, period, by=by, step="quarter", cross=bool(by))
    counts: dict[tuple[Any, Any], int] = {key: cell.n for key, cell in found.table.items()}
    counts |= {(part, secrecy.TOTAL): cell.n for part, cell in found.parts.items()}
    counts |= {(secrecy.TOTAL, day): cell.n for day, cell in found.buckets.items()}
    counts[secrecy.TOTAL, secrecy.TOTAL] = found.total.n
    if _veiled(indicator, view, period):
        return {(part, day) for part in (*found.parts, secrecy.TOTAL) for day in (*quarters, secrecy.TOTAL)}
    ended = engine.step_end(quarters[-1], "quarter") == period.end and period.end.month == 12
    return secrecy.grid(counts, [*found.parts], quarters, ended=ended)


def _veiled(indicator: Indicator, view: View, period: Period) -> bool:
    """The region reads one structure, and the table of all structures does not tell it."""
    if not view.alone or "organization" not in indicator.dimensions:
        return False
    region = View(Scope(), view.period, view.compared, True, touched=view.touched, memo=view.beside)
    return (view.scope.organizations or (None,))[0] in hidden(indicator, region, period, "organization")


def told_total(indicator: Indicator, view: View, period: Period | None = None) -> Cell:
    """The whole; n is -1 when it is not told."""
    return (
        Cell(None, -1)
        if secrecy.TOTAL in hidden(indicator, view, period or view.period)
        else view.total(indicator, period)
    )


def first_choice() -> list[Indicator]:
    known = registry()
    found = [known[key] for key in CARDS if key in known]
    return (found + [known[key] for key in SPARE if key in known])[:5]


def card(indicator: Indicator, view: View) -> Card:
    # Small cells could be read off a trend: who is not told them sees none.
    told = [] if view.shielded else view.series(indicator)
    total = told[-1][1] if told and indicator.is_state else told_total(indicator, view)
    before = told_total(indicator, view, view.compared)
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
    left_out: int = 0  # lines that the indicator's own page shows


def _cell(found: engine.Figures, part: Any, day: Any) -> Cell | None:
    if part == secrecy.TOTAL:
        return found.total if day == secrecy.TOTAL else found.buckets.get(day)
    return found.parts.get(part) if day == secrecy.TOTAL else found.table.get((part, day))


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
            cell = _cell(found, part, day)
            value[part, day], count[part, day] = (cell.value or 0.0, cell.n) if cell else (0.0, 0)
    out = shielded(indicator, view, view.period, by) if view.shielded else set()

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
        lambda v: words.number(v, indicator.decimals), [told(secrecy.TOTAL, d)[0] for d in days],
    )  # fmt: skip
    legend = [(TINTS[n % len(TINTS)], names[p]) for n, p in enumerate(parts)]
    return Table(labels, lines, foot, chart, legend[::-1])


def parts(indicator: Indicator, by: str, view: View, *, listed: bool, most: int = 0) -> Table:
    """One dimension: each part, beside the compared period; the `most` largest when there are many."""
    both = [hidden(indicator, view, period, by) for period in (view.period, view.compared)]
    now, was = view.figures(indicator, by=by), view.figures(indicator, view.compared, by=by)
    every = words.order(by, set(now.parts) | set(was.parts))
    if not words.is_closed(by):
        # The largest first; what is not told has no rank, which would tell it.
        told_ = {p: cell.value or 0 for p, cell in now.parts.items() if p not in both[0]}
        every.sort(key=lambda p: (p in (None, ""), p not in told_, -told_.get(p, 0)))
    left_out = len(every) - most if most and len(every) > most else 0
    every = every[:most] if left_out else every
    names = words.of(by, every)

    def told(found: engine.Figures, part: Any, out: set) -> str:
        if part in out:
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

    return Table([], [line(names[p], p) for p in every], line(_("Ensemble"), secrecy.TOTAL), left_out=left_out)


def trend_line(indicator: Indicator, view: View) -> Table:
    """The curve of an indicator over the steps, and the same as a table."""
    out = _kept_back(indicator, view)
    told = [(day, Cell(None, -1) if day in out else cell) for day, cell in view.series(indicator)]
    labels = [words.step(day, view.step) for day, _cell in told]
    goal = _("objectif : %s") % words.said(indicator, indicator.goal) if indicator.goal is not None else ""
    chart = charts.line(
        str(indicator.name), labels, [cell.value for _day, cell in told],
        lambda v: words.said(indicator, v), indicator.goal, goal,
        axis=lambda v: words.number(v, 0 if v == int(v) else 1) + ("\u00a0%" if indicator.unit == "%" else ""),
    )  # fmt: skip
    cells = [("*" if cell.n == -1 else words.said(indicator, cell.value), "") for _day, cell in told]
    return Table(labels, [Line(str(indicator.name), cells, ("", ""))], None, chart)


def _kept_back(indicator: Indicator, view: View) -> set[date]:
    """Points of a curve that are not told: as on the page of each quarter."""
    if not view.shielded:
        return set()
    if view.alone:
        ends = {day: engine.step_end(day, "quarter") for day in engine.steps(view.period, "quarter")}
        return {day for day, end in ends.items() if secrecy.TOTAL in hidden(indicator, view, Period(day, end))}
    return {day for day, cell in view.series(indicator) if 0 < cell.n < secrecy.threshold()}


def bubbles(indicator: Indicator, by: str, view: View) -> tuple[map.Map | None, Table]:
    """(map, table) by commune."""
    table = parts(indicator, by, view, listed=False, most=40)
    out = hidden(indicator, view, view.period, by)
    found = view.figures(indicator, by=by)
    told = {p: c.value or 0 for p, c in found.parts.items() if p and p not in out}
    # A region has a thousand: no object is made of each.
    places = Commune.objects.filter(kind="COM", code__in=told).values_list("code", "name", "lat", "lon")
    drawn = map.draw(
        (lat, lon, told[code], name, f"{name} : {words.number(told[code])}", 0) for code, name, lat, lon in places
    )
    return drawn, table


def caseload(view: View) -> Table | None:
    indicator = registry().get("dossiers_suivis")
    if indicator is None or view.shielded:
        return None
    return parts(indicator, "referent", view, listed=True)
