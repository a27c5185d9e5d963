"""« Rappel : visite, Jeanne LE GALL, demain à 9 h »: with the name only for whoever may read it now."""

from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from cercle.base.notifications.renderers import Line
from cercle.base.web import french
from cercle.people.circles.notices import may_see

from .models import Appointment
from .vocabulary import Kind, State


def lines(user, notices) -> dict[UUID, Line]:
    rows = {a.pk: a for a in Appointment.objects.filter(pk__in=[n.target_id for n in notices])}
    seen = may_see(user, [n.circle_id for n in notices if n.circle_id])
    found = {}
    for notice in notices:
        row = rows.get(notice.target_id)
        if row is None:
            continue
        acting = seen.get(row.circle_id)
        if (
            row.circle_id
            and acting
            and not acting.sees(
                hidden=row.hidden, category=row.category, author_user_id=row.author_user_id, target_id=row.pk
            )
        ):
            continue
        at = datetime.fromisoformat(notice.params["at"]) if notice.params.get("at") else row.starts_at
        what = str(Kind(row.kind).label)
        if acting:
            what = f"{what}, {acting.patient.identity.full_name}"
        elif row.circle_id is None and row.title:
            what = row.title
        words = {"what": what, "when": french.moment_long(at)}
        kind = notice.params.get("what")
        if kind == "reminder":
            text = _("Rappel : %(what)s, %(when)s") % words
        elif kind == "cancelled" or row.state == State.CANCELLED:
            text = _("Rendez-vous annulé : %(what)s, %(when)s") % words
        elif kind == "moved":
            text = _("Rendez-vous déplacé : %(what)s, %(when)s") % words
        else:
            text = _("Nouveau rendez-vous : %(what)s, %(when)s") % words
        url = f"{reverse('agenda:mine')}?date={french.as_day(at).isoformat()}"
        found[notice.pk] = Line(text, url)
    return found
