"""/events against a real database: quick, closed to others, closed on sign-out and on lost access, names only."""

import asyncio
import time
import tracemalloc
import uuid

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connections, transaction

from cercle.base.realtime import checks, stream, topics
from cercle.base.realtime.push import push

from .screen import Screen

CIRCLE = "01a20d36-0000-7000-8000-000000000001"
OTHER = "01a20d36-0000-7000-8000-000000000002"


def signed_in(email: str):
    user = get_user_model().objects.create_user(email)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return user, session.session_key


@pytest.fixture
def rights():
    """Who may hear which circle, changed by the test: {user id: {circle id}}."""
    allowed: dict[str, set[str]] = {}
    before = checks._checks.get("circle")
    checks.register("circle", lambda user_id, names: names & allowed.get(user_id, set()))
    yield allowed
    if before:
        checks._checks["circle"] = before
    else:
        del checks._checks["circle"]


@pytest.fixture
def bruno(fresh_db, rights):
    user, key = signed_in("bruno@example.org")
    rights[str(user.pk)] = {CIRCLE}
    return user, key


def token(user, key, *names, **more):
    return topics.sign(names or [f"circle:{CIRCLE}"], user_id=user.pk, session_key=key, **more)


def say(*names):
    with transaction.atomic():
        push(*names)


def play(scene):
    """Run a scene on an event loop of its own; database work of the test goes to a thread."""

    async def whole():
        try:
            await scene()
        finally:
            if stream._hub:
                await stream._hub.stop()
            stream._hub = None

    asyncio.run(whole())


async def in_thread(function, *args):
    def work():
        try:
            return function(*args)
        finally:
            connections["default"].close()

    return await asyncio.to_thread(work)


async def listening():
    while stream.hub().listening_since is None:
        await asyncio.sleep(0.01)


def test_a_push_reaches_an_open_screen_in_under_a_second(bruno):
    async def scene():
        screen = await Screen(token(*bruno), bruno[1]).opened()
        await listening()
        await in_thread(say, f"circle:{OTHER}", f"circle:{CIRCLE}")
        began = time.monotonic()
        await screen.hears("changed", f"circle:{CIRCLE}")
        assert time.monotonic() - began < 1
        assert screen.text.startswith("retry:")
        assert OTHER not in screen.text

    play(scene)


def test_nothing_is_said_when_the_transaction_fails(bruno):
    def fail():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            push(f"circle:{CIRCLE}")
            1 / 0  # noqa: B018

    async def scene():
        screen = await Screen(token(*bruno, f"circle:{CIRCLE}", f"user:{bruno[0].pk}"), bruno[1]).opened()
        await listening()
        await in_thread(fail)
        await in_thread(say, f"user:{bruno[0].pk}")
        await screen.hears("changed", f"user:{bruno[0].pk}")
        assert CIRCLE not in screen.text

    play(scene)


def test_a_change_between_the_page_and_its_stream_is_told_when_it_opens(bruno):
    async def scene():
        first = await Screen(token(*bruno), bruno[1]).opened()
        await listening()
        page = token(*bruno)
        await in_thread(say, f"circle:{CIRCLE}")
        await first.hears("changed", f"circle:{CIRCLE}")
        told = {
            ("changed", f"circle:{CIRCLE}"),
            ("resync", ""),
        }  # signed in the very instant we began to listen: resync
        await Screen(page, bruno[1]).until(lambda s: told & set(s.heard))

    play(scene)


@pytest.mark.parametrize(
    "how", ["forged", "late", "other session", "no cookie", "not the user's", "no right", "no topics"]
)
def test_a_stream_is_refused(bruno, rights, how):
    user, key = bruno
    given, cookie = token(user, key), key
    if how == "forged":
        given = given[:-2] + "xx"
    elif how == "late":
        given = token(user, key, ttl=-1)
    elif how == "other session":
        given = token(user, "another")
    elif how == "no cookie":
        cookie = ""
    elif how == "not the user's":
        other, _key = signed_in("zoe@example.org")
        given = token(other, key)
    elif how == "no right":
        rights.clear()
    elif how == "no topics":
        given = ""

    async def scene():
        screen = await Screen(given, cookie).until(lambda s: s.ended)
        assert (screen.status, screen.text) == (403, "")

    play(scene)


def test_someone_elses_own_topic_is_not_heard(bruno):
    zoe = uuid.uuid4()

    async def scene():
        screen = await Screen(token(*bruno, f"user:{zoe}"), bruno[1]).until(lambda s: s.ended)
        assert screen.status == 403

    play(scene)


def test_signing_out_closes_the_screen_within_5_seconds(bruno):
    async def scene():
        screen = await Screen(token(*bruno), bruno[1]).opened()
        await in_thread(lambda: Session.objects.filter(session_key=bruno[1]).delete())
        began = time.monotonic()
        await screen.hears("closed", "session")
        await screen.until(lambda s: s.ended)
        assert time.monotonic() - began < 5

    play(scene)


def test_losing_access_closes_the_screen_within_5_seconds_and_names_the_circle(bruno, rights):
    rights[str(bruno[0].pk)] = {CIRCLE, OTHER}

    async def scene():
        screen = await Screen(token(*bruno, f"circle:{CIRCLE}", f"circle:{OTHER}"), bruno[1]).opened()
        kept = await Screen(token(*bruno, f"circle:{CIRCLE}"), bruno[1]).opened()
        rights[str(bruno[0].pk)] = {CIRCLE}
        began = time.monotonic()
        await screen.hears("closed", f"circle:{OTHER}")
        await screen.until(lambda s: s.ended)
        assert time.monotonic() - began < 5
        assert not kept.ended
        again = await Screen(token(*bruno, f"circle:{CIRCLE}", f"circle:{OTHER}"), bruno[1]).opened()
        await listening()
        await in_thread(say, f"circle:{OTHER}", f"circle:{CIRCLE}")
        await again.hears("changed", f"circle:{CIRCLE}")
        assert ("changed", f"circle:{OTHER}") not in again.heard

    play(scene)


def test_a_deactivated_account_is_closed(bruno):
    from django.utils import timezone

    async def scene():
        screen = await Screen(token(*bruno), bruno[1]).opened()
        await in_thread(
            lambda: (
                get_user_model().objects.filter(pk=bruno[0].pk).update(is_active=False, deactivated_at=timezone.now())
            )
        )
        await stream.hub().check()
        await screen.hears("closed", "session")

    play(scene)


def test_one_question_a_check_whatever_the_number_of_screens(bruno, rights):
    asked = []
    checks.register("circle", lambda pairs: asked.append(len(pairs)) or pairs, batch=True)

    async def scene():
        for _ in range(6):
            await Screen(token(*bruno), bruno[1]).opened()
        asked.clear()
        await stream.hub().check()
        assert asked == [1]

    play(scene)


def test_when_access_cannot_be_checked_doubt_closes(bruno, monkeypatch):
    def broken(*_args):
        raise OSError("no database")

    async def scene():
        screen = await Screen(token(*bruno), bruno[1]).opened()
        monkeypatch.setattr(stream, "_ask", broken)
        stream.hub().checked_at = time.monotonic()
        await stream.hub().check()
        assert not screen.ended
        stream.hub().checked_at -= stream.DOUBT_SECONDS + 1
        await stream.hub().check()
        await screen.until(lambda s: s.ended)

    play(scene)


def test_a_lost_database_line_is_taken_up_again_and_screens_are_told_to_ask_again(bruno, fresh_db):
    import psycopg

    def cut():
        with psycopg.connect(fresh_db.url("superuser"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' AND datname = current_database()"
            )

    async def scene():
        screen = await Screen(token(*bruno), bruno[1]).opened()
        await listening()
        already = screen.heard.count(("resync", ""))
        await in_thread(cut)
        await screen.until(lambda s: s.heard.count(("resync", "")) > already)
        await in_thread(say, f"circle:{CIRCLE}")
        await screen.hears("changed", f"circle:{CIRCLE}")

    play(scene)


def test_a_slow_reader_costs_a_set_of_names_and_is_dropped(bruno, monkeypatch):
    monkeypatch.setattr(stream, "SEND_SECONDS", 0.3)

    async def scene():
        slow = await Screen(token(*bruno), bruno[1], reads=False).opened()
        quick = await Screen(token(*bruno), bruno[1]).opened()
        for _ in range(500):
            stream.hub().tell([f"circle:{CIRCLE}"])
        assert all(len(c.pending) <= 2 for c in stream.hub().clients)  # its one name, and perhaps resync
        await quick.hears("changed", f"circle:{CIRCLE}")
        async with asyncio.timeout(5):
            await slow.task
        assert len(stream.hub().clients) == 1

    play(scene)


def test_a_browser_that_leaves_is_forgotten(bruno):
    async def scene():
        screen = await Screen(token(*bruno), bruno[1]).opened()
        screen.gone.set()
        await screen.task
        assert not stream.hub().clients and not stream.hub().by_topic

    play(scene)


def test_one_session_cannot_open_streams_without_end(bruno):
    async def scene():
        screens = [await Screen(token(*bruno), bruno[1]).opened() for _ in range(stream.STREAMS_PER_SESSION + 1)]
        await screens[0].hears("closed", "crowded")
        assert not screens[1].ended

    play(scene)


def test_idle_streams_beat(bruno, monkeypatch):
    monkeypatch.setattr(stream, "BEAT_SECONDS", 0.05)

    async def scene():
        screen = await Screen(token(*bruno), bruno[1]).opened()
        await screen.until(lambda s: s.text.endswith(":\n\n"))

    play(scene)


def test_a_stream_costs_less_than_40_kb(bruno, monkeypatch):
    monkeypatch.setattr(stream, "STREAMS_PER_SESSION", 10_000)
    given = token(*bruno)

    async def scene():
        await Screen(given, bruno[1]).opened()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        screens = [Screen(given, bruno[1]) for _ in range(200)]
        for screen in screens:
            await screen.opened()
        cost = (tracemalloc.get_traced_memory()[0] - before) / 200
        tracemalloc.stop()
        assert cost < 40_000, cost

    play(scene)


def test_the_doors_of_push_let_only_names_through():
    for wrong in ("Mme Le Gall est tombée", "circle:", "circle:é", "circle:a b", "CIRCLE:1"):
        with pytest.raises(ValueError):
            push(wrong)
        with pytest.raises(ValueError):
            topics.sign([wrong], user_id=1, session_key="k")


def test_many_names_go_in_few_messages_of_bounded_size(db, django_assert_num_queries):
    with django_assert_num_queries(1):
        push(*(f"circle:{uuid.uuid4()}" for _ in range(2000)))
    push()
