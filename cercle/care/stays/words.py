"""How a stay is said.

« Hospitalisée au CH de Quimper depuis le 3 mars · cardiologie, chambre 214 · sortie annoncée le 6 mars vers 14 h »
"""

import re
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from cercle.base.web import french

from .models import DETAIL, Movement, Source, Stay

_ACRONYMS = {
    "CH", "CHU", "CHRU", "CHI", "CHS", "CHD", "CHIC", "GH", "GHT", "GHBS", "HIA", "HAD", "EHPAD", "ESPIC", "SSR", "SMR",
    "USLD", "UHR", "EPSM", "MCO", "HP", "AP", "SSIAD", "CRF", "CMRRF", "MSP", "IME", "FAM", "MAS", "UGECAM",
}  # fmt: skip
_SMALL = {"de", "du", "des", "la", "le", "les", "et", "en", "sur", "sous", "aux", "au", "à", "lès", "d", "l"}
# First word of a name, without accents: how French says « at ».
_AT = [
    (r"(ch|chu|chru|chi|chs|chd|chic|gh|ght|ghbs|smr|ssr|crf|cmrrf|cmp)\b", "au "),
    (r"(centre|groupe|pôle|pole|service|foyer|village|domaine)\b", "au "),
    (
        r"(hôpital|hopital|institut|établissement|etablissement|ehpad|epsm|hia|usld|unité|unite|accueil|assistance|ime|uhr)\b",
        "à l’",
    ),
    (r"(hôpitaux|hopitaux|cliniques)\b", "aux "),
    (r"(clinique|polyclinique|maison|résidence|residence|fondation|mas)\b", "à la "),
]
_FROM = {"au ": "du ", "à l’": "de l’", "aux ": "des ", "à la ": "de la "}
_COMMON = re.compile(
    r"^(Centre|Groupe|Pôle|Service|Foyer|Village|Domaine|Hôpital|Hopital|Institut|Établissement|Etablissement|Unité|Accueil|"
    r"Hôpitaux|Hopitaux|Cliniques?|Polyclinique|Maison|Résidence|Residence|Fondation)\b"
)


def place_name(name: str) -> str:
    """« CENTRE HOSPITALIER DE CORNOUAILLE » to « Centre Hospitalier de Cornouaille »; what is already mixed stays."""
    if not name.isupper():
        return name
    words = []
    for i, word in enumerate(re.split(r"([ '’\-])", name)):
        bare = re.sub(r"\W", "", word)
        if bare in _ACRONYMS:
            words.append(word)
        elif i and bare.lower() in _SMALL:
            words.append(word.lower())
        else:
            words.append(word.capitalize())
    return "".join(words)


def _with(name: str, of: bool) -> str:
    name = place_name(name)
    for pattern, preposition in _AT:
        if re.match(pattern, name, re.IGNORECASE):
            # « à l’hôpital Laennec »: inside a sentence the common noun is small.
            shown = name[0].lower() + name[1:] if _COMMON.match(name) else name
            return (_FROM[preposition] if of else preposition) + shown
    return (f"de l’établissement {name}") if of else f"dans l’établissement {name}"


def at_place(name: str) -> str:
    """« au CH de Quimper », « à la clinique de l’Océan », « à l’EHPAD Ty Glas »"""
    return _with(name, of=False)


def of_place(name: str) -> str:
    """« du CH de Quimper »"""
    return _with(name, of=True)


def _date(value: datetime) -> str:
    """« le 3 mars », « aujourd’hui », « hier », « demain », « le 3 mars 2025 »"""
    day = french.as_day(value)
    gap = (day - french.now().date()).days
    if gap in (-1, 0, 1):
        return {-1: _("hier"), 0: _("aujourd’hui"), 1: _("demain")}[gap]
    text = f"{french.number_in_month(day.day)}{french.NBSP}{french.MONTHS[day.month - 1]}"
    if day.year != french.now().year:
        text += f"{french.NBSP}{day.year}"
    return _("le %(date)s") % {"date": text}


def _expected(value: datetime, has_time: bool) -> str:
    if not has_time:
        return _date(value)
    return _("%(date)s vers %(hour)s") % {"date": _date(value), "hour": french.hour(value)}


def state_word(stay: Stay, sex: str) -> str:
    if stay.kind == Stay.Kind.HOME_HOSPITAL:
        return _("En hospitalisation à domicile")
    if stay.kind == Stay.Kind.LODGING:
        return _("En hébergement temporaire")
    return {"F": _("Hospitalisée"), "M": _("Hospitalisé")}.get(sex, _("En hospitalisation"))


def headline(stay: Stay, sex: str = "") -> str:
    """« Hospitalisée au CH de Quimper depuis le 3 mars »"""
    if stay.kind == Stay.Kind.HOME_HOSPITAL:
        where = _("par %(place)s") % {"place": place_name(stay.label)}
    else:
        where = at_place(stay.label)
    return _("%(state)s %(where)s depuis %(date)s") % {
        "state": state_word(stay, sex),
        "where": where,
        "date": _date(stay.started_at),
    }


def ward_words(ward: str, room: str) -> str:
    """« cardiologie, chambre 214 »"""
    said = [ward[:1].lower() + ward[1:] if ward[1:2].islower() else ward] if ward else []
    if room:
        said.append(room if re.match(r"(?i)(ch|lit|box|chambre)\b", room) else _("chambre %(room)s") % {"room": room})
    return ", ".join(said)


def expected_words(stay: Stay) -> str:
    if not stay.expected_end:
        return ""
    late = french.as_day(stay.expected_end) < french.now().date()
    said = _("sortie annoncée %(when)s") % {"when": _expected(stay.expected_end, stay.expected_has_time)}
    return said + _(", pas encore confirmée") if late else said


def sentence(stay: Stay, sex: str = "", *, detailed: bool = True) -> str:
    """The whole alert; `detailed=False` for those who may know of the stay but not of the ward."""
    parts = [headline(stay, sex)]
    if detailed:
        parts.append(ward_words(stay.ward, stay.room))
    parts.append(expected_words(stay))
    return " · ".join(p for p in parts if p)


@dataclass(frozen=True)
class Alert:
    """What the banner of the patient shows: the bold part, the rest, and the stay to open."""

    stay: Stay
    strong: str
    rest: str


def alert(acting) -> Alert | None:
    """The open stay of this patient as the reader may know it; one query, None when at home."""
    stay = Stay.objects.visible_to(acting).open().order_by("-started_at", "-id").first()
    if stay is None:
        return None
    sex = acting.patient.identity.sex if acting.patient.identity else ""
    detailed = DETAIL in acting.readable
    rest = [ward_words(stay.ward, stay.room) if detailed else "", expected_words(stay)]
    return Alert(stay=stay, strong=headline(stay, sex), rest=" · ".join(r for r in rest if r))


# --- Events of the notebook's timeline ----------------------------------------------------------------------------
@dataclass(frozen=True)
class Event:
    """One dashed row: « Entrée au CH de Quimper, cardiologie, par les urgences · 11 h 26 · annoncé par l’hôpital »."""

    id: object
    stay_id: object
    kind: str
    at: datetime
    has_time: bool
    recorded_at: datetime
    strong: str
    rest: str
    by: str
    text: str

    @property
    def sentence(self) -> str:
        return self.strong + self.rest

    @property
    def icon(self) -> str:
        return {
            Movement.Kind.ADMISSION: "hospital",
            Movement.Kind.TRANSFER: "arrow-right",
            Movement.Kind.ANNOUNCE: "calendar-clock",
            Movement.Kind.DISCHARGE: "log-out",
        }.get(Movement.Kind(self.kind), "info")


def movement_words(movement: Movement, *, detailed: bool = True) -> tuple[str, str]:
    """(bold part, the rest)"""
    stay, kind = movement.stay, Movement.Kind(movement.kind)
    where = ward_words(movement.ward, movement.room) if detailed else ""
    if kind == Movement.Kind.ADMISSION:
        if stay.kind == Stay.Kind.HOME_HOSPITAL:
            strong = _("Entrée en hospitalisation à domicile (%(place)s)") % {"place": place_name(stay.label)}
        else:
            strong = _("Entrée %(where)s") % {"where": at_place(stay.label)}
        entry = Stay.Entry(stay.entry_mode).label if stay.entry_mode else ""
        return strong, "".join(f", {p}" for p in (where, entry) if p)
    if kind == Movement.Kind.TRANSFER:
        return _("Changement de service"), (f" : {where}" if where else "")
    if kind == Movement.Kind.ANNOUNCE:
        if movement.expected_end is None:
            return _("Sortie reportée"), _(", sans nouvelle date")
        when = _expected(movement.expected_end, movement.expected_has_time)
        return _("Sortie annoncée %(when)s") % {"when": when}, ""
    if kind == Movement.Kind.DISCHARGE:
        strong = _("Sortie %(where)s") % {"where": of_place(stay.label)}
        return strong, (f" : {Stay.End(movement.end_kind).label}" if movement.end_kind else "")
    if kind == Movement.Kind.CANCEL:
        return _("Annonce retirée"), _(" : %(place)s") % {"place": place_name(stay.label)}
    return _("Séjour corrigé"), (f" : {where}" if where else "")


def events(acting, *, since: datetime | None = None, until: datetime | None = None, limit: int = 200) -> list[Event]:
    """Movements of this circle for the timeline, newest first. Empty for those who may not know of stays."""
    stays = Stay.objects.visible_to(acting).order_by().values("pk")
    rows = Movement.objects.filter(stay__in=stays).select_related("stay").order_by("-at", "-id")
    if since:
        rows = rows.filter(at__gte=since)
    if until:
        rows = rows.filter(at__lt=until)
    detailed = DETAIL in acting.readable
    return [event_of(movement, detailed=detailed) for movement in rows[:limit]]


def event_of(movement: Movement, *, detailed: bool = True) -> Event:
    strong, rest = movement_words(movement, detailed=detailed)
    if movement.source == Source.MANUAL:
        by = _("annoncé par %(name)s") % {"name": movement.author_name} if movement.author_name else ""
    else:
        by = _("annoncé par l’établissement")
    return Event(
        id=movement.pk,
        stay_id=movement.stay_id,
        kind=movement.kind,
        at=movement.at,
        has_time=movement.has_time,
        recorded_at=movement.recorded_at,
        strong=strong,
        rest=rest,
        by=by,
        text=movement.text if detailed else "",
    )
