"""The e-mail channel: says that something waits, never what, nor about whom."""

import logging
import smtplib
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import models, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .models import Delivery, Notification, Urgency
from .renderers import render
from .rules import LABELS, URGENT_NOTE

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 6
STUCK = timedelta(minutes=10)  # a process died between taking and sending


def send_due(limit: int = 200) -> int:
    """Send the messages whose time has come, up to `limit`. Returns how many went out. Several processes may run it."""
    sent = 0
    for _round in range(limit):
        delivery = _take()
        if delivery is None:
            break
        sent += _send(delivery)
    return sent


def _take() -> Delivery | None:
    """One message, marked as in hand before it leaves: a crash may repeat a message, never lose one."""
    now, S = timezone.now(), Delivery.Status
    with transaction.atomic():
        due = models.Q(status__in=[S.WAITING, S.RETRY], due_at__lte=now) | models.Q(
            status=S.SENDING, taken_at__lt=now - STUCK
        )
        delivery = Delivery.objects.select_for_update(skip_locked=True).filter(due).order_by("due_at").first()
        if delivery:
            delivery.status, delivery.taken_at, delivery.attempts = S.SENDING, now, delivery.attempts + 1
            delivery.save(update_fields=["status", "taken_at", "attempts"])
    return delivery


def _send(delivery: Delivery) -> bool:
    user, S = delivery.user, Delivery.Status
    # What was read or lost from sight meanwhile is not worth a message.
    notices = [n for n, _line in render(user, delivery.notifications.filter(read_at__isnull=True).order_by("id"))]
    address = getattr(user, user.get_email_field_name(), "")
    if not notices or not user.is_active or not address:
        delivery.status = S.CANCELLED
        delivery.save(update_fields=["status"])
        return False
    try:
        with translation.override(getattr(user, "language", None) or settings.LANGUAGE_CODE):
            message(address, notices).send()
    except Exception as error:
        delivery.last_error = _nameless(error)
        gives_up = delivery.attempts >= MOST_ATTEMPTS
        delivery.status = S.FAILED if gives_up else S.RETRY
        delivery.due_at = timezone.now() + timedelta(minutes=2**delivery.attempts)
        delivery.save(update_fields=["status", "last_error", "due_at"])
        log.warning("notifications: message %s not sent (%s)", delivery.pk, delivery.last_error)
        return False
    delivery.status, delivery.sent_at, delivery.last_error = S.SENT, timezone.now(), ""
    delivery.save(update_fields=["status", "sent_at", "last_error"])
    return True


def message(address: str, notices: list[Notification]) -> EmailMessage:
    """In the language that is active."""
    urgent = sum(n.urgency == Urgency.URGENT for n in notices)
    if len(notices) == 1:
        sentence = str(URGENT_NOTE) if urgent and notices[0].kind == "note" else str(LABELS[notices[0].kind][1])
        subject = _("Cercle : message urgent") if urgent else _("Cercle : du nouveau vous attend")
    else:
        sentence = _("Vous avez %d nouveautés dans Cercle.") % len(notices)
        if urgent:
            sentence += " " + ngettext("Une est urgente.", "%(n)d sont urgentes.", urgent) % {"n": urgent}
        subject = (
            _("Cercle : messages urgents") if urgent else _("Cercle : %d nouveautés vous attendent") % len(notices)
        )
    body = "\n\n".join(
        [
            str(sentence),
            _("Ouvrir : %s") % f"{settings.BASE_URL.rstrip('/')}/notifications/",
            _("Ce message ne contient aucune donnée de santé. Ne répondez pas à cette adresse."),
        ]
    )
    return EmailMessage(str(subject), body + "\n", to=[address], headers={"Auto-Submitted": "auto-generated"})


def _nameless(error: Exception) -> str:
    """The class of the error and its code: what a mail server answers may carry the address."""
    code = (
        getattr(error, "smtp_code", "")
        if isinstance(error, smtplib.SMTPResponseException)
        else getattr(error, "errno", "")
    )
    return f"{type(error).__name__} {code or ''}".strip()
