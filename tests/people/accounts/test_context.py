"""The context of exercise, the sessions, fresh sign-ins."""

from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cercle.base.audit.models import AuditEvent
from cercle.people.accounts.context import current_role
from cercle.people.accounts.models import User
from cercle.people.accounts.sign_in import fresh_sign_in
from cercle.people.directory.models import PracticeRole

from .conftest import PASSWORD, code, sign_in


def request_of(rf, user, **session):
    request = rf.get("/")
    from cercle.people.accounts.backends import AccountBackend

    request.user, request.session = AccountBackend().get_user(user.pk), session
    return request


def test_the_first_context_is_taken_then_the_last_one(rf, region):
    assert current_role(request_of(rf, region.bruno)) == region.roles.bruno
    User.objects.filter(pk=region.bruno.pk).update(last_context=region.roles.bruno_dac)
    assert current_role(request_of(rf, region.bruno)) == region.roles.bruno_dac


def test_the_session_goes_before_the_last_one(rf, region):
    User.objects.filter(pk=region.bruno.pk).update(last_context=region.roles.bruno_dac)
    assert current_role(request_of(rf, region.bruno, context=str(region.roles.bruno.pk))) == region.roles.bruno


def test_an_ended_or_foreign_role_is_never_given(rf, region):
    PracticeRole.objects.filter(pk=region.roles.bruno_dac.pk).update(ended_at=timezone.now())
    User.objects.filter(pk=region.bruno.pk).update(last_context=region.roles.bruno_dac)
    assert current_role(request_of(rf, region.bruno)) == region.roles.bruno
    assert current_role(request_of(rf, region.bruno, context=str(region.roles.alice.pk))) == region.roles.bruno
    assert current_role(request_of(rf, region.sam)) is None


def test_the_usual_context_costs_no_statement(rf, region):
    User.objects.filter(pk=region.bruno.pk).update(last_context=region.roles.bruno)
    request = request_of(rf, region.bruno, context=str(region.roles.bruno.pk))
    with CaptureQueriesContext(connection) as seen:
        role = current_role(request)
        assert (role.organization.name, role.short_label) == ("Cabinet de la Madeleine", role.short_label)
    assert len(seen) == 0


def test_the_context_changes_from_the_header_and_is_traced(client, coded, region):
    sign_in(client, coded)
    answer = client.post("/contexte/", {"context": str(region.roles.bruno_dac.pk), "next": "/compte/"})
    assert answer["Location"] == "/compte/"
    assert client.session["context"] == str(region.roles.bruno_dac.pk)
    coded.refresh_from_db()
    assert coded.last_context == region.roles.bruno_dac
    assert "DAC du Ponant" in client.get("/compte/").content.decode()
    assert AuditEvent.objects.filter(action="accounts.context_changed", actor_user_id=coded.pk).exists()


def test_a_context_of_someone_else_does_not_exist(client, coded, region):
    sign_in(client, coded)
    assert client.post("/contexte/", {"context": str(region.roles.alice.pk)}).status_code == 404
    assert client.post("/contexte/", {"context": "x"}).status_code == 404
    assert client.get("/contexte/").status_code == 405


def test_a_session_ended_from_elsewhere_is_out_at_once(coded, settings):
    settings.TOTP_CODES_SERVE_TWICE = True
    phone, desk = Client(HTTP_USER_AGENT="Mozilla/5.0 (Linux; Android 15) Chrome/140 Mobile"), Client()
    sign_in(phone, coded), sign_in(desk, coded)
    page = desk.get("/compte/sessions/").content.decode()
    assert "Chrome sur Android" in page
    row = UserSession.objects.get(session_key=phone.session.session_key)
    desk.post("/compte/sessions/terminer/", {"session": row.pk})
    assert phone.get("/compte/")["Location"].startswith("/connexion/")
    assert desk.get("/compte/").status_code == 200
    sign_in(phone, coded)
    desk.post("/compte/sessions/terminer/")
    assert phone.get("/compte/")["Location"].startswith("/connexion/")


def test_nobody_ends_the_sessions_of_others(coded, region, client):
    sign_in(client, coded)
    row = UserSession.objects.get(user=coded)
    other = Client()
    other.force_login(region.alice)
    assert other.post("/compte/sessions/terminer/", {"session": row.pk}).status_code == 404
    assert other.post("/compte/sessions/terminer/", {"session": "x"}).status_code == 404


def test_changing_the_password_signs_the_others_out(coded, settings):
    settings.TOTP_CODES_SERVE_TWICE = True
    here, there = Client(), Client()
    sign_in(here, coded), sign_in(there, coded)
    new = "encore une autre phrase"
    wrong = here.post("/compte/mot-de-passe/", {"oldpassword": "non", "password1": new, "password2": new})
    assert wrong.status_code == 200
    here.post("/compte/mot-de-passe/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert here.get("/compte/").status_code == 200
    assert there.get("/compte/")["Location"].startswith("/connexion/")


def test_a_sign_in_is_fresh_for_five_minutes_and_can_be_proved_again(client, coded, rf, monkeypatch):
    import time

    sign_in(client, coded)
    request = rf.get("/")
    request.user, request.session = coded, client.session
    assert fresh_sign_in(request)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 301)
    assert not fresh_sign_in(request)
    assert client.get("/compte/codes-de-secours/")["Location"].startswith("/compte/confirmer/")
    back = client.post("/compte/confirmer/", {"password": PASSWORD, "next": "/compte/securite/"})
    assert back["Location"] == "/compte/securite/"
    request.session = client.session
    assert fresh_sign_in(request)


def test_a_code_proves_too(client, coded, settings):
    settings.TOTP_CODES_SERVE_TWICE = True
    client.force_login(coded)
    assert client.post("/compte/confirmer/code/", {"code": code(), "next": "/compte/"})["Location"] == "/compte/"


def test_preferences_follow_the_person(client, coded):
    sign_in(client, coded)
    client.post("/compte/", {"language": "fr", "theme": "dark"})
    assert client.cookies["theme"].value == "dark"
    coded.refresh_from_db()
    assert coded.theme == "dark"
