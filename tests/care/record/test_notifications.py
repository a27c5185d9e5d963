"""The bell, the list, what a page marks read, and the person's choices."""

import pytest
from django.urls import reverse

from cercle.base.audit.models import AuditEvent
from cercle.base.notifications import actions as notifications
from cercle.base.notifications import renderers
from cercle.base.notifications.models import Choice, Mute, Notification, NotificationPreference, Schedule
from cercle.base.notifications.rules import Relation
from cercle.care.notebook import actions as notebook
from cercle.care.record import notices
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from cercle.people.circles.vocabulary import Reader
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def bruno():
    return make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")), used_family="Le Gall")


@pytest.fixture
def erwan(bruno):
    role = make.role("Erwan", "Kervella", profession="10", civility="M")
    person = make.user(role)
    circles.add_member(bruno, practice_role=role, ground="recognised")
    return reach(make_viewer(person, role), bruno.circle_id)


def tell(acting, note, kind="note", **fields):
    return notifications.notify(
        kind, users={acting.user_id: Relation.NAMED}, circle_id=note.circle_id, target=note, hidden=note.hidden, **fields
    )[0]  # fmt: skip


def shown(client, acting, **query) -> str:
    client.force_login(acting.user)
    return client.get(reverse("record:notifications"), query).content.decode()


def test_the_bell_costs_one_statement(bruno, erwan, django_assert_num_queries):
    for n in range(5):
        tell(erwan, notebook.add_note(bruno, text=f"Note {n}"))
    with django_assert_num_queries(1):
        assert renderers.unread_count(erwan.user) == 5


def test_a_notice_about_a_note_masked_to_me_does_not_ring(bruno, erwan):
    tell(erwan, notebook.add_note(bruno, text="Pour tous"))
    tell(erwan, notebook.add_note(bruno, text="Caché", category="social", hidden=int(Reader.HEALTH)))
    assert renderers.unread_count(erwan.user) == 1


def test_a_notice_masked_to_others_rings_for_me(bruno, erwan):
    tell(erwan, notebook.add_note(bruno, text="Entre soignants", category="social", hidden=int(Reader.PATIENT)))
    assert renderers.unread_count(erwan.user) == 1


def test_the_list_says_what_happened_and_is_traced(client, bruno, erwan):
    tell(erwan, notebook.add_note(bruno, text="Bonjour", urgency=2), urgency="urgent")
    page = shown(client, erwan)
    assert (
        "Bruno Le Bris a écrit une note urgente sur" in page
        and "notice-new" in page
        and "Tout marquer comme lu" in page
    )
    assert AuditEvent.objects.filter(action="record.notices_listed", actor_user_id=erwan.user_id).exists()


def test_what_i_may_not_see_any_more_is_neither_listed_nor_counted(client, bruno, erwan):
    tell(erwan, notebook.add_note(bruno, text="Bonjour"))
    member = erwan.member
    circles.end_member(bruno, member=member, reason="fin")
    page = shown(client, erwan)
    assert "Le Bris a écrit" not in page
    assert renderers.unread_count(erwan.user) == 0


def test_following_a_notice_reads_it_and_nobody_else_can(client, bruno, erwan):
    notice = tell(erwan, notebook.add_note(bruno, text="Bonjour"))
    client.force_login(bruno.user)
    assert client.get(reverse("record:notification", args=[notice.pk])).status_code == 404
    client.force_login(erwan.user)
    answer = client.get(reverse("record:notification", args=[notice.pk]))
    assert answer.status_code == 302 and f"/patients/{bruno.circle_id}/" in answer["Location"]
    notice.refresh_from_db()
    assert notice.read_at


def test_all_can_be_marked_read_at_once(client, bruno, erwan):
    for n in range(3):
        tell(erwan, notebook.add_note(bruno, text=f"Note {n}"))
    client.force_login(erwan.user)
    client.post(reverse("record:notifications_read"))
    assert not Notification.objects.of(erwan.user_id).unread().exists()
    assert client.get(reverse("record:notifications_read")).status_code == 405


def test_pages_follow_without_gap_or_repeat(client, bruno, erwan, monkeypatch):
    monkeypatch.setattr(notices, "PAGE", 3)
    made = [tell(erwan, notebook.add_note(bruno, text=f"Note {n}")) for n in range(7)]
    seen, before = [], ""
    client.force_login(erwan.user)
    while True:
        answer = client.get(reverse("record:notifications"), {"before": before})
        seen += [row["notice"].pk for day in answer.context["days"] for row in day["rows"]]
        before = answer.context["more"]
        if not before:
            break
    assert seen == [n.pk for n in reversed(made)]


def test_reading_the_notebook_reads_its_notices(client, bruno, erwan):
    note = notebook.add_note(bruno, text="Bonjour")
    tell(erwan, note)
    client.force_login(erwan.user)
    page = client.get(reverse("record:patient", args=[bruno.circle_id])).content.decode()
    assert not Notification.objects.of(erwan.user_id).unread().exists()
    assert 'aria-label="Notifications"' in page  # the bell of that very page is already silent


def test_the_notebook_leaves_alone_the_notices_of_others_and_of_other_things(client, bruno, erwan):
    note = notebook.add_note(bruno, text="Bonjour")
    tell(erwan, note)
    tell(bruno, note, kind="acknowledgement_asked")
    notifications.notify(
        "member_joined", users={erwan.user_id: Relation.LEAD}, circle_id=note.circle_id, target=erwan.member
    )
    client.force_login(erwan.user)
    client.get(reverse("record:patient", args=[bruno.circle_id]))
    assert [n.kind for n in Notification.objects.of(erwan.user_id).unread()] == ["member_joined"]
    assert Notification.objects.of(bruno.user_id).unread().count() == 1


def settings(client, acting, **data):
    client.force_login(acting.user)
    url = reverse("record:notification_settings")
    return client.post(url, data) if data else client.get(url)


def test_a_choice_is_kept_then_given_back_to_the_rule(client, bruno):
    settings(client, bruno, what="choices", choice_note=Choice.DIGEST, choice_reply="")
    assert NotificationPreference.objects.get(user=bruno.user).kind == "note"
    settings(client, bruno, what="choices", choice_note="")
    assert not NotificationPreference.objects.filter(user=bruno.user).exists()


def test_what_protects_others_cannot_be_turned_off(client, bruno):
    settings(client, bruno, what="choices", choice_break_glass=Choice.NONE, choice_security=Choice.NONE)
    assert not NotificationPreference.objects.exists()
    assert "toujours tout de suite" in settings(client, bruno).content.decode()


def test_an_unknown_choice_is_refused_in_words(client, bruno):
    answer = settings(client, bruno, what="choices", choice_note="jamais")
    assert answer.status_code == 422 and "n’existe pas" in answer.content.decode()


def test_quiet_hours_and_the_hour_of_the_digest(client, bruno):
    settings(client, bruno, what="schedule", quiet_from="21:00", quiet_to="07:00", digest_hour="9")
    schedule = Schedule.objects.get(user=bruno.user)
    assert (schedule.quiet_from.hour, schedule.quiet_to.hour, schedule.digest_hour) == (21, 7, 9)
    answer = settings(client, bruno, what="schedule", quiet_from="21:00", quiet_to="", digest_hour="9")
    assert answer.status_code == 422 and "Indiquez le début et la fin" in answer.content.decode()


def test_a_muted_patient_is_listed_and_can_be_heard_again(client, bruno):
    notifications.mute(bruno, circle_id=bruno.circle_id)
    assert "LE GALL" in settings(client, bruno).content.decode()
    settings(client, bruno, what="unmute", circle=str(bruno.circle_id))
    assert not Mute.objects.exists()


def test_the_advice_follows_the_rule_table(bruno):
    assert notices.advice("note", bruno.user) == "dans Cercle\u00a0; tout de suite si c’est urgent ou s’adresse à vous"
    assert notices.advice("security", bruno.user) == "tout de suite"
    relative = make.user(kind="relative")
    assert "join_asked" in notices.kinds_for(bruno.user)
    assert notices.advice("break_glass", relative) == "tout de suite"


def test_the_menu_and_the_help_lead_there(client, bruno):
    client.force_login(bruno.user)
    page = client.get(reverse("record:help")).content.decode()
    assert reverse("record:notification_settings") in page and "Ouvrir un dossier en urgence" in page
    client.force_login(make.user(kind="patient"))
    assert "Dites pourquoi" not in client.get(reverse("record:help")).content.decode()
