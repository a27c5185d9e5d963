"""Letters of the desk, from templates, as accessible PDF. Words come from the request; nothing is retyped."""

from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from cercle.base.common import pdf
from cercle.base.web import french

MODELS = {
    "accuse": _l("Accusé de réception"),
    "reponse": _l("Réponse au demandeur"),
    "orientation": _l("Orientation vers une ressource"),
}
TEMPLATE = Path(__file__).parent / "pdf" / "letter.typ"


def render(row, desk, model: str) -> bytes:
    who = _("votre demande n° %(n)s") % {"n": row.number}
    received = french.day(row.received_at)
    lines = {
        "accuse": [
            _("Nous avons bien reçu %(what)s le %(day)s.") % {"what": who, "day": received},
            _("Une réponse vous sera donnée avant le %(day)s.") % {"day": french.day(row.due_at)},
        ],
        "reponse": [
            _("Voici notre réponse à %(what)s, reçue le %(day)s.") % {"what": who, "day": received},
            row.answer_text or row.outcome_text or _("(réponse à compléter)"),
        ],
        "orientation": [
            _("Nous vous adressons une demande d’appui pour %(who)s.") % {"who": row.title},
            row.reason_text,
            *(f"{s.what} : {s.resource_name}" for s in row.solicitations.all()),
        ],
    }[model]
    return pdf.render(str(TEMPLATE), {
        "title": str(MODELS[model]), "structure": desk.organization.display_name, "address": desk.organization.address,
        "city": f"{desk.organization.postal_code} {desk.organization.city}".strip(), "phone": french.phone(desk.organization.phone or ""),
        "to": ", ".join(x for x in (row.asker_name, row.asker_detail) if x) if model != "orientation" else "",
        "day": french.day(timezone.now()), "greeting": _("Madame, Monsieur,"), "lines": lines, "closing": _("Nous restons à votre disposition."),
        "signed": desk.actor_name, "role": desk.actor_role,
    })  # fmt: skip
