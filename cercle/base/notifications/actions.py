"""Telling people, and what people choose about being told."""

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import ActingLike, record
from cercle.base.common.errors import Refused
from cercle.base.common.ids import uuid7
from cercle.base.realtime.push import push

from . import rules
from .models import Channel, Choice, Delivery, Mute, Notification, NotificationPreference, Schedule, Urgency
from .rules import Relation, Way

NO_SOONER = timedelta(minutes=5)  # between two ordinary messages to one person


def notify(
    kind: str,
    *,
    users: Mapping[UUID, Relation | Iterable[Relation]],
    circle_id: UUID | None = None,
    target: models.Model | tuple[str, UUID] | None = None,
    urgency: str = Urgency.NORMAL,
    hidden: int = 0,
    params: dict | None = None,
    group: str = "",
    once: str = "",
    now: datetime | None = None,
) -> list[Notification]:
    """Tell these people, each by the way that the rule table and their own settings give. Returns the notices made.

    `users`: id of the user: what they are to the event, one or several. The caller leaves out the author and whoever
    may not see the thing; it is asked again when the notice is shown. `hidden`: the thing's mask. `params`: codes and
    ids only. Telling twice about one `target` (with one `once`) tells once. To call from a job, not in the write.
    """
    now = now or timezone.now()
    relations = {u: {r} if isinstance(r, Relation) else set(r) for u, r in users.items()}
    target_type, target_id = "", None
    if isinstance(target, models.Model):
        target_type, target_id = target._meta.label_lower, target.pk
    elif target:
        target_type, target_id = target
    choices = dict(
        NotificationPreference.objects.filter(user__in=relations, kind=kind, channel=Channel.EMAIL).values_list(
            "user_id", "choice"
        )
    )
    muted = set(_muted(relations, circle_id, now)) if circle_id else set()
    ways = {
        user_id: rules.decide(kind, found, urgency, choice=choices.get(user_id), muted=user_id in muted)
        for user_id, found in relations.items()
    }
    with transaction.atomic():
        drafts = [
            Notification(
                id=uuid7(),
                user_id=user_id,
                kind=kind,
                circle_id=circle_id,
                target_type=target_type,
                target_id=target_id,
                urgency=urgency,
                hidden=hidden,
                params=params or {},
                group=group,
                once=once,
                created_at=now,
            )
            for user_id, way in ways.items()
            if way > Way.NONE
        ]
        Notification.objects.bulk_create(drafts, ignore_conflicts=True)
        kept = set(Notification.objects.filter(pk__in=[n.pk for n in drafts]).values_list("pk", flat=True))
        made = [n for n in drafts if n.pk in kept]
        outside = [n for n in made if ways[n.user_id] >= Way.DIGEST]
        schedules = {s.user_id: s for s in Schedule.objects.filter(user__in=[n.user_id for n in outside])}
        for notice in outside:
            schedule = schedules.get(notice.user_id) or Schedule(user_id=notice.user_id)
            _enqueue(notice, ways[notice.user_id], schedule, now)
        if made:
            push(*(f"user:{n.user_id}" for n in made))
        if any(ways[n.user_id] == Way.NOW for n in outside):
            from .tasks import send_due

            send_due.defer(_once="notifications.send_due")
    return made


def _muted(users, circle_id: UUID, now: datetime):
    mutes = Mute.objects.filter(user__in=users, circle_id=circle_id)
    return mutes.filter(models.Q(until__isnull=True) | models.Q(until__gt=now)).values_list("user_id", flat=True)


def _enqueue(notice: Notification, way: Way, schedule: Schedule, now: datetime) -> None:
    zone = ZoneInfo(schedule.zone)
    if way == Way.DIGEST:
        mode, due = Delivery.Mode.DIGEST, rules.next_digest(now, schedule.digest_hour, zone)
    elif notice.urgency == Urgency.URGENT or notice.kind in rules.LOCKED_KINDS:
        mode, due = Delivery.Mode.URGENT, now
    else:
        mode, due = Delivery.Mode.NOW, rules.quiet_until(now, schedule.quiet_from, schedule.quiet_to, zone) or now
        last = (
            Delivery.objects.filter(user_id=notice.user_id, mode=mode, sent_at__gt=now - NO_SOONER)
            .order_by("-sent_at")
            .first()
        )
        if last:
            due = max(due, last.sent_at + NO_SOONER)
    waiting = {"user_id": notice.user_id, "channel": Channel.EMAIL, "mode": mode, "status": Delivery.Status.WAITING}
    # Held until commit, so that the sender takes the message with this notice in it, or leaves it for a next one.
    delivery = Delivery.objects.select_for_update().filter(**waiting).first()
    if delivery is None:
        Delivery.objects.bulk_create([Delivery(**waiting, due_at=due, created_at=now)], ignore_conflicts=True)
        delivery = Delivery.objects.select_for_update().get(**waiting)
    delivery.notifications.add(notice)


# --- The person's side -----------------------------------------------------------------------------------------------
def mark_read(user_id: UUID, *, ids: Iterable[UUID] | None = None, targets: Iterable[UUID] | None = None) -> int:
    """Unread notices of this person, all or these, or those about these things (seen on their own page)."""
    found = Notification.objects.of(user_id).unread()
    if ids is not None:
        found = found.filter(pk__in=list(ids))
    if targets is not None:
        found = found.filter(target_id__in=list(targets))
    with transaction.atomic():
        if done := found.update(read_at=timezone.now()):
            push(f"user:{user_id}")
    return done


def choose(acting: ActingLike, *, kind: str, choice: str | None, channel: str = Channel.EMAIL) -> None:
    """Set one's choice for a kind of event; None gives the rule table its say again."""
    if kind not in rules.RULES or (choice is not None and choice not in Choice.values):
        raise Refused(_("Ce réglage n’existe pas."), "unknown_setting")
    if kind in rules.LOCKED_KINDS:
        raise Refused(_("Ces messages ne peuvent pas être coupés."), "locked")
    with transaction.atomic():
        where: dict[str, Any] = {"user_id": acting.user_id, "kind": kind, "channel": channel}
        if choice is None:
            NotificationPreference.objects.filter(**where).delete()
        else:
            NotificationPreference.objects.update_or_create(**where, defaults={"choice": choice})
        record(acting, "notifications.choice_changed", details={"kind": kind, "choice": choice})


def set_schedule(
    acting: ActingLike,
    *,
    quiet_from: time | None,
    quiet_to: time | None,
    digest_hour: int = 8,
    zone: str = "Europe/Paris",
) -> Schedule:
    """Quiet hours (both or neither) and the hour of the digest, on the clock of `zone`."""
    if (quiet_from is None) != (quiet_to is None):
        raise Refused(_("Indiquez le début et la fin des heures calmes."), "quiet_incomplete")
    if not 0 <= digest_hour <= 23:
        raise Refused(_("L’heure du récapitulatif va de 0 à 23."), "digest_hour")
    if zone not in available_timezones():
        raise Refused(_("Ce fuseau horaire n’existe pas."), "zone")
    with transaction.atomic():
        values = {"quiet_from": quiet_from, "quiet_to": quiet_to, "digest_hour": digest_hour, "zone": zone}
        schedule, _made = Schedule.objects.update_or_create(user_id=acting.user_id, defaults=values)
        record(acting, "notifications.schedule_changed", on=schedule)
    return schedule


def mute(acting: ActingLike, *, circle_id: UUID, until: datetime | None = None) -> Mute:
    with transaction.atomic():
        row, _made = Mute.objects.update_or_create(
            user_id=acting.user_id, circle_id=circle_id, defaults={"until": until}
        )
        record(acting, "notifications.muted", on=row, circle_id=circle_id)
    return row


def unmute(acting: ActingLike, *, circle_id: UUID) -> None:
    with transaction.atomic():
        Mute.objects.filter(user_id=acting.user_id, circle_id=circle_id).delete()
        record(acting, "notifications.unmuted", circle_id=circle_id)
