"""What can be measured at the bedside: units, what is plausible, what deserves a look.

Limits refuse typing errors; thresholds only colour the card. They are usual bedside values, not a diagnosis, and a region may
change them here.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cercle.base.common.errors import Refused


@dataclass(frozen=True)
class Kind:
    code: str
    label: object
    unit: str
    low: Decimal
    high: Decimal
    decimals: int
    watch_low: Decimal | None = None
    watch_high: Decimal | None = None
    pair: bool = False
    loinc: str = ""
    stable_within: Decimal = Decimal(0)  # a change smaller than this is said « stable »


def _d(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _kind(code, label, unit, low, high, decimals, watch=(None, None), *, pair=False, loinc="", stable="0"):
    return Kind(code, label, unit, _d(low), _d(high), decimals, _d(watch[0]), _d(watch[1]), pair, loinc, _d(stable))


KINDS: dict[str, Kind] = {
    k.code: k
    for k in [
        _kind("weight", gettext_lazy("Poids"), "kg", "1", "400", 1, loinc="29463-7", stable="1"),
        _kind(
            "bp",
            gettext_lazy("Tension"),
            "mmHg",
            "40",
            "300",
            0,
            ("90", "160"),
            pair=True,
            loinc="85354-9",
            stable="10",
        ),
        _kind("pulse", gettext_lazy("Pouls"), "/min", "20", "250", 0, ("45", "110"), loinc="8867-4", stable="8"),
        _kind(
            "temperature",
            gettext_lazy("Température"),
            "°C",
            "28",
            "45",
            1,
            ("35", "38.4"),
            loinc="8310-5",
            stable="0.4",
        ),
        _kind("spo2", gettext_lazy("Saturation"), "%", "40", "100", 0, ("94", None), loinc="59408-5", stable="1"),
        _kind(
            "glycaemia", gettext_lazy("Glycémie"), "g/L", "0.1", "8", 2, ("0.7", "2.5"), loinc="2339-0", stable="0.2"
        ),
        _kind("pain", gettext_lazy("Douleur"), "/10", "0", "10", 0, (None, "6"), loinc="72514-3", stable="1"),
    ]
}


@dataclass(frozen=True)
class Value:
    kind: Kind
    value: Decimal
    value2: Decimal | None = None
    context: str = ""

    def as_json(self) -> dict:
        row = {"kind": self.kind.code, "value": str(self.value)}
        if self.value2 is not None:
            row["value2"] = str(self.value2)
        if self.context:
            row["context"] = self.context
        return row


def _number(text: str, kind: Kind) -> Decimal:
    try:
        value = Decimal(text.replace(",", ".").replace("\u00a0", "").replace(" ", ""))
    except InvalidOperation:
        raise Refused(
            _("%(kind)s : « %(text)s » n’est pas un nombre.") % {"kind": kind.label, "text": text[:20]}, "number"
        ) from None
    if not value.is_finite() or abs(value.adjusted()) > 9:  # « 1e309 » cannot be rounded, nor shown
        raise Refused(
            _("%(kind)s : « %(text)s » n’est pas un nombre.") % {"kind": kind.label, "text": text[:20]}, "number"
        )
    return value.quantize(Decimal(1).scaleb(-kind.decimals))


def parse(code: str, text: str, context: str = "") -> Value | None:
    """« 74,1 » or, for blood pressure, « 150/80 » in mmHg or « 15/8 » in cmHg as nurses say it. Empty gives None.

    Raises Refused (a French sentence) when it is not a number or out of what is plausible.
    """
    kind = KINDS[code]
    text = (text or "").strip()
    if not text:
        return None
    if not kind.pair:
        value = _number(text, kind)
        _plausible(kind, value)
        return Value(kind, value, None, context.strip()[:60])
    parts = [p for p in re.split(r"[/\-]", text) if p.strip()]
    if len(parts) != 2:
        raise Refused(_("Tension : écrivez les deux chiffres, par exemple 15/8 ou 150/80."), "pair")
    numbers = []
    for part in parts:
        value = Decimal(str(_number(part, kind if "," not in part and "." not in part else KINDS["weight"])))
        numbers.append((value * 10).quantize(Decimal(1)) if value < 30 else value.quantize(Decimal(1)))
    high, low = numbers
    if low >= high:
        raise Refused(_("Tension : le premier chiffre est le plus grand des deux."), "pair")
    _plausible(kind, high)
    if not Decimal(20) <= low <= Decimal(200):
        raise Refused(
            _("Tension : %(value)s n’est pas plausible, vérifiez la saisie.") % {"value": text[:12]}, "limits"
        )
    return Value(kind, high, low, context.strip()[:60])


def _plausible(kind: Kind, value: Decimal) -> None:
    if not kind.low <= value <= kind.high:
        raise Refused(
            _("%(kind)s : %(value)s %(unit)s n’est pas plausible (entre %(low)s et %(high)s).")
            % {
                "kind": kind.label,
                "value": show(value),
                "unit": kind.unit,
                "low": show(kind.low),
                "high": show(kind.high),
            },
            "limits",
        )


def show(value: Decimal) -> str:
    """With a comma, without useless zeros: 74,1 · 93 · 1,42."""
    text = format(value.normalize(), "f")
    return text.replace(".", ",")


@dataclass(frozen=True)
class Point:
    at: datetime
    value: Decimal
    value2: Decimal | None


@dataclass(frozen=True)
class Cell:
    """One measure on a card: its figure, its trend in words, the points of its small line."""

    kind: Kind
    figure: str
    unit: str
    words: str
    watch: bool
    direction: str  # "up", "down", ""
    points: tuple[float, ...]


def cell(row: dict, history: list[Point]) -> Cell:
    """`row` as kept on the note; `history`: the points up to and including this one, oldest first."""
    kind = KINDS[row["kind"]]
    value = Decimal(row["value"])
    value2 = Decimal(row["value2"]) if row.get("value2") else None
    if kind.pair:
        # French nurses say « 15/8 »: centimetres of mercury when both figures are round tens, millimetres otherwise.
        tens = value % 10 == 0 and value2 is not None and value2 % 10 == 0
        figure = f"{show(value / 10)}/{show(value2 / 10)}" if tens else f"{show(value)}/{show(value2)}"
        unit = "" if tens else kind.unit
    else:
        figure, unit = show(value), kind.unit
    before = history[:-1][-6:]
    change = value - before[-1].value if before else None
    watch = (kind.watch_low is not None and value < kind.watch_low) or (
        kind.watch_high is not None and value > kind.watch_high
    )
    direction, words = "", row.get("context", "")
    if watch:
        limit = kind.watch_low if kind.watch_low is not None and value < kind.watch_low else kind.watch_high
        direction = "down" if limit == kind.watch_low else "up"
        words = _("seuil : %(limit)s %(unit)s") % {
            "limit": show(limit / 10 if kind.pair else limit),
            "unit": "" if kind.pair else kind.unit,
        }
        words = words.strip()
    elif change is not None and not words:
        # Against the oldest of the last points: a slow drift is the news, not the last step.
        first = before[0]
        drift = value - first.value
        days = max((history[-1].at - first.at).days, 0)
        if abs(drift) <= kind.stable_within:
            words = _("stable")
        else:
            direction = "up" if drift > 0 else "down"
            sign = "+" if drift > 0 else "−"
            amount = show(abs(drift) / 10 if kind.pair else abs(drift))
            if days:
                words = _("%(change)s en %(days)s j") % {
                    "change": f"{sign}{amount}\u00a0{'' if kind.pair else kind.unit}".strip(),
                    "days": days,
                }
                watch = kind.code == "weight" and drift >= 2 and days <= 7  # 2 kg in a week: the sign of heart failure
            else:
                words = f"{sign}{amount}\u00a0{'' if kind.pair else kind.unit}".strip()
    return Cell(kind, figure, unit, words, watch, direction, tuple(float(p.value) for p in (*before, *history[-1:])))
