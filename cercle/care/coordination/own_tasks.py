"""What the coordination file itself puts in « Mes tâches »: late actions, mine to come, reviews, deaths, people to tell, silence."""

from django.db.models import Count, Exists, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cercle.base.web.todo import Group, Task
from cercle.people.circles.desks import DeskRight, desk

from .gates import refused_by
from .models import Action, CarePlan, CoordinationFile, Handover
from .queries_files import SILENT, SOON, Filters, caseload, late_words
from .vocabulary import FileState
from .vocabulary_plan import OPEN_ACTIONS

MOST = 30


def register(todo) -> None:
    todo.register(Group("late", gettext_lazy("Actions en retard"), "triangle-alert", 20, late_actions))
    todo.register(Group("mine", gettext_lazy("À faire par moi"), "circle-dot", 25, my_actions))
    todo.register(Group("reviews", gettext_lazy("Situations à revoir"), "calendar-clock", 30, reviews))
    todo.register(Group("deaths", gettext_lazy("Décès enregistrés"), "info", 35, deaths))
    todo.register(Group("to_tell", gettext_lazy("Personnes à prévenir"), "mail", 40, to_tell))
    todo.register(Group("silent", gettext_lazy("Sans nouvelle depuis 60 jours"), "clock", 60, silent))


def _mine(request):
    found = desk(request)
    if found is None or not found.may(DeskRight.FILES):
        return None, CoordinationFile.objects.none()
    return found, caseload(found, Filters()).select_related("patient__identity")


def _url(file: CoordinationFile) -> str:
    return reverse("coordination:file", args=[file.pk])


def _actions(found):
    """Of the structure's plans under way, that no author masked."""
    return Action.objects.filter(
        goal__plan__organization=found.organization, goal__plan__closed_at=None, goal__state="active", goal__hidden=0
    ).select_related("goal__plan__circle__patient__identity")


def late_actions(request) -> list[Task]:
    """Of my files, whoever is in charge."""
    found, files = _mine(request)
    if found is None:
        return []
    mine = {f.patient_id: f for f in files[:500]}
    late = Action.objects.late(timezone.localdate()).values("pk")
    rows = _actions(found).filter(pk__in=late, goal__plan__circle_id__in=list(mine)).order_by("due_on", "id")[:MOST]
    return [
        Task(
            title=a.label,
            detail=f"{mine[a.goal.plan.circle_id].patient.identity.full_name} · {a.owner_name} · {late_words(a.due_on)}",
            url=_url(mine[a.goal.plan.circle_id]),
            due_on=a.due_on,
        )
        for a in rows
    ]


def my_actions(request) -> list[Task]:
    """What a plan asks of me, in anybody's file; what is late in mine is said above."""
    found, __ = _mine(request)
    if found is None:
        return []
    rows = (
        _actions(found)
        .filter(owner_member__practice_role=found.practice_role_id, owner_member__ended_at=None, state__in=OPEN_ACTIONS)
        .filter(Q(due_on=None) | Q(due_on__gte=timezone.localdate()))
        .filter(
            Q(goal__plan__circle__has_oppositions=False)
            | ~Exists(refused_by(found, patient="goal__plan__circle__patient"))
        )
        .order_by("due_on", "id")[:MOST]
    )
    return [
        Task(
            title=a.label,
            detail=a.goal.plan.circle.patient.identity.full_name,
            url=reverse("record:tab", args=[a.goal.plan.circle_id, "plan"]),
            due_on=a.due_on,
        )
        for a in rows
    ]


def reviews(request) -> list[Task]:
    """Situations, suspended files to take up again, plans."""
    found, files = _mine(request)
    if found is None:
        return []
    until = timezone.localdate() + SOON
    living = files.filter(patient__deceased="")
    rows = living.filter(Q(review_on__lte=until) | Q(state=FileState.SUSPENDED, suspended_until__lte=until))
    tasks = []
    for f in rows[:MOST]:
        suspended = f.state == FileState.SUSPENDED and f.suspended_until
        tasks.append(
            Task(
                title=f.patient.identity.full_name,
                detail=_("appui suspendu, à reprendre ?") if suspended else _("situation à revoir"),
                url=_url(f),
                due_on=f.suspended_until if suspended else f.review_on,
            )
        )
    plans = CarePlan.objects.filter(
        organization=found.organization,
        closed_at=None,
        hidden=0,
        review_on__lte=until,
        circle_id__in=living.values("patient_id"),
    ).select_related("circle__patient__identity")
    tasks += [
        Task(
            title=p.circle.patient.identity.full_name,
            detail=_("plan à revoir"),
            url=reverse("record:tab", args=[p.circle_id, "plan"]),
            due_on=p.review_on,
        )
        for p in plans.order_by("review_on", "id")[:MOST]
    ]
    return sorted(tasks, key=lambda t: t.due_on or until)[:MOST]


def deaths(request) -> list[Task]:
    __, files = _mine(request)
    rows = files.exclude(patient__deceased="").order_by("patient__identity__sort")[:MOST]
    return [Task(title=f.patient.identity.full_name, detail=_("dossier à clore"), url=_url(f)) for f in rows]


def to_tell(request) -> list[Task]:
    """I took over files whose people were not told of it yet."""
    found, __ = _mine(request)
    if found is None:
        return []
    waiting = Q(lines__kept="", lines__informed_on=None, lines__given_back_at=None, lines__as_co_referent=False)
    rows = (
        Handover.objects.filter(organization=found.organization, to_role=found.practice_role_id, ended_at=None)
        .annotate(waiting=Count("lines", filter=waiting & Q(lines__file__patient__deceased="")))
        .filter(waiting__gt=0)
        .select_related("from_role__practitioner")
        .order_by("-at")[:MOST]
    )
    return [
        Task(
            title=ngettext("%(n)d personne à prévenir", "%(n)d personnes à prévenir", h.waiting) % {"n": h.waiting},
            detail=_("dossiers de %(who)s") % {"who": h.from_role.practitioner.display_name},
            url=reverse("coordination:handover", args=[h.pk]),
        )
        for h in rows
    ]


def silent(request) -> list[Task]:
    __, files = _mine(request)
    limit = timezone.now() - SILENT
    rows = files.filter(state=FileState.OPEN, patient__deceased="", opened_at__lt=limit).filter(
        Q(last_act_at=None) | Q(last_act_at__lt=limit)
    )
    return [
        Task(title=f.patient.identity.full_name, detail=_("aucune fiche de suivi depuis deux mois"), url=_url(f))
        for f in rows.order_by("last_act_at")[:MOST]
    ]
