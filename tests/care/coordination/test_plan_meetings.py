"""Concerted meetings on screen: called, others invited, moved, called off and called again, held, decided."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cercle.base.common.errors import Refused
from cercle.base.notifications.models import Notification
from cercle.care.coordination import plan_tasks
from cercle.care.coordination.actions import meetings
from cercle.care.coordination.actions import plan as actions
from cercle.care.coordination.models import Meeting, MeetingEvent
from cercle.care.coordination.vocabulary_plan import MEETING_MOVES, Answer, MeetingState
from tests import factories as make
from tests.factories import plan as plans

pytestmark = pytest.mark.django_db


@pytest.fixture
def bruno():
    return make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")))


@pytest.fixture
def alice(bruno):
    return plans.coordinator(bruno)


@pytest.fixture
def erwan(bruno):
    return plans.joined(bruno, make.role("Erwan", "Kervella", profession="10", civility="M"))


@pytest.fixture
def meeting(alice, erwan):
    who = actions.owner_of(alice, member=erwan.member)
    return meetings.call_meeting(alice, title="RCP", starts_at=timezone.now() + timedelta(days=2), invitees=[who])


@pytest.fixture
def browse(client, settings):
    settings.MFA_REQUIRED = False

    def enter(acting):
        client.force_login(acting.user)
        return client

    return enter


def url_of(meeting, end="") -> str:
    return f"/patients/{meeting.circle_id}/reunions/{meeting.pk}/{end}"


def page(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_a_meeting_is_called_on_the_screen_at_the_hour_of_the_place(alice, erwan, browse):
    posted = {
        "title": "RCP", "on": "2099-07-01", "at": "14:30", "minutes": "45", "place": "Mairie", "agenda": "La nuit",
        "members": [str(erwan.member.pk)], "outsiders": "Mme Guével, bailleur\n\nJean Le Berre",
    }  # fmt: skip
    url = f"/patients/{alice.circle_id}/reunions/nouvelle/"
    wrong = browse(alice).post(url, posted | {"on": "bientôt"})
    assert wrong.status_code == 422 and "La nuit" in page(wrong) and "Mme Guével, bailleur" in page(wrong)
    assert browse(alice).post(url, posted).status_code == 302
    made = Meeting.objects.get()
    assert (
        made.starts_at == datetime(2099, 7, 1, 14, 30, tzinfo=ZoneInfo("Europe/Paris")) and made.zone == "Europe/Paris"
    )
    assert [a.owner_name for a in made.attendances.order_by("id")] == ["Erwan Kervella", "Mme Guével", "Jean Le Berre"]


def test_others_are_invited_later_and_only_they_are_told(alice, bruno, erwan, meeting, browse):
    plan_tasks.tell_meeting(meeting_id=str(meeting.pk), what="called")
    shown = page(browse(alice).get(url_of(meeting)))
    assert "Inviter d’autres personnes" in shown and f'value="{bruno.member.pk}"' in shown
    assert f'value="{erwan.member.pk}" id="invite' not in shown  # already there
    nobody = browse(alice).post(url_of(meeting, "inviter/"), {"outsiders": " "})
    assert nobody.status_code == 422 and "au moins une personne" in page(nobody)
    gone = browse(alice).post(url_of(meeting, "inviter/"), {"members": ["x"], "outsiders": "Mme Guével"})
    assert gone.status_code == 422 and "Mme Guével" in page(gone)
    posted = {"members": [str(bruno.member.pk)], "outsiders": "Mme Guével, bailleur"}
    assert browse(alice).post(url_of(meeting, "inviter/"), posted).status_code == 302
    plan_tasks.tell_meeting(meeting_id=str(meeting.pk), what="invited")
    assert meeting.attendances.count() == 3
    told = Notification.objects.filter(kind="meeting").values_list("user_id", flat=True)
    assert sorted(told) == sorted([erwan.user_id, bruno.user_id])


def test_a_meeting_is_moved_on_the_screen_and_everyone_is_asked_again(alice, erwan, meeting, browse):
    meetings.answer_meeting(erwan, meeting=meeting, coming=True)
    wrong = browse(alice).post(url_of(meeting, "deplacer/"), {"on": "", "at": "25:00", "minutes": "0", "text": "grève"})
    assert wrong.status_code == 422 and "grève" in page(wrong)
    posted = {"on": "2099-12-01", "at": "09:15", "minutes": "30", "text": "Le médecin est absent"}
    assert browse(alice).post(url_of(meeting, "deplacer/"), posted).status_code == 302
    meeting.refresh_from_db()
    assert meeting.starts_at == datetime(2099, 12, 1, 9, 15, tzinfo=ZoneInfo("Europe/Paris")) and meeting.minutes == 30
    assert meeting.attendances.get().answer == Answer.INVITED
    plan_tasks.tell_meeting(meeting_id=str(meeting.pk), what="moved")
    assert Notification.objects.filter(user=erwan.user_id, params__what="moved").count() == 1
    assert "Le médecin est absent" in page(browse(erwan).get(url_of(meeting)))  # why, for those who are invited


def test_one_that_was_called_off_is_called_again_and_one_that_was_held_is_not(alice, erwan, meeting, browse):
    meetings.cancel_meeting(alice, meeting=meeting, reason="grève")
    shown = page(browse(erwan).get(url_of(meeting)))
    assert "grève" in shown and "Je serai là" not in shown
    with pytest.raises(Refused, match="annulée"):
        meetings.invite(alice, meeting=meeting, invitees=[actions.owner_of(alice, name="Jean")])
    assert "La convoquer de nouveau" in page(browse(alice).get(url_of(meeting)))
    soon = timezone.localtime() - timedelta(minutes=5)
    posted = {"on": f"{soon:%Y-%m-%d}", "at": f"{soon:%H:%M}", "minutes": "30"}
    assert browse(alice).post(url_of(meeting, "deplacer/"), posted).status_code == 302
    meeting.refresh_from_db()
    assert meeting.state == MeetingState.PLANNED and "Je serai là" in page(browse(erwan).get(url_of(meeting)))
    there = meeting.attendances.get()
    assert browse(alice).post(url_of(meeting, "tenue/"), {"present": [str(there.pk)]}).status_code == 302
    assert "Elle n’a pas eu lieu" in page(browse(alice).get(url_of(meeting)))
    assert browse(alice).post(url_of(meeting, "deplacer/"), posted | {"on": "2099-01-05"}).status_code == 302
    there.refresh_from_db()
    meeting.refresh_from_db()
    assert (meeting.state, there.present) == (MeetingState.PLANNED, None)
    meetings.move_meeting(alice, meeting=meeting, starts_at=timezone.now())
    meetings.hold_meeting(alice, meeting=meeting, present={})
    meetings.decide(alice, meeting=meeting, text="Demander l’APA", owner=actions.owner_of(alice, name="Jean"))
    refused = browse(alice).post(url_of(meeting, "deplacer/"), posted)
    assert refused.status_code == 422 and "convoquez-en une autre" in page(refused)
    assert "reporter" not in page(browse(alice).get(url_of(meeting)))


def test_a_decision_refused_gives_its_words_back(alice, meeting, browse):
    answer = browse(alice).post(url_of(meeting, "decisions/"), {"text": "Demander l’APA", "due_on": "2099-01-01"})
    assert answer.status_code == 422 and "Dites qui en est chargé" in page(answer) and "Demander l’APA" in page(answer)


def test_a_relative_reads_and_answers_and_does_not_lead(alice, bruno, meeting, browse):
    soazig = plans.relative(bruno)
    meetings.invite(alice, meeting=meeting, invitees=[actions.owner_of(alice, member=soazig.member)])
    site = browse(soazig)
    assert "Je serai là" in page(site.get(url_of(meeting)))
    assert site.post(url_of(meeting, "reponse/"), {"coming": "1"}).status_code == 302
    for end in ("inviter/", "deplacer/", "tenue/", "annuler/", "decisions/", "mots/", "envoyer/", "reponse-recue/"):
        assert site.post(url_of(meeting, end), {"text": "x"}).status_code == 403, end
    assert "Déplacer la réunion" not in page(site.get(url_of(meeting)))


def test_the_answer_of_someone_outside_the_circle_is_noted_and_a_member_answers_for_herself(
    alice, erwan, meeting, browse
):
    meetings.invite(alice, meeting=meeting, invitees=[actions.owner_of(alice, name="Mme Guével", label="bailleur")])
    outsider = meeting.attendances.get(owner_name="Mme Guével")
    assert "Mme Guével ne sera pas là" in page(browse(alice).get(url_of(meeting)))
    posted = {"attendance": str(outsider.pk), "coming": "0"}
    assert browse(alice).post(url_of(meeting, "reponse-recue/"), posted).status_code == 302
    outsider.refresh_from_db()
    assert outsider.answer == Answer.NOT_COMING
    member = meeting.attendances.get(owner_member=erwan.member)
    for wrong in (str(member.pk), "x", ""):
        assert (
            browse(alice).post(url_of(meeting, "reponse-recue/"), {"attendance": wrong, "coming": "1"}).status_code
            == 422
        )
    member.refresh_from_db()
    assert member.answer == Answer.INVITED


def test_two_who_write_the_minutes_at_once_lose_nothing(alice, bruno, meeting, browse):
    url, json = url_of(meeting, "mots/"), {"Accept": "application/json"}
    assert browse(alice).post(url, {"report": "De moi", "was_report": ""}, headers=json).status_code == 200
    clash = browse(bruno).post(
        url, {"report": "De lui", "was_report": "", "place": "Mairie", "was_place": ""}, headers=json
    )
    assert clash.status_code == 409 and clash.json()["clashes"][0]["theirs"] == "De moi"
    meeting.refresh_from_db()
    assert (meeting.report, meeting.place) == ("De moi", "Mairie")
    without_script = browse(bruno).post(url, {"report": "De lui", "was_report": ""})
    assert "Votre texte : « De lui »" in page(without_script) and "Compte rendu" in page(without_script)


def test_no_state_of_a_meeting_is_without_a_way_out():
    assert all(MEETING_MOVES.values()) and set(MEETING_MOVES) == set(MeetingState)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["hold", "cancel", "past", "future", "decide"]), max_size=12))
def test_whatever_is_tried_a_meeting_s_state_has_its_event_and_its_author(bruno, tries):
    with transaction.atomic():
        alice = plans.coordinator(bruno)
        meeting = meetings.call_meeting(alice, title="RCP", starts_at=timezone.now())
        verbs = {
            "hold": lambda: meetings.hold_meeting(alice, meeting=meeting, present={}),
            "cancel": lambda: meetings.cancel_meeting(alice, meeting=meeting, reason="grève"),
            "past": lambda: meetings.move_meeting(alice, meeting=meeting, starts_at=timezone.now()),
            "future": lambda: meetings.move_meeting(alice, meeting=meeting, starts_at=timezone.now() + timedelta(days=9)),
            "decide": lambda: meetings.decide(alice, meeting=meeting, text="x", owner=actions.owner_of(alice, name="Jean")),
        }  # fmt: skip
        for what in tries:
            try:
                verbs[what]()
            except Refused:
                pass
        meeting.refresh_from_db()
        trail = list(MeetingEvent.objects.filter(meeting=meeting).order_by("id"))
        assert trail[-1].to_state == meeting.state and all(e.author_name for e in trail)
        for before, after in zip(trail, trail[1:], strict=False):
            assert after.from_state == before.to_state
            assert after.to_state in MEETING_MOVES[MeetingState(after.from_state)] | {after.from_state}
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        transaction.set_rollback(True)
