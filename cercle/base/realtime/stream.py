"""`/events`: what open screens listen to, answered natively in ASGI, beside Django (docs/adr/0001).

The address carries a list of topics signed for this user and this session (`topics.sign`); the cookie must be that
session. The stream says names only:

    event: changed    data: circle:<id>     something changed: ask again through the gate
    event: resync     data:                 something may have been missed: ask again for all
    event: closed     data: circle:<id>     access was lost (`session`: signed out); the stream ends

One LISTEN connection per worker process feeds all streams. Every 5 s one question per worker finds the sessions that
ended and the access that was lost. When that question cannot be asked for 15 s, the streams end: doubt closes.
A slow reader holds back nobody: what waits for it is a set of names, never longer than its list.
"""

import asyncio
import logging
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from urllib.parse import parse_qs

import psycopg
from django.conf import settings
from django.contrib.auth import get_user, get_user_model
from django.db import close_old_connections, connections
from django.http import HttpRequest

from . import checks, topics
from .push import CHANNEL

log = logging.getLogger(__name__)

CHECK_SECONDS = 5
DOUBT_SECONDS = 15
BEAT_SECONDS = 15
SEND_SECONDS = 10
REMEMBERED_SECONDS = 120  # what changed between the page and its stream is told when the stream opens
STREAMS_PER_SESSION = 12
RETRY = b"retry: 2000\n\n"


class Client:
    """One open stream."""

    __slots__ = ("ending", "pending", "session_key", "topics", "user_id", "wake")

    def __init__(self, user_id: str, session_key: str, names: frozenset[str]):
        self.user_id = user_id
        self.session_key = session_key
        self.topics = names
        self.pending: dict[str, None] = {}
        self.ending: str | None = None  # what `closed` will say; "" ends without a word
        self.wake = asyncio.Event()

    def tell(self, topic: str) -> None:
        self.pending[topic] = None
        self.wake.set()

    def close(self, why: str = "") -> None:
        if self.ending is None:
            self.ending = why
        self.wake.set()

    def take(self) -> bytes:
        self.wake.clear()
        names, self.pending = self.pending, {}
        if "" in names:
            return b"event: resync\ndata:\n\n"
        return "".join(f"event: changed\ndata: {name}\n\n" for name in names).encode()


class Hub:
    """The streams of one worker process, and the two tasks that serve them."""

    def __init__(self):
        self.clients: dict[Client, None] = {}  # in order of arrival
        self.by_topic: dict[str, set[Client]] = {}
        self.recent: dict[str, float] = {}
        self.listening_since: float | None = None
        self.checked_at = time.monotonic()
        self.threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="events")
        self.tasks: list[asyncio.Task] = []

    def start(self) -> None:
        self.tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._watch())]

    async def stop(self) -> None:
        self.close_all()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.threads.shutdown(wait=False)

    # --- who listens ------------------------------------------------------------------------------------------------
    def add(self, client: Client, signed_at: float) -> None:
        same = [c for c in self.clients if c.session_key == client.session_key and c.ending is None]
        for old in same[: max(0, len(same) + 1 - STREAMS_PER_SESSION)]:
            old.close("crowded")
        self.clients[client] = None
        for name in client.topics:
            self.by_topic.setdefault(name, set()).add(client)
        known_from = max(self.listening_since or time.time(), time.time() - REMEMBERED_SECONDS)
        if signed_at < known_from:
            client.tell("")
        for name in client.topics:
            if self.recent.get(name, 0) >= signed_at:
                client.tell(name)

    def remove(self, client: Client) -> None:
        self.clients.pop(client, None)
        for name in client.topics:
            if others := self.by_topic.get(name):
                others.discard(client)
                if not others:
                    del self.by_topic[name]

    def tell(self, names: list[str]) -> None:
        now = time.time()
        for name in names:
            self.recent.pop(name, None)
            self.recent[name] = now
            for client in self.by_topic.get(name, ()):
                client.tell(name)
        while self.recent and (oldest := next(iter(self.recent))) and self.recent[oldest] < now - REMEMBERED_SECONDS:
            del self.recent[oldest]

    def close_all(self, why: str = "") -> None:
        for client in list(self.clients):
            client.close(why)

    # --- what they hear ---------------------------------------------------------------------------------------------
    async def _listen(self) -> None:
        pause = 0.25
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(**_address(), autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self.listening_since, pause = time.time(), 0.25
                    for client in list(self.clients):
                        client.tell("")  # it may have missed something while we were deaf
                    while True:
                        async for notice in connection.notifies(timeout=30):
                            self.tell(notice.payload.split(" "))
                        await connection.execute("SELECT 1")  # a dead line is found within 30 s
            except (OSError, psycopg.Error) as error:
                log.warning("events: the database does not answer (%s), again in %.1f s", type(error).__name__, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10)

    # --- who may still listen ---------------------------------------------------------------------------------------
    async def _watch(self) -> None:
        while True:
            began = time.monotonic()
            await self.check()
            await asyncio.sleep(max(0.1, CHECK_SECONDS - 1 - (time.monotonic() - began)))  # 1 s for the question itself

    async def check(self) -> None:
        asked = [c for c in self.clients if c.ending is None]
        if not asked:
            self.checked_at = time.monotonic()
            return
        sessions = {(c.session_key, c.user_id) for c in asked}
        wanted = {(c.user_id, name) for c in asked for name in c.topics}
        try:
            live, heard = await asyncio.get_running_loop().run_in_executor(self.threads, _ask, sessions, wanted)
        except Exception as error:
            log.warning("events: access could not be checked (%s)", type(error).__name__)
            if time.monotonic() - self.checked_at > DOUBT_SECONDS:
                self.close_all()
            return
        self.checked_at = time.monotonic()
        for client in asked:
            if (client.session_key, client.user_id) not in live:
                client.close("session")
            elif lost := [name for name in client.topics if (client.user_id, name) not in heard]:
                client.close(min(lost))


def _address() -> dict:
    """The application's own database address, as libpq takes it; never a pool: LISTEN needs a line of its own."""
    params = connections["default"].get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold", "pool"):
        params.pop(name, None)
    return {**params, "connect_timeout": 5, "keepalives_idle": 30}


def _ask(sessions: set[tuple[str, str]], wanted: set[tuple[str, str]]) -> tuple[set, set]:
    """In a thread: the (session, user) that live, the (user, topic) still allowed."""
    close_old_connections()
    try:
        session_table = _store().get_model_class()._meta.db_table
        user_table = get_user_model()._meta.db_table
        with connections["default"].cursor() as cursor:
            cursor.execute(
                f"SELECT 's', session_key::text FROM {session_table}"
                " WHERE session_key = ANY(%s) AND expire_date > now()"
                f" UNION ALL SELECT 'u', id::text FROM {user_table} WHERE id::text = ANY(%s) AND is_active",
                [[s for s, _u in sessions], [u for _s, u in sessions]],
            )
            rows = set(cursor.fetchall())
        live = {(s, u) for s, u in sessions if ("s", s) in rows and ("u", u) in rows}
        users = {u for _s, u in live}
        return live, checks.allowed((u, t) for u, t in wanted if u in users)
    finally:
        close_old_connections()


def _admit(session_key: str, user_id: str, names: tuple[str, ...]) -> frozenset[str]:
    """In a thread: which of the signed topics this session may hear now; empty when it is not that user's."""
    close_old_connections()
    try:
        request = HttpRequest()
        request.session = _store()(session_key)
        user = get_user(request)  # checks the session's hash, so a changed password ends it
        if not user.is_authenticated or str(user.pk) != user_id:
            return frozenset()
        return frozenset(topic for _user, topic in checks.allowed((user_id, name) for name in names))
    finally:
        close_old_connections()


def _store():
    return import_module(settings.SESSION_ENGINE).SessionStore


# --- The door --------------------------------------------------------------------------------------------------------
_hub: Hub | None = None
_loop: asyncio.AbstractEventLoop | None = None


def hub() -> Hub:
    """This process's hub, started on the first stream of its event loop."""
    global _hub, _loop
    loop = asyncio.get_running_loop()
    if _hub is None or _loop is not loop:
        _hub, _loop = Hub(), loop
        _hub.start()
        _end_streams_on_sigterm(loop)
    return _hub


def _end_streams_on_sigterm(loop: asyncio.AbstractEventLoop) -> None:
    """Servers wait for open answers before they stop: end ours first, then let the server's own handler work."""
    try:
        before = signal.getsignal(signal.SIGTERM)
        if not callable(before):
            return

        def end(number, frame):
            loop.call_soon_threadsafe(_hub.close_all)
            before(number, frame)

        signal.signal(signal.SIGTERM, end)
    except ValueError:  # not the main thread
        pass


async def events(scope, receive, send) -> None:
    """The ASGI application of `/events`."""
    if scope["method"] != "GET":
        return await _refuse(send, 405)
    session_key = _cookie(scope, settings.SESSION_COOKIE_NAME)
    token = parse_qs(scope["query_string"].decode("latin-1")).get("topics", [""])[0]
    signed = topics.verify(token, session_key=session_key) if session_key and len(token) < 16_000 else None
    if signed is None:
        return await _refuse(send, 403)
    here = hub()
    try:
        names = await asyncio.get_running_loop().run_in_executor(
            here.threads, _admit, session_key, signed.user_id, signed.topics
        )
    except Exception as error:
        log.warning("events: a stream could not be admitted (%s)", type(error).__name__)
        await _open(send)  # a browser tries again after a stream that ends, never after an error status
        return await send({"type": "http.response.body", "body": b"retry: 5000\n\n"})
    if not names:
        return await _refuse(send, 403)
    client = Client(signed.user_id, session_key, names)
    here.add(client, signed.signed_at)
    gone = asyncio.ensure_future(_wait_until_gone(receive, client))
    try:
        await _open(send)
        await send({"type": "http.response.body", "body": RETRY, "more_body": True})
        await _serve(client, send)
    except (TimeoutError, OSError):
        pass  # too slow, or gone
    finally:
        here.remove(client)
        gone.cancel()


async def _serve(client: Client, send) -> None:
    while True:
        try:
            async with asyncio.timeout(BEAT_SECONDS):
                await client.wake.wait()
        except TimeoutError:
            body = b":\n\n"
        else:
            body = client.take()
        if client.ending is not None:
            if client.ending:
                body += f"event: closed\ndata: {client.ending}\n\n".encode()
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": body})
            return
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": body, "more_body": True})


async def _wait_until_gone(receive, client: Client) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    client.close()


async def _open(send) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"text/event-stream; charset=utf-8"),
                (b"cache-control", b"no-store"),
                (b"x-accel-buffering", b"no"),
                (b"x-content-type-options", b"nosniff"),
            ],
        }
    )


async def _refuse(send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"cache-control", b"no-store")]})
    await send({"type": "http.response.body", "body": b""})


def _cookie(scope, name: str) -> str:
    for key, value in scope["headers"]:
        if key == b"cookie":
            try:
                found = SimpleCookie(value.decode("latin-1")).get(name)
            except CookieError:
                continue
            if found:
                return found.value
    return ""
