"""What follows the facts of a circle, in the background."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import SYSTEM, record
from cercle.base.common.jobs import task
from cercle.base.notifications.actions import notify
from cercle.base.notifications.models import Notification
from cercle.base.notifications.rules import Relation
from cercle.base.realtime.push import push
from cercle.people.patients.models import Contact

from . import audience
from .models import BreakGlass, JoinRequest, Member, Opposition

LEADING = {Relation.LEAD}


@task(queue="notify", retry=3)
def member_joined(member_id: str, by: str = "") -> None:
    member = (
        Member.objects.select_related("practice_role__practitioner__user").filter(pk=member_id, ended_at=None).first()
    )
    if member is None:
        return
    people = audience.told(member.circle_id, but=_id(by))
    joined = getattr(member.practice_role.practitioner, "user", None) if member.practice_role_id else member.user
    if joined and joined.pk in people and joined.pk != _id(by):
        people.pop(joined.pk)
        notify("invitation", users={joined.pk: Relation.NAMED}, circle_id=member.circle_id, target=member)
    notify("member_joined", users=people, circle_id=member.circle_id, target=member)


@task(queue="notify", retry=3)
def member_left(member_id: str, by: str = "") -> None:
    if member := Member.objects.filter(pk=member_id).first():
        notify(
            "member_left", users=audience.told(member.circle_id, but=_id(by)), circle_id=member.circle_id, target=member
        )


@task(queue="urgent", retry=3)
def break_glass_opened(opened_id: str) -> None:
    """At once: the lead and the person (rule 5); then every member sees it in the product."""
    opened = BreakGlass.objects.get(pk=opened_id)
    people = audience.told(opened.circle_id, but=opened.user_id)
    notify("break_glass", users=people, circle_id=opened.circle_id, target=opened, urgency="urgent")


@task(queue="notify", retry=3)
def join_asked(request_id: str) -> None:
    row = JoinRequest.objects.filter(pk=request_id, state="waiting").first()
    if row is not None:
        people = {u: r for u, r in audience.told(row.circle_id, but=row.user_id).items() if r & LEADING}
        notify("join_asked", users=people, circle_id=row.circle_id, target=row)


@task(queue="notify", retry=3)
def opposition_changed(opposition_id: str) -> None:
    """The lead and the person are told; notices already sent to whoever is now outside are taken back."""
    row = Opposition.objects.get(pk=opposition_id)
    people = {
        u: r
        for u, r in audience.told(row.circle_id, but=row.recorded_by_id).items()
        if r & (LEADING | {Relation.PERSON})
    }
    notify("opposition", users=people, circle_id=row.circle_id, target=row)
    take_back(row.circle_id)


def take_back(circle_id) -> None:
    """Unread notices about this circle of people who are not in it any more: they must not light a bell."""
    inside = {user.pk for user, __ in audience.people(circle_id)}
    Notification.objects.filter(circle_id=circle_id, read_at=None).exclude(user_id__in=inside).update(
        read_at=timezone.now()
    )


@task(queue="default")
def end_due() -> None:
    """Replacements and delegations end by themselves; the gate has refused them since the minute they were over."""
    for member in Member.objects.filter(ended_at=None, until__lte=timezone.now())[:500]:
        with transaction.atomic():
            changed = Member.objects.filter(pk=member.pk, ended_at=None).update(
                ended_at=member.until, end_reason=_("fin prévue")
            )
            if changed:
                record(SYSTEM, "circles.member_ended", on=member, circle_id=member.circle_id)
                push(f"circle:{member.circle_id}")


@task(queue="default", retry=3)
def team_closed(team_id: str) -> None:
    """A team that no longer exists leaves its circles; the gate already lets nobody in through it once its members ended."""
    for member in Member.objects.filter(team_id=team_id, ended_at=None)[:5000]:
        with transaction.atomic():
            if Member.objects.filter(pk=member.pk, ended_at=None).update(
                ended_at=timezone.now(), end_reason=_("équipe fermée")
            ):
                record(SYSTEM, "circles.member_ended", on=member, circle_id=member.circle_id)
                push(f"circle:{member.circle_id}")


@task(queue="default", retry=3)
def contact_changed(contact_id: str) -> None:
    """A relative whose particulars changed has a new row: her membership goes on with it."""
    contact = Contact.objects.filter(pk=contact_id, replaces__isnull=False).first()
    if contact is not None:
        Member.objects.filter(contact_id=contact.replaces_id, ended_at=None).update(contact=contact)
        push(f"circle:{contact.patient_id}")


def _id(text: str):
    return UUID(text) if text else None
