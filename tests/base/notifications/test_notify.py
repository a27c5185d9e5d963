"""From a fact to a line in the product and a message outside, which says nothing about anybody."""

import smtplib
import uuid
from datetime import UTC, datetime, time, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.utils import timezone

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.base.notifications import actions, email, renderers
from cercle.base.notifications.actions import notify
from cercle.base.notifications.models import Delivery, Notification
from cercle.base.notifications.renderers import Line, register_renderer, render, unread_count
from cercle.base.notifications.rules import Relation
from tests.base.audit.acting import Actor

CIRCLE = uuid.UUID("01a20d36-0000-7000-8000-000000000001")


@pytest.fixture
def bruno(db):
    return get_user_model().objects.create_user("bruno.le-gall@example.org", first_name="Bruno", last_name="Le Gall")


@pytest.fixture
def alice(db):
    return get_user_model().objects.create_user("alice@example.org", language="en")


@pytest.fixture(autouse=True)
def plain_renderers(monkeypatch):
    monkeypatch.setattr(renderers, "_renderers", {})


@pytest.fixture(autouse=True)
def no_message_on_its_own(monkeypatch):
    deferred = []
    monkeypatch.setattr(
        "cercle.base.common.jobs.Task.defer", lambda self, **ids: deferred.append((self.name, ids)) or True
    )
    return deferred


def note(user, relation=Relation.NAMED, **more):
    target = ("notebook.note", more.pop("id", None) or uuid.uuid4())
    return notify("note", users={user.pk: relation}, circle_id=CIRCLE, target=target, **more)


def me(user):
    return Actor(user_id=user.pk)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_named_recipient_gets_a_line_and_a_message(bruno, no_message_on_its_own):
    (notice,) = note(bruno)
    delivery = Delivery.objects.get()
    assert (delivery.mode, delivery.status, list(delivery.notifications.all())) == ("now", "waiting", [notice])
    assert no_message_on_its_own[0][0].endswith("send_due")
    assert email.send_due() == 1
    delivery.refresh_from_db()
    assert delivery.status == "sent" and delivery.sent_at and delivery.attempts == 1


def test_the_message_says_nothing_about_anybody(bruno, settings):
    settings.BASE_URL = "https://cercle.example.org"
    patient = uuid.uuid4()
    note(bruno, urgency="urgent", params={"patient": str(patient)})
    email.send_due()
    (sent,) = mail.outbox
    assert sent.to == ["bruno.le-gall@example.org"]
    assert "Vous avez une nouvelle note urgente dans Cercle." in sent.body
    assert "Ouvrir : https://cercle.example.org/notifications/\n" in sent.body
    for word in ("Bruno", "Gall", str(patient), str(CIRCLE), str(bruno.pk)):
        assert word not in sent.body + sent.subject


def test_several_make_one_message(bruno):
    for urgency in ("normal", "normal"):
        note(bruno, urgency=urgency)
    assert Delivery.objects.count() == 1
    email.send_due()
    assert len(mail.outbox) == 1 and "2 nouveautés" in mail.outbox[0].body


def test_ordinary_messages_keep_their_distance_and_urgent_ones_do_not_wait(bruno):
    note(bruno)
    email.send_due()
    note(bruno)
    note(bruno)
    assert email.send_due() == 0
    waiting = Delivery.objects.get(status="waiting")
    assert waiting.due_at > timezone.now() + timedelta(minutes=4)
    assert waiting.notifications.count() == 2
    note(bruno, urgency="urgent")
    assert email.send_due() == 1


def test_the_language_of_the_message_is_the_readers(alice, monkeypatch):
    active = []
    true_message = email.message

    def spy(*args):
        from django.utils import translation

        active.append(translation.get_language())
        return true_message(*args)

    monkeypatch.setattr(email, "message", spy)
    note(alice)
    email.send_due()
    assert active == ["en"]


def test_telling_twice_tells_once(bruno):
    same = uuid.uuid4()
    assert len(note(bruno, id=same)) == 1
    assert note(bruno, id=same) == []
    assert len(note(bruno, id=same, once="second version")) == 1
    assert Notification.objects.count() == 2


def test_a_member_reads_it_in_the_product_only(bruno):
    note(bruno, Relation.MEMBER)
    assert Notification.objects.of(bruno.pk).unread().count() == 1
    assert not Delivery.objects.exists()


def test_quiet_hours_hold_back_what_is_not_urgent(bruno):
    actions.set_schedule(me(bruno), quiet_from=time(21), quiet_to=time(7))
    note(bruno, now=at("2026-06-10T20:00"))  # 22:00 in Paris
    note(bruno, now=at("2026-06-10T20:05"), urgency="urgent")
    due = dict(Delivery.objects.values_list("mode", "due_at"))
    assert due == {"now": at("2026-06-11T05:00"), "urgent": at("2026-06-10T20:05")}


def test_the_digest_waits_for_its_hour_and_gathers(bruno):
    actions.set_schedule(me(bruno), quiet_from=None, quiet_to=None, digest_hour=18)
    for _ in range(3):
        note(bruno, Relation.LEAD, now=at("2026-06-10T10:00"))
    delivery = Delivery.objects.get()
    assert (delivery.mode, delivery.due_at, delivery.notifications.count()) == ("digest", at("2026-06-10T16:00"), 3)


def test_a_muted_patient_is_silent_until_the_mute_ends(bruno):
    actions.mute(me(bruno), circle_id=CIRCLE, until=timezone.now() + timedelta(days=2))
    assert note(bruno, Relation.MEMBER) == []
    assert len(note(bruno, Relation.MEMBER, now=timezone.now() + timedelta(days=3))) == 1
    actions.unmute(me(bruno), circle_id=CIRCLE)
    assert len(note(bruno, Relation.MEMBER)) == 1


def test_a_choice_moves_messages_and_is_traced(bruno):
    actions.choose(me(bruno), kind="note", choice="digest")
    note(bruno)
    assert Delivery.objects.get().mode == "digest"
    actions.choose(me(bruno), kind="note", choice=None)
    note(bruno)
    assert Delivery.objects.filter(mode="now").exists()
    assert AuditEvent.objects.filter(action="notifications.choice_changed").count() == 2
    for wrong in (
        {"kind": "break_glass", "choice": "none"},
        {"kind": "?", "choice": "none"},
        {"kind": "note", "choice": "?"},
    ):
        with pytest.raises(Refused):
            actions.choose(me(bruno), **wrong)


def test_a_wrong_schedule_is_refused_in_french(bruno):
    for wrong in ({"quiet_from": time(1), "quiet_to": None}, {"digest_hour": 24}, {"zone": "Mars/Olympus"}):
        with pytest.raises(Refused):
            actions.set_schedule(me(bruno), **{"quiet_from": None, "quiet_to": None, **wrong})


def test_what_was_read_meanwhile_sends_no_message(bruno):
    (notice,) = note(bruno)
    assert actions.mark_read(bruno.pk, targets=[notice.target_id]) == 1
    assert email.send_due() == 0
    assert Delivery.objects.get().status == "cancelled" and not mail.outbox


def test_what_may_no_longer_be_seen_is_neither_shown_nor_sent(bruno):
    allowed = set()
    register_renderer("note", lambda user, notices: {n.pk: Line("Une note") for n in notices if n.pk in allowed})
    (notice,) = note(bruno, hidden=8)  # the bell asks again about what is masked; the rest when the list is opened
    assert render(bruno, [notice]) == [] and unread_count(bruno) == 0
    email.send_due()
    assert not mail.outbox
    allowed.add(notice.pk)
    assert [line.text for _n, line in render(bruno, [notice])] == ["Une note"]
    assert unread_count(bruno) == 1


def test_a_masked_notice_that_nobody_renders_is_not_shown(bruno):
    note(bruno, hidden=8)
    assert unread_count(bruno) == 0
    note(bruno)
    assert unread_count(bruno) == 1


def test_a_mail_server_that_fails_is_tried_again_later_and_given_up_in_the_end(bruno, monkeypatch, caplog):
    def refuses(self, *args, **kwargs):
        raise smtplib.SMTPRecipientsRefused({"bruno.le-gall@example.org": (550, b"no such user bruno.le-gall")})

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuses)
    note(bruno)
    waits = []
    for _ in range(email.MOST_ATTEMPTS):
        Delivery.objects.update(due_at=timezone.now())
        assert email.send_due() == 0
        waits.append(Delivery.objects.get().due_at - timezone.now())
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.last_error) == ("failed", 6, "SMTPRecipientsRefused")
    assert waits == sorted(waits)
    assert "bruno" not in caplog.text
    Delivery.objects.update(due_at=timezone.now() - timedelta(days=1))
    assert email.send_due() == 0


def test_a_message_in_hand_when_the_process_died_is_taken_again(bruno):
    note(bruno)
    Delivery.objects.update(status="sending", taken_at=timezone.now() - timedelta(minutes=11))
    assert email.send_due() == 1


def test_a_new_notice_does_not_join_a_message_that_is_leaving(bruno):
    note(bruno)
    Delivery.objects.update(status="sending", taken_at=timezone.now())
    note(bruno)
    assert Delivery.objects.filter(status="waiting").count() == 1


def test_telling_thirty_people_costs_few_statements(db, django_assert_max_num_queries):
    users = [get_user_model().objects.create_user(f"u{i}@example.org") for i in range(30)]
    with django_assert_max_num_queries(10):
        notify(
            "note",
            users={u.pk: Relation.MEMBER for u in users},
            circle_id=CIRCLE,
            target=("notebook.note", uuid.uuid4()),
        )


def test_the_persons_screens_are_told(bruno, monkeypatch):
    names = []
    monkeypatch.setattr(actions, "push", lambda *topics: names.extend(topics))
    note(bruno)
    assert names == [f"user:{bruno.pk}"]
