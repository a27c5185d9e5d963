"""Hospital moves in the lane above the hours: entries, announced and actual ends, of the viewer's circles."""

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from cercle.base.common.prepared import prepared
from cercle.base.web import french
from cercle.care.stays.models import EXISTENCE, Stay
from cercle.people.circles.access import Viewer
from cercle.people.patients.names import title

from . import sight
from .deadlines import Deadline

FOUND = f"""
SELECT s.id FROM ({sight.MINE}) m JOIN stays_stay s ON s.circle_id = m.circle_id
WHERE s.cancelled_at IS NULL AND (s.started_at >= %(begin)s AND s.started_at < %(end)s
  OR s.ended_at >= %(begin)s AND s.ended_at < %(end)s
  OR s.ended_at IS NULL AND s.expected_end >= %(begin)s AND s.expected_end < %(end)s) LIMIT 60
"""


def moves(viewer: Viewer, begin: datetime, end: datetime) -> list[Deadline]:
    with prepared() as cursor:
        cursor.execute(FOUND, {"role": viewer.practice_role_id, "user": viewer.user_id, "begin": begin, "end": end})
        ids = [row[0] for row in cursor.fetchall()]
    if not ids:
        return []
    stays = list(Stay.objects.filter(pk__in=ids))
    known = sight.of(viewer, [s.circle_id for s in stays])
    found = []
    for stay in stays:
        seen = known.get(stay.circle_id)
        if (
            seen is None
            or seen.refused
            or seen.member is None
            or EXISTENCE not in seen.readable
            or stay.pk in seen.targets
        ):
            continue
        identity = seen.identity
        who = f"{identity.given[:1].upper()}. {title(identity.family)}" if identity.given else title(identity.family)
        url = reverse("stays:show", args=[stay.circle_id, stay.pk])
        if begin <= stay.started_at < end:
            found.append(Deadline(stay.started_at, _("Entrée, %(who)s") % {"who": who}, "hospital", "stay", url))
        if stay.ended_at:
            if begin <= stay.ended_at < end:
                found.append(Deadline(stay.ended_at, _("Sortie, %(who)s") % {"who": who}, "log-out", "stay", url))
        elif stay.expected_end and begin <= stay.expected_end < end:
            text = _("Sortie, %(who)s") % {"who": who}
            if stay.expected_has_time:
                text += f", {french.hour(stay.expected_end)}"
            found.append(Deadline(stay.expected_end, text, "log-out", "stay", url))
    return found
