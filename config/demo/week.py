"""A coordinator's week, by the verbs: Yvonne's grids and plan, plans of a few other files, the agenda of these days."""

from datetime import datetime, time, timedelta
from typing import Any

from django.utils import timezone

from cercle.base.common.errors import Refused
from cercle.care.agenda import actions as agenda
from cercle.care.coordination.actions import plan as plans
from cercle.care.coordination.models import CoordinationFile
from cercle.care.questionnaires import actions as forms
from cercle.care.questionnaires.models import Response
from cercle.people.circles.access import Acting, make_viewer, reach
from cercle.people.circles.desks import desk_of
from cercle.people.circles.faces import faces

from .stories import typeset

AGGIR = (
    "coherence", "orientation", "toilette", "habillage", "alimentation", "elimination", "transferts", "deplacement_interieur",
    "deplacement_exterieur", "communication_distance",
)  # fmt: skip
# label, why, measure, priority, actions: label, who (profile of a member, or a name), days until due, state
GOALS = (
    ("Rentrer chez moi sans tomber", "Deux chutes avant l’hospitalisation, dont une la nuit.", "Aucune chute pendant un mois", 1, (
        ("Lit médicalisé livré avant le retour", "pharmacist", 1, "accepted"), ("Barres d’appui dans la salle d’eau", "coordination", -9, "proposed"),
        ("Kiné à domicile, trois fois par semaine", "therapist", 12, "in_progress"), ("Chaussures fermées, tapis retirés", "carer", -3, "done"))),
    ("Que Soazig puisse se reposer", "Elle dort sur place depuis trois semaines.", "Quatre nuits par semaine chez elle", 1, (
        ("Aide du soir, tous les jours", "home_care", 3, "in_progress"), ("Accueil de jour le jeudi", "Accueil de jour Les Bruyères", 20, "proposed"),
        ("Demander l’APA", "coordination", -4, "in_progress"))),
    ("Soigner ma jambe", "Ulcère suivi depuis le printemps, douloureux au pansement.", "Plaie fermée ou plus petite de moitié", 2, (
        ("Pansement trois fois par semaine, photo le lundi", "nurse", 30, "in_progress"), ("Avis du centre de plaies", "prescriber", 6, "accepted"))),
    ("Manger à nouveau avec plaisir", "Poids en baisse de 2 kg en deux mois.", "Poids stable à 58 kg", 3, (
        ("Portage de repas, cinq jours", "CCAS de Pont-l’Abbé", 8, "proposed"), ("Peser tous les lundis", "nurse", None, "in_progress"))),
)  # fmt: skip
# days from Monday, hour, minute, length, kind, title, place, proposed
WEEK = (
    (0, 9, 0, 60, "meeting", "Réunion d’équipe", "Salle du Steïr", False), (0, 14, 0, 30, "call", "Point avec le service social du CH", "", False),
    (1, 9, 30, 30, "call", "SSIAD du Cap", "", False), (1, 16, 0, 60, "private", "Personnel", "", False),
    (2, 9, 0, 60, "meeting", "Guichet, relecture des demandes", "", False), (2, 16, 30, 60, "other", "Fiches de suivi", "", False),
    (3, 9, 30, 60, "meeting", "Guichet : pré-évaluations", "", False), (3, 14, 0, 90, "meeting", "Concertation, cas complexe", "Visioconférence", False),
    (4, 11, 0, 30, "call", "Réponse à un médecin traitant", "", False), (7, 9, 0, 60, "meeting", "Réunion d’équipe", "Salle du Steïr", False),
)  # fmt: skip
VISITS = (
    (0, 10, 30, 90),
    (1, 13, 30, 60),
    (2, 14, 0, 90),
    (3, 11, 0, 60),
    (4, 14, 0, 90),
    (4, 16, 0, 45),
    (8, 10, 0, 60),
)


def tell(staff: Any, now: datetime) -> None:
    """`staff`: load.Staff. After the files of `support`."""
    user = staff.users["nolwenn"]
    viewer = make_viewer(user, user.last_context, source="demo")
    mine = CoordinationFile.objects.filter(referent=user.last_context).exclude(state="closed").order_by("-patient_id")
    found = [(f, acting) for f in mine[:14] if (acting := reach(viewer, f.patient_id)) is not None]
    if not found:
        return
    file, acting = found[0]  # Yvonne's, the newest
    _grids(acting, now)
    for n, (each, where) in enumerate(found[:6]):
        _plan(where, each, GOALS if n == 0 else GOALS[n % 3 : n % 3 + 2], now)
    _agenda(viewer, [where for _file, where in found], now)


def _grids(acting: Acting, now: datetime) -> None:
    for letters, days in (("AABBAAAABA", 150), ("AABBABBABA", 62), ("ABCBABBACB", 4)):
        post = {f"q-{name}": [f"urn:cercle:codes:aggir|{letter}"] for name, letter in zip(AGGIR, letters, strict=True)}
        _filled(acting, "aggir", post, now - timedelta(days=days))


def _filled(acting: Acting, slug: str, post: dict, at: datetime) -> None:
    response = forms.start(acting, slug=slug)
    forms.finish(acting, response=response, post=post)
    Response.objects.filter(pk=response.pk).update(finished_at=at)


def _plan(acting: Acting, file: CoordinationFile, goals: tuple, now: datetime) -> None:
    plan = plans.start_plan(acting, wish=file.wish, synthesis=file.synthesis)
    people = faces(acting)
    for label, why, measure, priority, steps in goals:
        goal = plans.add_goal(
            acting,
            plan=plan,
            label=typeset(label),
            why=typeset(why),
            measure=typeset(measure),
            priority=priority,
            negotiated=True,
        )
        for what, who, days, state in steps:
            member = next((f.pk for f in people if f.profile == who), None)
            if member:
                owner = plans.owner_of(acting, member=member)
            else:
                owner = plans.owner_of(acting, name=who if who[:1].isupper() else "À désigner")
            due = (now + timedelta(days=days)).date() if days is not None else None
            plans.add_action(acting, goal=goal, label=typeset(what), owner=owner, due_on=due, state=state)


def _agenda(viewer: Any, circles: list[Acting], now: datetime) -> None:
    monday = timezone.localdate(now) - timedelta(days=timezone.localdate(now).weekday())
    desk = desk_of(viewer)
    for day, hour, minute, minutes, kind, title, place, proposed in WEEK:
        at = timezone.make_aware(datetime.combine(monday + timedelta(days=day), time(hour, minute)))
        _placed(desk or viewer, kind=kind, title=title, starts_at=at, minutes=minutes, place=place, proposed=proposed)
    for (day, hour, minute, minutes), acting in zip(VISITS, circles, strict=False):
        at = timezone.make_aware(datetime.combine(monday + timedelta(days=day), time(hour, minute)))
        coordinates = acting.patient.coordinates
        _placed(
            acting, kind="visit", title="Visite", starts_at=at, minutes=minutes, place=coordinates.commune_label if coordinates else "",
            commune_code=coordinates.commune_code if coordinates else "", proposed=day == 8,
        )  # fmt: skip


def _placed(acting: Any, **what: Any) -> None:
    try:
        agenda.place(acting, anyway=True, **what)
    except Refused:  # a day that the verbs do not take: the demonstration goes on without it
        return
