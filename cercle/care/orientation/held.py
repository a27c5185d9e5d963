"""Open requests that somebody holds: in her « Mes tâches », and on the page of her caseload passed on.

Imported at start by the coordination app, which asks every app for a `held` module.
"""

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cercle.base.web import todo
from cercle.care.coordination import handing
from cercle.people.circles.desks import Desk, DeskRight, desk, opposed_circles

from .models import OrientationRequest

MOST = 30


def of_role(found: Desk, role_id) -> list[OrientationRequest]:
    """The most pressing first; nothing of those who refused the reader."""
    rows = OrientationRequest.objects.of(found.organization).open().filter(assigned_role_id=role_id)
    rows = rows.exclude(patient_id__in=opposed_circles(found))
    return list(rows.select_related("patient__identity").order_by("due_at", "id")[:MOST])


def _url(row: OrientationRequest) -> str:
    return reverse("orientation:show", args=[row.pk])


def tasks(request) -> list[todo.Task]:
    found = desk(request)
    if found is None or not found.may(DeskRight.DESK):
        return []
    return [
        todo.Task(
            title=row.title,
            detail=f"{row.number} · {row.get_reason_display()} · {row.due_words}",
            url=_url(row),
            due_on=timezone.localdate(row.due_at),
        )
        for row in of_role(found, found.practice_role_id)
    ]


def of_handover(found: Desk, handover) -> list[handing.Item]:
    """They stay with whoever is away until the desk gives them to somebody else."""
    return [
        handing.Item(title=row.title, url=_url(row), detail=f"{row.number} · {row.due_words}")
        for row in of_role(found, handover.from_role_id)
    ]


todo.register(todo.Group("requests", _("Demandes à répondre"), "inbox", 10, tasks))
handing.register(handing.Part(_("Demandes ouvertes au guichet"), "inbox", of_handover))
