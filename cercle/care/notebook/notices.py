"""« Nolwenn Le Bris a écrit une note urgente sur Yvonne LE GALL »: only for whoever may read that note now."""

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from cercle.base.notifications.renderers import Line
from cercle.people.circles.notices import may_see

from .models import Note
from .tasks import may_read


def lines(user, notices) -> dict[UUID, Line]:
    seen = may_see(user, [n.circle_id for n in notices])
    notes = {n.pk: n for n in Note.objects.filter(pk__in=[n.target_id for n in notices])}
    found = {}
    for notice in notices:
        acting, note = seen.get(notice.circle_id), notes.get(notice.target_id)
        if acting is None or note is None or note.is_withdrawn or not may_read(note, acting):
            continue
        words = {"who": note.author_name, "patient": acting.patient.identity.full_name}
        if notice.kind == "reply":
            text = _("%(who)s a répondu à propos de %(patient)s") % words
        elif notice.kind == "acknowledgement_asked":
            text = _("%(who)s vous demande de lire une note sur %(patient)s") % words
        elif note.is_urgent:
            text = _("%(who)s a écrit une note urgente sur %(patient)s") % words
        else:
            text = _("%(who)s a écrit une note sur %(patient)s") % words
        found[notice.pk] = Line(text, reverse("notebook:card", args=[notice.circle_id, note.pk]))
    return found
