"""Headers, sign-in by default, limits, errors in words."""

import json
from urllib.parse import unquote

import pytest
from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse
from django.test import RequestFactory

from cercle.base.common.errors import Refused
from cercle.base.web import errors, limits, middleware
from cercle.base.web.open_routes import OPEN, open_to_all


def test_the_policy_of_content_allows_nothing_unsafe():
    response = middleware.SafeHeaders(lambda request: HttpResponse("x"))(RequestFactory().get("/"))
    policy = response["Content-Security-Policy"]
    assert "unsafe" not in policy and "*" not in policy and "http:" not in policy
    for rule in (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ):
        assert rule in policy
    assert response["Cache-Control"] == "no-store"
    assert "HX-Request" in response["Vary"]
    assert "usb=()" in response["Permissions-Policy"]


def test_a_view_may_set_a_stricter_policy():
    def view(request):
        return HttpResponse("x", headers={"Content-Security-Policy": "sandbox"}, content_type="image/png")

    response = middleware.SafeHeaders(view)(RequestFactory().get("/"))
    assert response["Content-Security-Policy"] == "sandbox"
    assert "Cache-Control" not in response


def test_a_stranger_is_sent_to_the_sign_in_and_comes_back(client):
    response = client.get("/patients/?q=x")
    assert response.status_code == 302
    assert response["Location"] == "/connexion/?next=/patients/%3Fq%3Dx"


def test_htmx_of_an_ended_session_gets_401_and_the_way_back(client):
    response = client.get(
        "/patients/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/patients/?q=a"}
    )
    assert response.status_code == 401
    assert response["HX-Redirect"] == "/connexion/?next=/patients/%3Fq%3Da"


def test_a_machine_without_session_gets_401_in_json(client):
    response = client.get("/patients/", headers={"Accept": "application/json"})
    assert response.status_code == 401
    assert json.loads(response.content) == {"error": "sign in"}


def test_what_is_open_says_why_and_opens_no_more():
    assert all(len(why) > 10 for why in OPEN.values())
    assert open_to_all("/healthz") and open_to_all("/static/web/tokens.css")
    for closed in ("/", "/patients/", "/healthz/x", "/healthzz", "/compte/", "/x/static/", "/bell/"):
        assert not open_to_all(closed), closed


ERRORS = [
    (400, lambda r: errors.bad_request(r)),
    (403, lambda r: errors.forbidden(r)),
    (403, lambda r: errors.csrf_failure(r)),
    (404, lambda r: errors.not_found(r)),
    (409, lambda r: errors.refused(r, Refused("Ce matricule est déjà porté par quelqu’un.", "ins_held"))),
    (413, lambda r: errors.bad_request(r, RequestDataTooBig())),
    (429, lambda r: errors.too_many(r, 42)),
    (500, lambda r: errors.server_error(r)),
]


@pytest.mark.parametrize(("status", "answer"), ERRORS)
def test_an_error_is_a_page_in_words(status, answer):
    response = answer(RequestFactory().get("/x/", headers={"Accept": "text/html"}))
    assert response.status_code == status
    text = response.content.decode()
    assert "<h1>" in text and 'lang="fr"' in text and 'href="/"' in text
    assert "Traceback" not in text and "exception" not in text.lower()


@pytest.mark.parametrize(("status", "answer"), ERRORS)
def test_htmx_gets_the_sentence_alone(status, answer):
    response = answer(RequestFactory().post("/x/", headers={"HX-Request": "true"}))
    assert response.status_code == status and response.content == b""
    assert len(unquote(response["X-Message"])) > 30


def test_a_refusal_nobody_caught_is_told_as_it_was_said():
    response = middleware.Sentences(lambda r: None).process_exception(RequestFactory().get("/"), Refused("Trop tôt."))
    assert response.status_code == 409 and "Trop tôt." in response.content.decode()
    assert middleware.Sentences(lambda r: None).process_exception(RequestFactory().get("/"), ValueError()) is None


def test_a_limit_counts_per_subject_and_says_how_long_to_wait(db):
    waits = [limits.spend("export", "user 1", limit=3) for _ in range(5)]
    assert waits[:3] == [0, 0, 0] and all(0 < w <= 60 for w in waits[3:])
    assert limits.spend("export", "user 2", limit=3) == 0
    assert limits.spend("link", "user 1", limit=3) == 0
    limits.forget("export", "user 1")
    assert limits.spend("export", "user 1", limit=3) == 0


def test_a_limit_keeps_no_address(db):
    from cercle.base.web.models import Counter

    limits.spend("sign-in", "address 192.0.2.7", limit=3)
    assert "192.0.2.7" not in Counter.objects.get().key


def test_a_limit_starts_again_in_the_next_window(db, monkeypatch):
    moment = [1_000_020]
    monkeypatch.setattr(limits.time, "time", lambda: moment[0])
    assert [limits.spend("form", "a", limit=1), limits.spend("form", "a", limit=1)] == [0, 60 - 1_000_020 % 60]
    moment[0] += 60
    assert limits.spend("form", "a", limit=1) == 0


def test_old_counters_are_forgotten(db, monkeypatch):
    from cercle.base.web.models import Counter
    from cercle.base.web.tasks import forget_old_counters

    monkeypatch.setattr(limits.time, "time", lambda: 1_000_000)
    limits.spend("form", "a", limit=1)
    monkeypatch.undo()
    limits.spend("form", "b", limit=1)
    forget_old_counters()
    assert Counter.objects.count() == 1


def test_a_limited_view_answers_429_in_french(db):
    @limits.limited("export", per_minute=1)
    def view(request):
        return HttpResponse("ok")

    request = RequestFactory().get("/x/", REMOTE_ADDR="192.0.2.9")
    assert view(request).status_code == 200
    refused = view(request)
    assert refused.status_code == 429 and int(refused["Retry-After"]) <= 60
    assert "Trop de demandes" in refused.content.decode()


def test_two_processes_share_one_count(fresh_db):
    """Twenty threads of other connections ask at once: exactly the limit passes."""
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    def ask(_):
        try:
            return limits.spend("export", "user 1", limit=7)
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        waits = list(pool.map(ask, range(20)))
    assert sum(w == 0 for w in waits) in (7, 14)  # 14 when the minute turns in between


def test_the_wide_limit_stops_a_runaway_only():
    bucket = limits.InProcess(per_minute=600)
    passed = sum(bucket.spend("a") for _ in range(700))
    assert 600 <= passed < 620
    assert bucket.spend("b")


def test_the_style_page_is_closed_where_people_are_real(client, monkeypatch, settings):
    from cercle.base.web import places

    monkeypatch.setitem(places._hooks, "demo", lambda: False)
    assert client.get("/style/").status_code == 404
    monkeypatch.setitem(places._hooks, "demo", lambda: True)
    assert client.get("/style/").status_code == 200


def test_the_frame_costs_no_query(django_assert_num_queries, rf, db):
    from django.contrib.auth.models import AnonymousUser

    from cercle.base.web.context import frame

    request = rf.get("/")
    request.user = AnonymousUser()
    with django_assert_num_queries(0):
        assert frame(request)["frame"].theme == ""


def test_the_theme_is_the_persons_choice_or_none(rf):
    from cercle.base.web.context import frame

    for cookie, theme in (("dark", "dark"), ("light", "light"), ('"><script>', ""), ("", "")):
        request = rf.get("/")
        request.COOKIES["theme"] = cookie
        assert frame(request)["frame"].theme == theme
