"""What each DAC says of itself (hours, territory, rooms, partners, papers), who is away, and a nurse's round."""

from datetime import datetime, time, timedelta
from io import BytesIO
from typing import Any

from django.utils import timezone

from cercle.base.common.errors import Refused
from cercle.care.agenda import actions as agenda
from cercle.care.agenda import sight
from cercle.care.structures import actions as structures
from cercle.people.circles.access import make_viewer, reach
from cercle.people.circles.desks import desk_of
from cercle.people.directory import actions as directory
from cercle.people.directory.models import Commune, PracticeRole

from .stories import typeset

HOURS = dict.fromkeys(range(4), "9h-12h30, 13h30-17h30") | {4: "9h-12h30, 13h30-16h30"}
# team, department, box of its communes (south, north, west, east)
HOUSES = (("dac29", "29", (47.75, 48.13, -4.80, -3.62)), ("dac56", "56", (47.45, 47.85, -3.05, -2.40)))
ROOMS = (("Salle du Steïr", 12, "visioconférence"), ("Petite salle", 4, "rez-de-chaussée, accessible"))
PARTNERS = (
    ("Centre hospitalier de Cornouaille", "convention", "Sorties d’hospitalisation complexes", "Cadre du service social", -400, 330),
    ("Conseil départemental", "convention", "Évaluations APA partagées", "Antenne de Pont-l’Abbé", -800, -20),
    ("SSIAD du Cap", "partner", "Équipe spécialisée Alzheimer", "Coordinatrice du SSIAD", -250, None),
    ("Agence régionale de santé", "funder", "Contrat pluriannuel", "Délégation départementale", -600, 500),
)  # fmt: skip
PAPERS = (
    ("Procédure d’accueil d’une demande", "Qui décroche, ce qu’on demande, sous quel délai on répond."),
    (
        "Conduite à tenir : refus de soins",
        "Ce que la structure peut faire, et ce qu’elle ne fait jamais sans la personne.",
    ),
)
# hour, minute, length, what for: a morning of care at home
ROUND = (
    (7, 30, 30, "Toilette, insuline"), (8, 20, 25, "Injection, surveillance"), (9, 5, 30, "Pansement du talon"), (10, 0, 30, "Pilulier"),
    (11, 15, 45, "Injection, regarder la hanche"), (12, 15, 20, "Insuline"), (16, 30, 30, "Pansement"), (17, 20, 25, "Insuline, repas"),
    (18, 15, 30, "Coucher"), (20, 30, 20, "Insuline du soir"), (21, 15, 25, "Perfusion"),
)  # fmt: skip


def tell(staff: Any, now: datetime) -> None:
    """`staff`: load.Staff."""
    for key, department, box in HOUSES:
        team = staff.teams[key]
        for user in staff.users.values():
            if user.last_context is not None and user.last_context.organization_id == team.organization_id:
                _house(make_viewer(user, user.last_context, source="demo"), team, department, box, now)
                break
    nurse = staff.users["maelle"]
    _round(make_viewer(nurse, nurse.last_context, source="demo"), now)


def _house(viewer: Any, team: Any, department: str, box: tuple, now: datetime) -> None:
    desk, today = desk_of(viewer), timezone.localdate(now)
    if desk is None:
        return
    house, (south, north, west, east) = desk.organization, box
    structures.describe(
        desk, organization=house, hours=HOURS, hours_note=typeset("Fermé entre Noël et le jour de l’An."),
        presentation=typeset(
            "Le dispositif d’appui à la coordination aide les professionnels, les personnes et leurs proches quand une situation "
            "devient complexe : il informe, oriente, et suit les situations qui le demandent."
        ),
    )  # fmt: skip
    communes = Commune.objects.filter(
        kind="COM", department=department, lat__range=(south, north), lon__range=(west, east)
    )
    directory.give_territory(
        desk, team=team, communes=list(communes.values_list("code", flat=True)), on=today - timedelta(days=900)
    )
    rooms = [
        agenda.open_room(desk, organization=house, name=typeset(name), seats=seats, note=typeset(note))
        for name, seats, note in ROOMS
    ]
    for name, kind, subject, contact, since, until in PARTNERS:
        structures.add_partner(
            desk, organization=house, name=typeset(name), kind=kind, subject=typeset(subject), contact=typeset(contact),
            from_on=today + timedelta(days=since), until_on=today + timedelta(days=until) if until is not None else None,
        )  # fmt: skip
    for title, text in PAPERS:
        file = BytesIO(typeset(text).encode())
        file.name = "procedure.txt"
        structures.add_document(desk, organization=house, title=typeset(title), file=file)
    monday = today - timedelta(days=today.weekday())
    _placed(
        desk, kind="meeting", title=typeset("Point d’équipe"), starts_at=_at(monday + timedelta(days=7), 11, 0), minutes=60,
        rrule="FREQ=WEEKLY;COUNT=12", teams=[team], roles=[], rooms=rooms[:1],
    )  # fmt: skip
    away = PracticeRole.objects.filter(organization=house, ended_at=None).exclude(pk=viewer.practice_role_id).first()
    if away is not None:
        agenda.be_away(
            desk, role=away, kind="leave", starts_on=today + timedelta(days=9), ends_on=today + timedelta(days=20),
            cover=viewer.practice_role,
        )  # fmt: skip


def _round(viewer: Any, now: datetime) -> None:
    """Today and tomorrow, the same hours; what is behind is done."""
    circles = [acting for pk in sight.my_circles(viewer)[: len(ROUND) + 4] if (acting := reach(viewer, pk)) is not None]
    today = timezone.localdate(now)
    for day in (today, today + timedelta(days=1)):
        for (hour, minute, minutes, what), acting in zip(ROUND, circles, strict=False):
            row = _placed(acting, kind="visit", title=typeset(what), starts_at=_at(day, hour, minute), minutes=minutes)
            if row is not None and row.last_at < now:
                agenda.mark_done(acting, appointment=row)


def _at(day: Any, hour: int, minute: int) -> datetime:
    return timezone.make_aware(datetime.combine(day, time(hour, minute)))


def _placed(acting: Any, **what: Any) -> Any:
    try:
        return agenda.place(acting, anyway=True, **what)
    except Refused:  # a day or a circle that the verbs do not take: the demonstration goes on without it
        return None
