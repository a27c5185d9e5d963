"""« Nolwenn Le Bris suit désormais Yvonne LE GALL », for whoever is in her circle now."""

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from cercle.base.notifications.renderers import Line
from cercle.people.circles.notices import may_see

from .models import CoordinationFile


def lines(user, notices) -> dict[UUID, Line]:
    seen = may_see(user, [n.circle_id for n in notices])
    files = {
        f.pk: f
        for f in CoordinationFile.objects.filter(pk__in=[n.target_id for n in notices]).select_related(
            "referent__practitioner"
        )
    }
    found = {}
    for notice in notices:
        acting, file = seen.get(notice.circle_id), files.get(notice.target_id)
        if acting is None or file is None or file.is_closed:
            continue
        words = {"who": file.referent.practitioner.display_name, "patient": acting.patient.identity.full_name}
        found[notice.pk] = Line(
            _("%(who)s coordonne désormais l’appui de %(patient)s") % words,
            reverse("record:patient", args=[notice.circle_id]),
        )
    return found
