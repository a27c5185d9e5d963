"""Letters of the desk, from templates, as accessible PDF. Words come from the request; nothing is retyped."""

from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from cercle.base.common import pdf
from cercle.base.common.errors import Refused
from cercle.base.web import french
from cercle.people.circles.desks import Desk

from .models import OrientationRequest, Solicitation

MODELS = {
    "accuse": _l("Accusé de réception"),
    "reponse": _l("Réponse au demandeur"),
    "orientation": _l("Orientation vers une ressource"),
}
TEMPLATE = Path(__file__).parent / "pdf" / "letter.typ"


def render(row: OrientationRequest, desk: Desk, model: str, asked: Solicitation | None = None) -> bytes:
    """`asked`: the resource that a letter of orientation is for; without one, the letter names them all.

    Raises Refused for an answer that has not been written yet.
    """
    numbered = _("votre demande n° %(n)s") % {"n": row.number}
    received = french.day(row.received_at)
    to = ", ".join(x for x in (row.asker_name, row.asker_detail) if x)
    if model == "accuse":
        lines = [
            _("Nous avons bien reçu %(what)s le %(day)s.") % {"what": numbered, "day": received},
            _("Une réponse vous sera donnée avant le %(day)s.") % {"day": french.day(row.due_at)},
        ]
    elif model == "reponse":
        words = row.answer_text or row.outcome_text
        if not words:
            raise Refused(_("Écrivez d’abord la réponse : « Répondre » dans la demande."), "unanswered")
        lines = [_("Voici notre réponse à %(what)s, reçue le %(day)s.") % {"what": numbered, "day": received}, words]
    else:
        to = asked.resource_name if asked else ""
        who = _("une personne qui souhaite rester anonyme") if row.is_anonymous else row.title
        lines = [_("Nous vous adressons une demande d’appui pour %(who)s.") % {"who": who}, row.reason_text]
        if asked:
            lines.append(_("Ce que nous vous demandons : %(what)s.") % {"what": asked.what})
        else:
            lines += [f"{s.what} : {s.resource_name}" for s in row.solicitations.order_by("asked_at", "id")]
    place = desk.organization
    return pdf.render(str(TEMPLATE), {
        "title": str(MODELS[model]), "structure": place.display_name, "address": place.address,
        "city": f"{place.postal_code} {place.city}".strip(), "phone": french.phone(place.phone or ""), "to": to,
        "day": french.day(timezone.now()), "greeting": _("Madame, Monsieur,"), "lines": [line for line in lines if line],
        "closing": _("Nous restons à votre disposition."), "signed": desk.actor_name, "role": desk.actor_role,
    })  # fmt: skip
