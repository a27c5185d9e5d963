"""The door: password, code, limits, what is told and what is not."""

import re
import statistics
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cercle.base.audit.models import AuditEvent
from cercle.people.accounts import actions, lockout
from cercle.people.accounts.acting import user_acting
from cercle.people.accounts.models import Attempts

from .conftest import PASSWORD, SECRET, code, sign_in


def actions_of(user) -> list[str]:
    return list(AuditEvent.objects.filter(actor_user_id=user.pk).order_by("id").values_list("action", flat=True))


def test_password_then_code_ends_on_the_home_page(client, coded):
    page = client.get("/connexion/").content.decode()
    assert re.search(r'<input[^>]*name="login"', page) and re.search(r'<input[^>]*name="password"', page)
    first = client.post("/connexion/", {"login": "Bruno@Example.org ", "password": PASSWORD})
    assert (first.status_code, first["Location"]) == (302, "/connexion/code/")
    assert 'name="code"' in client.get("/connexion/code/").content.decode()
    last = client.post("/connexion/code/", {"code": code()})
    assert (last.status_code, last["Location"]) == (302, "/")
    assert client.session["_auth_user_id"] == str(coded.pk)
    assert actions_of(coded) == ["accounts.signed_in"]


def test_the_robot_passes_csrf_checks(coded):
    robot = Client(enforce_csrf_checks=True)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', robot.get("/connexion/").content.decode())[1]
    robot.post("/connexion/", {"login": coded.email, "password": PASSWORD, "csrfmiddlewaretoken": token})
    page = robot.get("/connexion/code/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    answer = robot.post("/connexion/code/", {"code": code(), "csrfmiddlewaretoken": token})
    assert answer["Location"] == "/"


def test_a_next_page_of_ours_is_followed_and_no_other(client, coded):
    answer = client.post("/connexion/?next=/compte/", {"login": coded.email, "password": PASSWORD, "next": "/compte/"})
    assert answer["Location"].startswith("/connexion/code/")
    assert client.post("/connexion/code/", {"code": code()})["Location"] == "/compte/"
    other = Client()
    other.post("/connexion/", {"login": coded.email, "password": PASSWORD, "next": "https://evil.example/"})
    assert other.post("/connexion/code/", {"code": code(1)})["Location"] == "/"


def test_a_code_serves_once(coded):
    assert sign_in(Client(), coded)["Location"] == "/"
    again = sign_in(Client(), coded)
    assert again.status_code == 200 and "déjà servi" in again.content.decode()


def test_a_demonstration_may_take_the_same_code_again(coded, settings):
    settings.TOTP_CODES_SERVE_TWICE = True
    assert [sign_in(Client(), coded)["Location"] for _ in range(2)] == ["/", "/"]


def test_a_recovery_code_opens_once(coded):
    codes = RecoveryCodes(
        Authenticator.objects.get(user=coded, type=Authenticator.Type.RECOVERY_CODES)
    ).get_unused_codes()
    assert sign_in(Client(), coded, code_text=codes[0])["Location"] == "/"
    assert sign_in(Client(), coded, code_text=codes[0]).status_code == 200


def test_secrets_are_kept_encrypted(coded):
    row = Authenticator.objects.get(user=coded, type=Authenticator.Type.TOTP)
    assert SECRET not in str(row.data)


def test_five_failures_lock_the_account_and_the_message_says_how_long(client, coded):
    for _ in range(5):
        assert client.post("/connexion/", {"login": coded.email, "password": "non"}).status_code == 200
    locked = client.post("/connexion/", {"login": coded.email, "password": PASSWORD})
    assert locked.status_code == 429
    assert re.search(r"Réessayez dans 1[45] minutes", locked.content.decode())
    actions.unlock(user_acting(coded), coded)
    assert client.post("/connexion/", {"login": coded.email, "password": PASSWORD}).status_code == 302


def test_a_lock_ends_with_its_time_and_the_count_starts_again(coded):
    key = lockout.account_key(coded.email)
    for _ in range(5):
        lockout.count_attempt(key)
    with pytest.raises(lockout.Locked):
        lockout.count_attempt(key)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_attempts SET locked_until = now() - interval '1 s' WHERE key = %s RETURNING 1", [key]
        )
        assert cursor.fetchone()
    lockout.count_attempt(key)
    assert Attempts.objects.get(key=key).failures == 1


def test_an_address_that_tries_many_accounts_is_locked(client, region, settings):
    settings.LOCKOUT = {**settings.LOCKOUT, "address": (3, 900, 900)}
    answers = [client.post("/connexion/", {"login": f"x{n}@example.org", "password": "non"}) for n in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]


def test_right_passwords_do_not_count_against_a_shared_address(coded, settings):
    settings.LOCKOUT = {**settings.LOCKOUT, "address": (3, 900, 900)}
    settings.TOTP_CODES_SERVE_TWICE = True
    for _ in range(6):
        assert sign_in(Client(), coded)["Location"] == "/"


def test_wrong_codes_lock_too(client, coded):
    client.post("/connexion/", {"login": coded.email, "password": PASSWORD})
    statuses = [client.post("/connexion/code/", {"code": "000000"}).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    assert client.post("/connexion/code/", {"code": code()}).status_code == 429


def test_unknown_and_known_addresses_get_the_same_answer(client, region):
    def shape(login):
        page = client.post("/connexion/", {"login": login, "password": "pas le bon"}).content.decode()
        return re.sub(r'value="[^"]*"|csrf\w*|"X-CSRFToken": "[^"]*"|À jour à [^<]*', "", page)

    assert shape("bruno@example.org") == shape("nobody@example.org")
    statuses = {"bruno@example.org": [], "nobody@example.org": []}
    for _ in range(6):
        for login, seen in statuses.items():
            seen.append(client.post("/connexion/", {"login": login, "password": "pas le bon"}).status_code)
    assert statuses["bruno@example.org"] == statuses["nobody@example.org"]


def test_an_unknown_address_costs_the_same_hash(region, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    from cercle.people.accounts.backends import AccountBackend

    region.bruno.set_password(PASSWORD)
    region.bruno.save()

    def cost(email):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            AccountBackend().authenticate(None, email=email, password="pas le bon")
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    assert 0.3 < cost("nobody@example.org") / cost("bruno@example.org") < 3


def test_a_failure_is_traced_without_the_address_typed(client, region):
    client.post("/connexion/", {"login": "bruno@example.org", "password": "non"})
    client.post("/connexion/", {"login": "someone@else.example", "password": "non"})
    known, unknown = AuditEvent.objects.filter(action="accounts.sign_in_failed").order_by("id")
    assert (known.target_id, known.outcome) == (region.bruno.pk, "refused")
    assert unknown.target_id is None
    assert "else.example" not in str(unknown.details) + unknown.reason + unknown.actor_name


def test_a_closed_account_learns_it_only_with_the_right_password(client, region, acting):
    actions.deactivate(acting, region.bruno, reason="départ")
    wrong = client.post("/connexion/", {"login": "bruno@example.org", "password": "non"})
    assert "désactivé" not in wrong.content.decode()
    assert client.post("/connexion/", {"login": "bruno@example.org", "password": PASSWORD})["Location"] == (
        "/connexion/compte-ferme/"
    )
    assert client.get("/connexion/compte-ferme/").status_code == 403


def test_coming_back_to_the_first_page_forgets_the_half_made_sign_in(client, coded):
    client.post("/connexion/", {"login": coded.email, "password": PASSWORD})
    assert client.get("/connexion/").status_code == 200
    assert client.get("/connexion/code/")["Location"] == "/connexion/"


def test_signing_out_asks_by_get_and_ends_by_post(client, coded):
    sign_in(client, coded)
    assert client.get("/deconnexion/").status_code == 200
    assert client.post("/deconnexion/")["Location"] == "/connexion/"
    assert "_auth_user_id" not in client.session
    assert not UserSession.objects.filter(user=coded).exists()
    assert actions_of(coded)[-1] == "accounts.signed_out"


def test_an_authenticated_request_costs_two_statements(client, coded, rf):
    sign_in(client, coded)
    client.get("/compte/conditions/")
    with CaptureQueriesContext(
        connection,
    ) as seen:
        client.get("/deconnexion/")
    ours = [q["sql"] for q in seen.captured_queries if "limit" not in q["sql"].lower() or "django_session" in q["sql"]]
    auth = [q for q in seen.captured_queries if "django_session" in q["sql"] or "accounts_user" in q["sql"]]
    assert len(auth) == 2, ours
    assert not [
        q for q in seen.captured_queries if q["sql"].startswith(('INSERT INTO "usersessions', 'UPDATE "usersess'))
    ]


def test_without_a_second_factor_nothing_opens_before_enrolment(client, region):
    assert sign_in(client, region.bruno)["Location"] == "/"
    assert client.get("/")["Location"] == "/compte/premiers-pas/"
    assert client.get("/ma-structure/")["Location"] == "/compte/premiers-pas/"
    assert client.get("/compte/premiers-pas/").status_code == 200
    page = client.get("/compte/codes/activer/")
    assert "data:image/svg+xml;base64," in page.content.decode()
    secret = client.session["mfa.totp.secret"]
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    text = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    done = client.post("/compte/codes/activer/", {"code": text})
    assert done["Location"] == "/compte/codes-de-secours/"
    assert len(re.findall(r"<li>\d{8}</li>", client.get("/compte/codes-de-secours/").content.decode())) == 10
    assert client.get("/compte/").status_code == 200
    assert client.get("/").status_code != 302 or "premiers-pas" not in client.get("/")["Location"]


def test_a_demonstration_may_do_without_the_second_factor(client, region, settings):
    settings.MFA_REQUIRED = False
    assert sign_in(client, region.bruno)["Location"] == "/"
    assert client.get("/compte/").status_code == 200
    assert "account.steps" not in client.session or client.session["account.steps"] == []


def test_patients_and_relatives_may_do_without(client, region):
    from cercle.people.accounts.models import User

    david = User.objects.create_user("david@example.org", PASSWORD, kind="patient")
    sign_in(client, david)
    assert client.session["account.steps"] == []


def test_the_last_second_factor_cannot_be_removed(client, coded):
    sign_in(client, coded)
    page = client.get("/compte/codes/retirer/")
    assert "doit garder un second facteur" in page.content.decode()
    client.post("/compte/codes/retirer/")
    assert Authenticator.objects.filter(user=coded, type=Authenticator.Type.TOTP).exists()
