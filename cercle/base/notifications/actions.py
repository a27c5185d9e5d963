"""Telling people, and what people choose about being told."""

import json
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
from cercle.base.common.prepared import prepared
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
    choices, muted, schedules = _settings(list(relations), kind, circle_id, now)
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
        made = _keep(drafts)
        # In one order everywhere: two jobs that tell the same people never wait for each other.
        outside = sorted((n for n in made if ways[n.user_id] >= Way.DIGEST), key=lambda n: n.user_id)
        joined = [
            (_delivery(n, ways[n.user_id], schedules.get(n.user_id) or Schedule(user_id=n.user_id), now), n.pk)
            for n in outside
        ]
        Delivery.notifications.through.objects.bulk_create(
            Delivery.notifications.through(delivery_id=delivery, notification_id=notice) for delivery, notice in joined
        )
        if made:
            push(*(f"user:{n.user_id}" for n in made))
        if any(ways[n.user_id] == Way.NOW for n in outside):
            from .tasks import send_due

            send_due.defer(_once="notifications.send_due")
    return made


SETTINGS = """SELECT u.id, p.choice, m.id IS NOT NULL, s.id IS NOT NULL, s.quiet_from, s.quiet_to, s.digest_hour, s.zone
FROM unnest(%(users)s::uuid[]) u(id)
  LEFT JOIN notifications_notificationpreference p ON p.user_id = u.id AND p.kind = %(kind)s AND p.channel = 'email'
  LEFT JOIN notifications_mute m ON m.user_id = u.id AND m.circle_id = %(circle)s::uuid AND (m.until IS NULL OR m.until > %(now)s)
  LEFT JOIN notifications_schedule s ON s.user_id = u.id"""


def _settings(users: list[UUID], kind: str, circle_id: UUID | None, now: datetime):
    """(choice by user, who muted this patient, schedule by user): what each one set, in one statement."""
    choices, muted, schedules = {}, set(), {}
    with prepared() as cursor:
        cursor.execute(SETTINGS, {"users": users, "kind": kind, "circle": circle_id, "now": now})
        for user, choice, is_muted, has_schedule, *hours in cursor.fetchall():
            if choice:
                choices[user] = choice
            if is_muted:
                muted.add(user)
            if has_schedule:
                names = ("quiet_from", "quiet_to", "digest_hour", "zone")
                schedules[user] = Schedule(user_id=user, **dict(zip(names, hours, strict=True)))
    return choices, muted, schedules


KEEP = """INSERT INTO notifications_notification
  (id, user_id, kind, circle_id, target_type, target_id, urgency, hidden, params, "group", once, created_at)
SELECT x.id, x.user_id, %(kind)s, %(circle)s::uuid, %(target_type)s, %(target)s::uuid, %(urgency)s, %(hidden)s, %(params)s::jsonb,
  %(group)s, %(once)s, %(now)s FROM unnest(%(ids)s::uuid[], %(users)s::uuid[]) x(id, user_id)
ON CONFLICT DO NOTHING RETURNING id"""


def _keep(drafts: list[Notification]) -> list[Notification]:
    """Those that were not there already. They differ by person only."""
    if not drafts:
        return []
    one = drafts[0]
    with prepared() as cursor:
        cursor.execute(
            KEEP,
            {
                "ids": [n.pk for n in drafts], "users": [n.user_id for n in drafts], "kind": one.kind, "circle": one.circle_id,
                "target_type": one.target_type, "target": one.target_id, "urgency": str(one.urgency), "hidden": one.hidden,
                "params": json.dumps(one.params), "group": one.group, "once": one.once, "now": one.created_at,
            },
        )  # fmt: skip
        kept = {pk for (pk,) in cursor.fetchall()}
    return [n for n in drafts if n.pk in kept]


def _delivery(notice: Notification, way: Way, schedule: Schedule, now: datetime) -> UUID:
    """The message that waits for this person, made when there is none."""
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
    delivery = Delivery.objects.select_for_update().filter(**waiting).order_by().first()
    if delivery is None:
        Delivery.objects.bulk_create([Delivery(**waiting, due_at=due, created_at=now)], ignore_conflicts=True)
        delivery = Delivery.objects.select_for_update().get(**waiting)
    return delivery.pk


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
