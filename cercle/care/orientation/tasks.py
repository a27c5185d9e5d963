"""What follows: the asker is told (nothing personal in an e-mail), a reminder before a deadline, an escalation after it."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import SYSTEM
from cercle.base.common.jobs import task
from cercle.base.notifications.actions import notify
from cercle.base.notifications.rules import Relation
from cercle.base.web.limits import DAY, spend
from cercle.people.accounts import links
from cercle.people.accounts.models import StructureAdmin, User

from . import allocation
from .models import OrientationRequest, Step
from .vocabulary import Verb

PURPOSE = "orientation_status"
LASTS = timedelta(days=30)
SOON = timedelta(hours=3)
RECEIPTS = 5  # e-mails a day to one address


@task(queue="mail", retry=6)
def send_status_link(request_id: str, news: str = "answered") -> None:
    """A one-time link to the status page. It opens with the code of the receipt only, and the message says nothing else."""
    row = OrientationRequest.objects.filter(pk=request_id).exclude(asker_email="").exclude(code_hash="").first()
    if row is None:
        return
    # Anyone can write anyone's address in a public form: a few receipts a day, then silence.
    if news == "received" and spend("public-receipt", row.asker_email.lower(), limit=RECEIPTS, seconds=DAY):
        return
    _link, token, _code = links.make(PURPOSE, row.pk, lasts=LASTS)
    address = settings.BASE_URL.rstrip("/") + reverse("orientation:follow_link", args=[token])
    first = {
        "received": _("Votre demande est bien arrivée. Pour suivre où elle en est, ouvrez cette adresse et donnez le code de votre accusé de réception :"),
        "answered": _("Votre demande a avancé. Pour lire où elle en est, ouvrez cette adresse et donnez le code de votre accusé de réception :"),
    }[news]  # fmt: skip
    body = [
        _("Bonjour,"), first, address,
        _("Ce message ne contient aucune donnée de santé. Ne répondez pas à cette adresse."),
    ]  # fmt: skip
    EmailMessage(
        _("Cercle : votre demande"),
        "\n\n".join(body) + "\n",
        to=[row.asker_email],
        headers={"Auto-Submitted": "auto-generated"},
    ).send()


@task(queue="mail", retry=6)
def tell_the_circle_asker(request_id: str) -> None:
    """Whoever asked from a circle reads the answer there."""
    row = OrientationRequest.objects.filter(pk=request_id).exclude(asker_user=None).exclude(patient=None).first()
    if row is not None:
        notify("desk_answer", users={row.asker_user_id: Relation.NAMED}, target=row, once=f"answer:{row.version}")


@task
def watch_deadlines() -> None:
    """Every quarter of an hour: a reminder before the deadline, an escalation after it; each once, each a step."""
    now = timezone.now()
    escalated = Step.objects.filter(request=OuterRef("pk"), kind=Verb.ESCALATED, at__gte=OuterRef("due_at"))
    reminded = Step.objects.filter(request=OuterRef("pk"), kind=Verb.REMINDED, at__gte=OuterRef("due_at") - SOON)
    rows = OrientationRequest.objects.open()
    late = rows.filter(due_at__lte=now).exclude(Exists(escalated))
    soon = rows.filter(due_at__gt=now, due_at__lte=now + SOON).exclude(Exists(reminded))
    for verb, due in ((Verb.ESCALATED, late), (Verb.REMINDED, soon)):
        for pk in due.order_by("due_at").values_list("pk", flat=True)[:500]:
            with transaction.atomic():
                row = (
                    due.filter(pk=pk).select_for_update(of=("self",), skip_locked=True)
                    .select_related("organization", "team", "assigned_role__practitioner").first()
                )  # fmt: skip
                if row is not None:
                    _tell(row, verb, now)


def _tell(row: OrientationRequest, verb: Verb, now: datetime) -> None:
    Step.objects.create(
        request=row, kind=verb, from_state=row.state, to_state=row.state, at=now, author_name=SYSTEM.actor_name,
        data={"due": row.due_at.isoformat()},
    )  # fmt: skip
    if users := dict.fromkeys(_whom(row, verb), Relation.NAMED):
        urgency = "urgent" if verb == Verb.ESCALATED and row.urgency else "normal"
        notify("desk_deadline", users=users, target=row, urgency=urgency, once=f"{verb}:{row.due_at.isoformat()}")


def _whom(row: OrientationRequest, verb: Verb) -> set:
    """Whoever holds it, or her cover; unassigned: the team. Late: those who run the structure too."""
    if row.assigned_role_id:
        roles = [allocation.cover_of(row.assigned_role)]
    else:
        roles = list(allocation.coordinators(row.organization, allocation.team_of(row)))
    people = [r.practitioner_id for r in roles]
    users = set(User.objects.filter(is_active=True, practitioner__in=people).values_list("pk", flat=True))
    if verb == Verb.ESCALATED or not users:
        admins = StructureAdmin.objects.open().filter(organization_id=row.organization_id, user__is_active=True)
        users |= set(admins.values_list("user_id", flat=True))
    return users
