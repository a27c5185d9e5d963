"""The sentence of « votre signalement a reçu une réponse »."""

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from cercle.base.notifications.renderers import Line
from cercle.people.directory.models import DirectoryReport


def lines(user, notices) -> dict[UUID, Line]:
    """Only to the one who reported."""
    reports = DirectoryReport.objects.filter(pk__in=[n.target_id for n in notices], author_user_id=user.pk)
    status = {r.pk: r.get_status_display() for r in reports}
    return {
        n.pk: Line(
            _("Annuaire : votre signalement a reçu une réponse (%s)") % status[n.target_id].lower(),
            reverse("directory:my_reports"),
        )
        for n in notices
        if n.target_id in status
    }
