"""« Yvonne LE GALL : entrée au CH de Quimper »: for whoever may know of stays."""

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from cercle.base.notifications.renderers import Line
from cercle.people.circles.notices import may_see

from . import words
from .models import EXISTENCE, Stay


def lines(user, notices) -> dict[UUID, Line]:
    seen = may_see(user, [n.circle_id for n in notices])
    stays = {s.pk: s for s in Stay.objects.filter(pk__in=[n.target_id for n in notices]).select_related("organization")}
    said = {
        "admitted": _("%(patient)s : entrée %(where)s"),
        "discharge_announced": _("%(patient)s : sortie annoncée, %(where)s"),
        "discharged": _("%(patient)s : sortie %(where)s"),
        "reopened": _("%(patient)s : sortie annulée, toujours %(where)s"),
        "cancelled": _("%(patient)s : l’annonce est retirée, %(where)s"),
        # With tact: whoever opens it reads the rest on the person's page.
        "death": _("%(patient)s : une nouvelle grave, %(where)s"),
    }
    found = {}
    for n in notices:
        acting, stay = seen.get(n.circle_id), stays.get(n.target_id)
        if acting is None or stay is None or EXISTENCE not in acting.readable:
            continue
        what = n.params.get("what", "admitted")
        if stay.cancelled_at:
            what = "cancelled"
        elif what == "discharged" and stay.end_kind == Stay.End.DEATH:
            what = "death"
        where = words.of_place(stay.label) if what == "discharged" else words.at_place(stay.label)
        text = said.get(what, said["admitted"]) % {"patient": acting.patient.identity.full_name, "where": where}
        found[n.pk] = Line(text, reverse("stays:show", args=[n.circle_id, stay.pk]))
    return found
