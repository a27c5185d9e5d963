"""What follows: the asker's link by e-mail (nothing personal in it), reminders before a deadline, escalation after it."""

from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import SYSTEM
from cercle.base.common.jobs import task
from cercle.base.notifications.actions import notify
from cercle.base.notifications.rules import Relation
from cercle.people.accounts import links
from cercle.people.accounts.models import OneTimeLink, StructureAdmin, User

from .models import OrientationRequest, Step
from .vocabulary import Verb

PURPOSE = "orientation_status"
LASTS = timedelta(days=30)
SOON = timedelta(hours=3)


@task(queue="mail", retry=6)
def send_status_link(request_id: str) -> None:
    row = OrientationRequest.objects.filter(pk=request_id).exclude(asker_email="").exclude(code_hash="").first()
    if row is None:
        return
    _link, token, _code = links.make(PURPOSE, row.pk, lasts=LASTS)
    address = settings.BASE_URL.rstrip("/") + reverse("orientation:follow_link", args=[token])
    body = [
        _("Bonjour,"),
        _(
            "Votre demande a avancé. Pour lire où elle en est, ouvrez cette adresse et donnez le code de votre accusé de réception :"
        ),
        address,
        _("Ce message ne contient aucune donnée de santé. Ne répondez pas à cette adresse."),
    ]
    EmailMessage(
        _("Cercle : votre demande"),
        "\n\n".join(body) + "\n",
        to=[row.asker_email],
        headers={"Auto-Submitted": "auto-generated"},
    ).send()


def count_wrong_code(link: OneTimeLink) -> None:
    OneTimeLink.objects.filter(pk=link.pk).update(attempts=F("attempts") + 1)


@task
def watch_deadlines() -> None:
    """Every quarter of an hour: a reminder before the deadline, an escalation after it; each once, each a step."""
    now = timezone.now()
    rows = OrientationRequest.objects.open().filter(due_at__lte=now + SOON).order_by("due_at")[:500]
    for row in rows:
        verb = Verb.ESCALATED if row.due_at <= now else Verb.REMINDED
        with transaction.atomic():
            row = (
                OrientationRequest.objects.select_for_update(of=("self",), skip_locked=True)
                .filter(pk=row.pk)
                .open()
                .first()
            )
            if row is None or Step.objects.filter(request=row, kind=verb, data__due=row.due_at.isoformat()).exists():
                continue
            Step.objects.create(
                request=row, kind=verb, from_state=row.state, to_state=row.state, at=now, author_name=SYSTEM.actor_name,
                data={"due": row.due_at.isoformat()},
            )  # fmt: skip
            users = dict.fromkeys(_whom(row, verb), Relation.NAMED)
            if users:
                urgency = "urgent" if verb == Verb.ESCALATED and row.urgency else "normal"
                notify(
                    "desk_deadline", users=users, target=row, urgency=urgency, once=f"{verb}:{row.due_at.isoformat()}"
                )


def _whom(row: OrientationRequest, verb: str) -> set:
    """Whoever holds it, or her cover; unassigned: the team. Late: those who run the structure too."""
    from . import actions

    roles = []
    if row.assigned_role_id:
        roles = [actions.cover_of(row.assigned_role)]
    elif row.team_id:
        roles = list(actions.coordinators(row.organization, row.team))
    users = set(
        User.objects.filter(is_active=True, practitioner__in=[r.practitioner_id for r in roles]).values_list(
            "pk", flat=True
        )
    )
    if verb == Verb.ESCALATED or not users:
        admins = StructureAdmin.objects.open().filter(organization_id=row.organization_id, user__is_active=True)
        users |= set(admins.values_list("user_id", flat=True))
    return users
