"""« Nolwenn Le Bris coordonne désormais l’appui d’Yvonne LE GALL »; « Maëlle Riou vous confie 12 dossiers »: made when shown."""

from uuid import UUID

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cercle.base.notifications.renderers import Line
from cercle.base.web import french
from cercle.people.circles.notices import may_see

from .models import CoordinationFile, Handover


def lines(user, notices) -> dict[UUID, Line]:
    many = [n for n in notices if n.circle_id is None]
    return _of_files(user, [n for n in notices if n.circle_id]) | (_of_handovers(user, many) if many else {})


def _of_files(user, notices) -> dict[UUID, Line]:
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


def _of_handovers(user, notices) -> dict[UUID, Line]:
    """For the two colleagues only: no name of a person, the page asks its own gate."""
    rows = (
        Handover.objects.filter(pk__in=[n.target_id for n in notices])
        .filter(Q(from_role__practitioner__user=user) | Q(to_role__practitioner__user=user))
        .select_related("from_role__practitioner", "to_role__practitioner")
        .annotate(passed=Count("lines", filter=Q(lines__kept="")))
    )
    known = {row.pk: row for row in rows}
    found = {}
    for notice in notices:
        if (row := known.get(notice.target_id)) is None:
            continue
        words = {
            "n": row.passed,
            "a": row.from_role.practitioner.display_name,
            "b": row.to_role.practitioner.display_name,
        }
        if notice.once == "back":
            text = _("Fin du remplacement : %(b)s a rendu ses dossiers à %(a)s") % words
        else:
            text = ngettext("%(a)s vous confie %(n)d dossier", "%(a)s vous confie %(n)d dossiers", row.passed) % words
            if row.until:
                text = _("%(said)s, jusqu’au %(day)s") % {"said": text, "day": french.day(row.until)}
        found[notice.pk] = Line(text, reverse("coordination:handover", args=[row.pk]))
    return found
