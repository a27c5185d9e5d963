"""Sessions, addresses, and what an account may not become."""

import re
import time

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cercle.care.notebook import actions as notebook
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from cercle.people.circles.models import BreakGlass, JoinRequest, Member
from tests import factories as make
from tests.hostile import routes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_second_factor")]


def sentences(answer) -> str:
    """What the page says, without what was typed in it nor what differs at each answer."""
    text = re.search(r"<body.*</body>", answer.text, re.DOTALL)[0]
    text = re.sub(r"<textarea.*?</textarea>", "", text, flags=re.DOTALL)
    return re.sub(r'(value|content|data-[a-z-]+)="[^"]*"|hx-headers=\'[^\']*\'', "", text)


def test_a_deactivated_account_loses_its_open_session_at_once(client, alice):
    make.sign_in(client, alice.user)
    url = reverse("record:patient", args=[alice.circle_id])
    assert client.get(url).status_code == 200
    type(alice.user).objects.filter(pk=alice.user.pk).update(is_active=False, deactivated_at=timezone.now())
    assert client.get(url).status_code == 302


def test_an_ended_practice_opens_nothing_more(client, alice):
    make.sign_in(client, alice.user)
    role = alice.practice_role
    type(role).objects.filter(pk=role.pk).update(ended_at="2026-01-01T00:00Z")
    assert client.get(reverse("record:patient", args=[alice.circle_id])).status_code == 404
    assert f"/patients/{alice.circle_id}" not in client.get("/patients/").text


def test_nobody_takes_a_context_that_is_not_hers(client, alice, zoe):
    make.sign_in(client, zoe.user)
    assert client.post(reverse("accounts:context"), {"context": str(alice.practice_role_id)}).status_code == 404
    session = client.session
    session["context"] = str(alice.practice_role_id)
    session.save()
    assert client.get(reverse("record:patient", args=[alice.circle_id])).status_code == 404


@pytest.mark.parametrize("kind", ["support", "operator", "relative", "patient"])
def test_who_runs_the_site_or_is_nobodys_relative_opens_no_file(client, alice, kind):
    make.sign_in(client, make.user(kind=kind))
    for route in routes.of_a_circle():
        assert client.get(route.url(circle_id=alice.circle_id)).status_code in (404, 405), route.name


def test_signing_in_changes_the_session_key(client, alice):
    client.get("/connexion/")
    client.cookies["sessionid"] = "a" * 32  # planted by someone else
    make.sign_in(client, alice.user)
    assert client.cookies["sessionid"].value != "a" * 32


@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "http:evil"]
)
def test_signing_in_goes_nowhere_else(client, alice, there):
    answer = client.post("/connexion/", {"login": alice.user.email, "password": make.PASSWORD, "next": there})
    assert answer.status_code == 302 and "evil" not in answer["Location"] and "javascript" not in answer["Location"]


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example"])
def test_changing_context_goes_nowhere_else(client, alice, there):
    make.sign_in(client, alice.user)
    answer = client.post(reverse("accounts:context"), {"context": str(alice.practice_role_id), "next": there})
    assert "evil" not in answer["Location"]


def test_the_links_sent_do_not_follow_the_host_of_the_request(client, alice, settings):
    settings.ALLOWED_HOSTS = ["*"]
    answer = client.post(
        reverse("account_reset_password"), {"email": alice.user.email},
        headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"},
    )  # fmt: skip
    from cercle.people.accounts import tasks

    tasks.send_password_link(str(alice.user.pk))
    assert answer.status_code == 200 and "evil" not in str(mail.outbox[-1].message())


def test_an_unknown_host_is_refused(client):
    assert client.get("/connexion/", headers={"Host": "evil.example"}).status_code == 400


def test_a_forgotten_password_says_the_same_for_everyone(client, alice):
    url = reverse("account_reset_password")
    known = client.post(url, {"email": alice.user.email})
    unknown = client.post(url, {"email": "personne@ailleurs.example"})
    assert (known.status_code, sentences(known)) == (unknown.status_code, sentences(unknown))


def test_a_wrong_password_says_the_same_and_costs_the_same_for_everyone(client, alice, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    alice.user.set_password("un autre mot de passe sûr")
    alice.user.save()

    def tried(email):
        before = time.perf_counter()
        answer = Client().post("/connexion/", {"login": email, "password": "faux mot de passe"})
        return sentences(answer), answer.status_code, time.perf_counter() - before

    known, unknown = tried(alice.user.email), tried("personne@ailleurs.example")
    assert known[:2] == unknown[:2]
    assert 0.2 < known[2] / unknown[2] < 5


def test_every_post_asks_for_its_token(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice.user)
    for route in routes.every():
        answer = client.post(route.url(circle_id=alice.circle_id), {"text": "x"})
        assert answer.status_code in (403, 405), route.name


def test_cookies_are_for_https_and_for_the_site_only(client, alice, settings):
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    make.sign_in(client, alice.user)
    cookie = client.cookies["sessionid"]
    assert cookie["secure"] and cookie["httponly"] and cookie["samesite"] == "Lax"
    answer = client.get("/patients/")
    assert answer["X-Frame-Options"] == "DENY" and "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]


def test_cookies_are_secure_unless_told_otherwise():
    assert django_settings.INSECURE_HTTP or django_settings.SESSION_COOKIE_SECURE


def test_an_address_said_by_the_caller_does_not_escape_the_lock(alice, settings):
    settings.LOCKOUT = settings.LOCKOUT | {"address": (3, 900, 900)}
    said = [
        Client().post(
            "/connexion/", {"login": f"x{n}@y.example", "password": "faux"}, headers={"X-Forwarded-For": f"10.0.0.{n}"}
        ).status_code
        for n in range(6)
    ]  # fmt: skip
    assert said[-1] == 429


def test_a_limit_holds(client, zoe):
    make.sign_in(client, zoe.user)
    said = [client.post(reverse("circles:join"), {"token": "x"}).status_code for _n in range(7)]
    assert said[:5] == [404] * 5 and said[-1] == 429


# --- The doors of those who are outside ---------------------------------------------------------------------------------


def emergency(client, **typed):
    data = {"family": "Quéméneur", "given": "Yvonne", "birth_date": "12/04/1941", "reason": "malaise, seule chez elle"}
    return client.post(reverse("circles:emergency"), data | typed)


@pytest.fixture
def stranger(client):
    role = make.role("Paul", "Abgrall", profession="10")
    person = make.user(role)
    make.sign_in(client, person)
    return make_viewer(person, role)


def test_a_short_reason_tells_nothing_about_the_file(client, alice, stranger):
    there, nowhere = emergency(client, reason="vite"), emergency(client, reason="vite", family="Inconnue")
    assert there.status_code == nowhere.status_code == 422 and sentences(there) == sentences(nowhere)


def test_a_spent_quota_tells_nothing_about_the_file(client, alice, stranger):
    for n in range(circles.BREAK_GLASS_QUOTA):
        other = make.circle(make.viewer(make.role("Zoé", f"Cariou{'abcdefgh'[n]}")), birth_date=f"195{n}-01-02")
        circles.break_glass(stranger, circle_id=other.circle_id, reason="malaise, seule chez elle")
    there, nowhere = emergency(client), emergency(client, family="Inconnue")
    assert there.status_code == nowhere.status_code == 422 and sentences(there) == sentences(nowhere)


def test_a_refusal_tells_nothing_about_the_file(client, alice, stranger):
    circles.oppose(alice, practitioner=stranger.practice_role.practitioner)
    there, nowhere = emergency(client), emergency(client, family="Inconnue")
    assert there.status_code == nowhere.status_code == 422 and sentences(there) == sentences(nowhere)
    assert not BreakGlass.objects.exists()


def test_a_token_to_join_is_opaque_and_personal(client, alice, zoe, stranger):
    from cercle.people.circles.views import join_token

    one, two = join_token(alice.circle_id, stranger.user_id), join_token(alice.circle_id, stranger.user_id)
    assert one != two and alice.circle_id.hex not in one and str(alice.circle_id) not in one
    assert client.post(reverse("circles:join"), {"token": join_token(alice.circle_id, zoe.user_id)}).status_code == 404
    assert not JoinRequest.objects.exists()
    assert client.post(reverse("circles:join"), {"token": one}).status_code == 302
    assert JoinRequest.objects.count() == 1


def test_an_emergency_opening_changes_nothing_of_the_circle(client, alice, stranger):
    opened = circles.break_glass(stranger, circle_id=alice.circle_id, reason="malaise, seule chez elle")
    for name in ("circles:add", "circles:consent", "circles:oppose", "notebook:print", "record:log_more", "stays:new"):
        route = next(r for r in routes.every() if r.name == name)
        assert client.get(route.url(circle_id=alice.circle_id)).status_code == 403, name
    notebook.add_note(reach(stranger, alice.circle_id), text="vue en urgence")
    circles.review_break_glass(alice, opened=opened, verdict="contested")
    assert client.get(reverse("record:patient", args=[alice.circle_id])).status_code == 404


def test_a_carer_reads_and_writes_but_manages_nothing(client, alice, alices_rows):
    person = make.user(kind="relative")
    make.join(alice, contact=make.contact(alice.patient, given="Chloé"), person=person, ground="wish")
    make.sign_in(client, person)
    before = Member.objects.filter(ended_at=None).count()
    for name in ("add", "end", "lead", "consent", "oppose", "lift", "withdraw", "answer", "review"):
        route = next(r for r in routes.every() if r.name == f"circles:{name}")
        assert client.post(route.url(**alices_rows), {"verdict": "justified", "accept": "1"}).status_code == 403, name
    assert Member.objects.filter(ended_at=None).count() == before
    for name in ("correct", "withdraw"):
        route = next(r for r in routes.every() if r.name == f"notebook:{name}")
        got = client.post(route.url(**alices_rows), {"text": "à moi", "reason": "à moi", "based_on": "1"})
        assert got.status_code in (403, 404, 422), name
