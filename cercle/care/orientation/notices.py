from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from cercle.base.notifications.renderers import Line
from cercle.people.accounts.context import open_roles

from .models import OrientationRequest
from .vocabulary import State


def lines(user, notices) -> dict[UUID, Line]:
    """« La demande 2026-0412 attend une réponse »: a number, no name."""
    mine = {r.organization_id for r in open_roles(user)}
    rows = OrientationRequest.objects.in_bulk([n.target_id for n in notices])
    found = {}
    for notice in notices:
        row = rows.get(notice.target_id)
        if row is None or row.organization_id not in mine or row.state == State.CLOSED:
            continue
        late = notice.once.startswith("escalated")
        words = (
            _("La demande n° %(n)s est en retard de réponse") if late else _("La demande n° %(n)s attend une réponse")
        )
        found[notice.pk] = Line(words % {"n": row.number}, reverse("orientation:show", args=[row.pk]))
    return found


def answers(user, notices) -> dict[UUID, Line]:
    """For whoever asked from a circle: the answer is read there, through the circle's gate."""
    rows = OrientationRequest.objects.filter(asker_user=user).in_bulk([n.target_id for n in notices])
    words = _("Le dispositif d’appui a répondu à votre demande n° %(n)s")
    return {
        n.pk: Line(words % {"n": row.number}, reverse("orientation:asked", args=[row.patient_id]))
        for n in notices
        if (row := rows.get(n.target_id)) is not None and row.patient_id
    }
