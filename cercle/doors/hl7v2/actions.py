"""The operator's verbs: who may send, and what becomes of a message that stopped."""

from dataclasses import replace

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from cercle.base.audit.record import SYSTEM, ActingLike, Kind, record
from cercle.base.common.errors import Refused
from cercle.people.accounts.models import ApiClient
from cercle.people.directory.models import Organization

from .models import Message, Sender

MACHINE = replace(SYSTEM, source="hl7v2")
CHANGEABLE = ("processing", "is_active", "international", "qualifies", "joins_circles", "certificate")


def declare_sender(
    acting: ActingLike, *, application: str, facility: str, organization: Organization | None = None, **settings
) -> Sender:
    """`organization`: the establishment it speaks for; without one, a technical structure of that name."""
    application, facility = application.strip()[:180], facility.strip()[:180]
    if not (application or facility):
        raise Refused(_("Indiquez l’application (MSH-3) et l’établissement (MSH-4)."), "sender_unnamed")
    if unknown := set(settings) - set(CHANGEABLE):
        raise TypeError(f"unknown settings: {sorted(unknown)}")
    try:
        with transaction.atomic():
            if organization is None:
                organization, _new = Organization.objects.get_or_create(
                    source="system", source_key=f"hl7|{facility or application}"[:60],
                    defaults={"name": (facility or application)[:200]},
                )  # fmt: skip
            name = (
                f"{application or facility} ({facility})"[:120] if facility and facility != application else application
            )
            client, _new = ApiClient.objects.get_or_create(organization=organization, name=name[:120])
            sender = Sender(application=application, facility=facility, client=client, **settings)
            sender.save(force_insert=True)
            record(acting, "hl7v2.sender_declared", on=sender, kind=Kind.CREATE)
    except IntegrityError as error:
        raise Refused(_("Cet expéditeur est déjà déclaré."), "sender_exists") from error
    return sender


def change_sender(acting: ActingLike, *, sender: Sender, **settings) -> Sender:
    if unknown := set(settings) - set(CHANGEABLE):
        raise TypeError(f"unknown settings: {sorted(unknown)}")
    with transaction.atomic():
        sender = Sender.objects.select_for_update(of=("self",)).select_related("client").get(pk=sender.pk)
        changed = sorted(name for name, value in settings.items() if getattr(sender, name) != value)
        for name in changed:
            setattr(sender, name, settings[name])
        if changed:
            sender.save(update_fields=changed)
            record(acting, "hl7v2.sender_changed", on=sender, kind=Kind.UPDATE, details={"changed": changed})
    return sender


def replay(acting: ActingLike, *, message: Message) -> Message:
    """Once more, as it came, under today's settings. Refuses what is already taken in: it would be told twice."""
    from . import receive

    if message.state in (Message.State.APPLIED, Message.State.WARNED):
        raise Refused(_("Ce message est déjà pris en compte."), "applied")
    with transaction.atomic():
        message = receive.replay(message)
        record(acting, "hl7v2.message_replayed", on=message, kind=Kind.UPDATE, details={"code": message.code})
    return message


def set_aside(acting: ActingLike, *, message: Message, reason: str) -> Message:
    """« Seen, nothing to do »: it leaves the list of what waits; nothing of it is erased."""
    if not reason.strip():
        raise Refused(_("Indiquez le motif."), "reason_missing")
    with transaction.atomic():
        if Message.objects.filter(pk=message.pk).exclude(state=Message.State.APPLIED).update(state=Message.State.ASIDE):
            record(acting, "hl7v2.message_set_aside", on=message, kind=Kind.UPDATE, reason=reason.strip()[:500])
    message.refresh_from_db()
    return message
