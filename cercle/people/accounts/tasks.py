"""Messages about accounts, sent by jobs. They carry a link or a plain sentence, never a patient's data."""

from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from cercle.base.common.jobs import task

from . import lockout
from .models import Invitation, Kind, OneTimeLink, RecoveryRequest, StructureAdmin, User

MAIL = {"queue": "mail", "retry": 6}


@task(**MAIL)
def send_invitation(invitation_id: str) -> None:
    from .actions import invitation_link

    invitation = Invitation.objects.select_related("organization").filter(pk=invitation_id).first()
    if invitation is None or not invitation.is_pending:
        return
    token = invitation_link(invitation)
    _send("invitation", invitation.email, link=absolute("accounts:activation", token), invitation=invitation)


@task(**MAIL)
def send_password_link(user_id: str | None) -> None:
    """`user_id` is None when nobody has that address: the job exists so that both cases look the same."""
    from . import links
    from .actions import LASTS, PASSWORD

    user = User.objects.filter(pk=user_id, is_active=True).first() if user_id else None
    if user is None:
        return
    _row, token, _code = links.make(PASSWORD, user.pk, lasts=LASTS[PASSWORD])
    _send("password", user.email, language=user.language, link=absolute("accounts:choose_password", token))


@task(**MAIL)
def send_second_factor_link(request_id: str) -> None:
    from . import links
    from .actions import LASTS, SECOND_FACTOR

    request = RecoveryRequest.objects.select_related("user").get(pk=request_id)
    if request.status != RecoveryRequest.Status.CONFIRMED:
        return
    _row, token, _code = links.make(
        SECOND_FACTOR, request.pk, lasts=LASTS[SECOND_FACTOR], created_by=request.decided_by
    )
    _send(
        "second_factor", request.user.email, language=request.user.language,
        link=absolute("accounts:recover", token),
    )  # fmt: skip


@task(**MAIL)
def tell_recovery_asked(request_id: str) -> None:
    """To those who may confirm it: administrators of the person's structures, else the operators."""
    request = RecoveryRequest.objects.select_related("user").get(pk=request_id)
    admins: list[User] = []
    if request.user.practitioner is not None:
        places = request.user.practitioner.roles.open().values("organization")
        rows = StructureAdmin.objects.open().filter(user__is_active=True, organization__in=places)
        admins = [row.user for row in rows.exclude(user=request.user).select_related("user")]
    for user in admins or User.objects.filter(kind=Kind.OPERATOR, is_active=True):
        _send("recovery_asked", user.email, language=user.language, link=absolute("accounts:structures"))


@task(**MAIL)
def tell(user_id: str, what: str) -> None:
    """Something happened to her account that she should know of, in case it was not her."""
    user = User.objects.filter(pk=user_id).first()
    if user is not None:
        _send("notice", user.email, language=user.language, what=what, link=absolute("accounts:security"))


@task
def purge() -> None:
    """Each night: sessions that ended, counts of failures that no longer matter, links dead for a month."""
    from allauth.usersessions.models import UserSession

    now = timezone.now()
    Session.objects.filter(expire_date__lt=now).delete()
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()
    lockout.purge()
    OneTimeLink.objects.filter(expires_at__lt=now - timedelta(days=30)).delete()


def absolute(name: str, *args) -> str:
    return settings.BASE_URL.rstrip("/") + reverse(name, args=args)


def _send(message: str, to: str, *, language: str = "fr", **context) -> None:
    with translation.override(language):
        text = render_to_string(f"accounts/mail/{message}.txt", {"site": settings.SITE_NAME, **context})
    subject, _, body = text.strip().partition("\n")
    EmailMessage(subject.strip(), body.strip() + "\n", to=[to]).send()
