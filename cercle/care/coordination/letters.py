"""« Votre référent change »: one letter a page, for the people of a handover who have no account."""

from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.common import pdf
from cercle.base.web import french
from cercle.people.circles.desks import Desk
from cercle.people.patients.models import Coordinates

from .models import Handover, HandoverLine

TEMPLATE = Path(__file__).parent / "pdf" / "referent.typ"


def render(desk: Desk, handover: Handover, lines: list[HandoverLine]) -> bytes:
    house = handover.organization
    homes = {
        c.patient_id: c for c in Coordinates.objects.current().filter(patient__in=[x.file.patient_id for x in lines])
    }
    return pdf.render(str(TEMPLATE), {
        "title": _("Votre référent change"), "structure": house.display_name, "address": house.address,
        "city": f"{house.postal_code} {house.city}".strip(), "phone": french.phone(house.phone or ""),
        "day": french.day(timezone.now()), "greeting": _("Madame, Monsieur,"), "lines": _words(handover),
        "closing": _("Nous restons à votre disposition."), "signed": desk.actor_name, "role": desk.actor_role,
        "confidential": house.display_name, "letters": [_to(x, homes.get(x.file.patient_id)) for x in lines],
    })  # fmt: skip


def _to(line: HandoverLine, home: Coordinates | None) -> list[str]:
    lines = [line.file.patient.identity.full_name]
    if home is not None:
        lines += [home.address, home.address_extra, f"{home.postal_code} {home.commune_label}".strip()]
    return [text for text in lines if text]


def _words(handover: Handover) -> list[str]:
    words = {"a": handover.from_role.practitioner.display_name, "b": handover.to_role.practitioner.display_name}
    if handover.until:
        words["day"] = french.day(handover.until)
        first = _(
            "%(a)s, qui coordonne votre appui, s’absente jusqu’au %(day)s. Pendant ce temps, %(b)s répond à sa place."
        )
        last = _("Après cette date, %(a)s sera de nouveau là pour vous.")
    else:
        first = _("%(a)s, qui coordonnait votre appui, quitte notre service. %(b)s prend sa suite.")
        last = _("Rien d’autre ne change dans votre appui.")
    said = [first % words, last % words]
    if phone := french.phone(handover.organization.phone or ""):
        said.append(_("Pour joindre %(b)s : %(phone)s.") % (words | {"phone": phone}))
    return [*said, _("Vous pouvez vous y opposer à tout moment : dites-le nous, quelqu’un d’autre vous accompagnera.")]
