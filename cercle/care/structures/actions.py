"""What is done to a structure's own information. Who may: `gates.enter_house(request, edit=True)`, or the operator."""

import re
from datetime import date
from typing import BinaryIO

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import ActingLike, record
from cercle.base.common import blobs
from cercle.base.common.errors import Refused
from cercle.care.documents import content
from cercle.people.accounts import actions as accounts
from cercle.people.circles.desks import DAC
from cercle.people.directory import actions as directory
from cercle.people.directory.models import Commune, Organization, StructureLogo, Team

from .models import Partner, StructureDocument, StructureInfo

SPAN = re.compile(r"^(\d{1,2})\s*(?:h|:)?\s*(\d{2})?\s*(?:-|–|à|a)\s*(\d{1,2})\s*(?:h|:)?\s*(\d{2})?$", re.IGNORECASE)
LOGO_TYPES = ("image/png", "image/jpeg")


def read_hours(text: str) -> list[list[str]]:
    """« 9h-12h30, 14h-17h » to [["09:00", "12:30"], ["14:00", "17:00"]], in order and without overlap."""
    spans = []
    for part in re.split(r"[,;/]|\bet\b", text.replace("\u00a0", " ")):
        if not part.strip():
            continue
        found = SPAN.match(part.strip())
        if found is None:
            raise Refused(_("Écrivez les heures ainsi : 9h-12h30, 14h-17h."), "hours")
        h1, m1, h2, m2 = (int(g or 0) for g in found.groups())
        if h1 > 23 or h2 > 24 or m1 > 59 or m2 > 59 or (h1, m1) >= (h2, m2) or (h2 == 24 and m2):
            raise Refused(_("Ces heures ne se suivent pas : %s.") % part.strip(), "hours")
        spans.append([f"{h1:02d}:{m1:02d}", f"{h2:02d}:{m2:02d}"])
    spans.sort()
    if any(a[1] > b[0] for a, b in zip(spans, spans[1:], strict=False)):
        raise Refused(_("Deux plages d’un même jour se chevauchent."), "hours")
    return spans


def describe(
    acting: ActingLike, *, organization: Organization, presentation: str, hours: dict[int, str], hours_note: str = ""
) -> StructureInfo:
    read = {str(day): spans for day in range(7) if (spans := read_hours(hours.get(day, "")))}
    with transaction.atomic():
        row, _made = StructureInfo.objects.update_or_create(
            pk=organization.pk,
            defaults={
                "presentation": presentation.strip(), "hours": read, "hours_note": " ".join(hours_note.split())[:300],
                "changed_at": timezone.now(), "changed_by": acting.actor_name,
            },
        )  # fmt: skip
        record(acting, "structures.changed", on=row, details={"organization": organization.pk})
    return row


def set_logo(acting: ActingLike, *, organization: Organization, file: BinaryIO) -> StructureLogo:
    """PNG or JPEG, rebuilt: what a picture carries besides its points does not reach a PDF."""
    checked = content.check(file)
    if checked.media_type not in LOGO_TYPES:
        raise Refused(_("Le logo doit être une image PNG ou JPEG."), "logo_type")
    blob = blobs.put(checked.stream)
    with transaction.atomic():
        row, _made = StructureLogo.objects.update_or_create(
            pk=organization.pk,
            defaults={"sha256": blob.sha256, "media_type": checked.media_type, "updated_at": timezone.now()},
        )
        record(acting, "directory.logo_changed", on=row)
    return row


def add_partner(
    acting: ActingLike,
    *,
    organization: Organization,
    name: str,
    kind: str,
    subject: str = "",
    contact: str = "",
    from_on: date | None = None,
    until_on: date | None = None,
) -> Partner:
    if from_on and until_on and until_on < from_on:
        raise Refused(_("La fin de la convention précède son début."), "partner_dates")
    with transaction.atomic():
        row = Partner(
            organization=organization, name=" ".join(name.split())[:200], kind=kind, subject=subject.strip()[:300],
            contact=contact.strip()[:200], from_on=from_on, until_on=until_on,
        )  # fmt: skip
        row.save(force_insert=True)
        record(acting, "structures.partner_added", on=row, details={"organization": organization.pk})
    return row


def end_partner(acting: ActingLike, *, partner: Partner) -> None:
    with transaction.atomic():
        if not Partner.objects.filter(pk=partner.pk, ended_at=None).update(ended_at=timezone.now()):
            raise Refused(_("Ce partenariat est déjà terminé."), "partner_ended")
        record(acting, "structures.partner_ended", on=partner)


def add_document(acting: ActingLike, *, organization: Organization, title: str, file: BinaryIO) -> StructureDocument:
    checked = content.check(file)
    blob = blobs.put(checked.stream)
    with transaction.atomic():
        row = StructureDocument(
            organization=organization, title=" ".join(title.split())[:200], sha256=blob.sha256, size=blob.size,
            media_type=checked.media_type, file_name=content.clean_name(getattr(file, "name", "") or "document", checked.media_type),
            added_by_id=acting.user_id, added_by_name=acting.actor_name,
        )  # fmt: skip
        row.save(force_insert=True)
        record(acting, "structures.document_added", on=row, details={"organization": organization.pk})
    return row


def withdraw_document(acting: ActingLike, *, document: StructureDocument) -> None:
    with transaction.atomic():
        if not StructureDocument.objects.filter(pk=document.pk, withdrawn_at=None).update(withdrawn_at=timezone.now()):
            raise Refused(_("Ce document est déjà retiré."), "document_withdrawn")
        record(acting, "structures.document_withdrawn", on=document)


def open_structure(
    acting: ActingLike,
    *,
    name: str,
    finess: str = "",
    category: str = DAC,
    commune: Commune | None = None,
    phone: str = "",
    email: str = "",
    team: str = "",
    admin_email: str,
    admin_first_name: str = "",
    admin_last_name: str = "",
) -> Organization:
    """A structure, its first team, and the invitation of whoever will answer for it: all or nothing.

    A FINESS number that the directory knows is that structure: it is taken as it is.
    """
    with transaction.atomic():
        organization = Organization.objects.filter(finess=finess).first() if finess else None
        if organization is None:
            organization = Organization(
                name=" ".join(name.split())[:200], finess=finess or None, category=category, source="manual", phone=phone,
                email=email, **({
                    "commune_code": commune.code, "city": commune.name, "lat": commune.lat, "lon": commune.lon,
                    "postal_code": (commune.postal_codes or [""])[0],
                } if commune else {}),
            )  # fmt: skip
            if category == DAC:
                organization.category_label = _("Dispositif d’appui à la coordination")
            organization.save(force_insert=True)
        elif organization.closed_on:
            raise Refused(_("Cette structure est fermée dans FINESS."), "structure_closed")
        if team and not Team.objects.open().filter(organization=organization, name=team).exists():
            directory.create_team(acting, organization=organization, name=team)
        accounts.invite(
            acting, email=admin_email, organization=organization, makes_admin=True, first_name=admin_first_name,
            last_name=admin_last_name,
        )  # fmt: skip
        record(acting, "structures.structure_opened", on=organization)
    return organization


def communes_named(text: str) -> list[str]:
    """Codes of the communes written one per line or comma: code, name, « Plomelin (29170) », or a whole department « 29 »."""
    found: list[str] = []
    unknown = []
    for part in re.split(r"[\n,;]", text):
        word = " ".join(part.replace("\u00a0", " ").split())
        if not word:
            continue
        rows = Commune.objects.filter(kind="COM")
        if re.fullmatch(r"\d{2,3}|2[AB]", word.upper()):
            codes = list(rows.filter(department=word.upper()).order_by("code").values_list("code", flat=True))
        elif re.fullmatch(r"\d{5}|2[AB]\d{3}", word.upper()):
            codes = list(rows.filter(code=word.upper()).values_list("code", flat=True)) or [
                c.code for c in Commune.objects.find(word)
            ]
        else:
            named = re.fullmatch(r"(.+?)\s*\((\d{5}|2[AB]\d{3}|\d{2,3}|2[AB])\)", word, re.IGNORECASE)
            name, where = (named[1], named[2].upper()) if named else (word, "")
            near = [c for c in Commune.objects.find(name, 50) if c.kind == "COM"]
            if where:
                near = [c for c in near if where in (c.code, c.department) or where in c.postal_codes]
            exact = [c for c in near if c.key == (near[0].key if near else "")]
            codes = [exact[0].code] if len(exact) == 1 else []
        if codes:
            found += codes
        else:
            unknown.append(word)
    if unknown:
        raise Refused(
            _(
                "Introuvable ou ambigu : %s. Donnez le code de la commune, ou son nom suivi du département : Plomelin (29)."
            )
            % ", ".join(unknown[:8]),
            "commune",
        )
    return list(dict.fromkeys(found))
