"""What the coordination file itself puts in « Mes tâches »: late actions, reviews, resumptions, files without news."""

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cercle.base.web.todo import Group, Task
from cercle.people.circles.desks import DeskRight, desk

from .models import Action, CoordinationFile
from .queries_files import SILENT, SOON, Filters, caseload, late_words
from .vocabulary import FileState

MOST = 30


def register(todo) -> None:
    todo.register(Group("late", gettext_lazy("Actions en retard"), "triangle-alert", 20, late_actions))
    todo.register(Group("reviews", gettext_lazy("Situations à revoir"), "calendar-clock", 30, reviews))
    todo.register(Group("silent", gettext_lazy("Sans nouvelle depuis 60 jours"), "clock", 60, silent))


def _mine(request):
    found = desk(request)
    if found is None or not found.may(DeskRight.FILES):
        return None, CoordinationFile.objects.none()
    return found, caseload(found, Filters()).select_related("patient__identity")


def _url(file: CoordinationFile) -> str:
    return reverse("coordination:file", args=[file.pk])


def late_actions(request) -> list[Task]:
    found, files = _mine(request)
    if found is None:
        return []
    mine = {f.patient_id: f for f in files[:500]}
    rows = (
        Action.objects.late(timezone.localdate())
        .filter(
            goal__plan__organization=found.organization, goal__plan__closed_at=None, goal__state="active", goal__hidden=0,
            goal__plan__circle_id__in=list(mine),
        )
        .select_related("goal__plan")
        .order_by("due_on", "id")[:MOST]
    )  # fmt: skip
    return [
        Task(
            title=a.label,
            detail=f"{mine[a.goal.plan.circle_id].patient.identity.full_name} · {a.owner_name} · {late_words(a.due_on)}",
            url=_url(mine[a.goal.plan.circle_id]),
            due_on=a.due_on,
        )
        for a in rows
    ]


def reviews(request) -> list[Task]:
    __, files = _mine(request)
    until = timezone.localdate() + SOON
    rows = files.filter(Q(review_on__lte=until) | Q(state=FileState.SUSPENDED, suspended_until__lte=until))
    found = []
    for f in rows[:MOST]:
        suspended = f.state == FileState.SUSPENDED and f.suspended_until
        found.append(
            Task(
                title=f.patient.identity.full_name,
                detail=_("appui suspendu, à reprendre ?") if suspended else _("situation à revoir"),
                url=_url(f),
                due_on=f.suspended_until if suspended else f.review_on,
            )
        )
    return sorted(found, key=lambda t: t.due_on or until)


def silent(request) -> list[Task]:
    __, files = _mine(request)
    limit = timezone.now() - SILENT
    rows = files.filter(state=FileState.OPEN, opened_at__lt=limit).filter(
        Q(last_act_at=None) | Q(last_act_at__lt=limit)
    )
    return [
        Task(title=f.patient.identity.full_name, detail=_("aucune fiche de suivi depuis deux mois"), url=_url(f))
        for f in rows.order_by("last_act_at")[:MOST]
    ]
