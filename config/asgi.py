"""One ASGI application: `/events` natively, everything else by sync Django in threads (docs/adr/0001).

A thread is only taken once a request's body is here, and no body above MAX_BODY is read: a slow or huge sender
costs memory of a fixed size, never a thread.
"""

import asyncio
import os
import re
import tempfile
from collections.abc import AsyncIterator
from ipaddress import ip_address, ip_network
from urllib.parse import quote_from_bytes

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

from config.bridge import Bridge
from config.wsgi import application as pages

THREADS = int(os.environ.get("WEB_THREADS", "8"))  # per worker; each keeps one database connection
BODY_PATIENCE = 30  # seconds without a byte
IN_MEMORY = 1024 * 1024
DRAIN, DRAIN_PATIENCE = 200 * 1024 * 1024, 20  # bytes and seconds after a 413

django = Bridge(pages, THREADS)
trusted = [ip_network(text) for text in settings.TRUSTED_PROXIES]

TOO_LARGE = (
    '<!doctype html><html lang="fr"><meta charset="utf-8"><title>Envoi trop volumineux</title>'
    '<meta name="viewport" content="width=device-width"><h1>Envoi trop volumineux</h1>'
    f"<p>Un envoi ne peut pas dépasser {settings.MAX_BODY // 1024**2}\u00a0Mo. Revenez en arrière\u00a0: "
    "ce que vous avez écrit y est encore. Choisissez un fichier plus petit, ou envoyez-en moins à la fois.</p></html>"
).encode()
TOO_SLOW = (
    '<!doctype html><html lang="fr"><meta charset="utf-8"><title>Envoi interrompu</title><h1>Envoi interrompu</h1>'
    "<p>Le réseau est trop lent ou s’est coupé. Revenez en arrière et envoyez de nouveau.</p></html>"
).encode()


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    if scope["type"] != "http":
        return
    scope = _clean(scope)
    if scope["path"] == "/events":
        from cercle.base.realtime.stream import events

        await events(scope, receive, send)
        return
    if scope["method"] in {"GET", "HEAD"} and not _header(scope, b"content-length"):
        await django(scope, None, send)
        return
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as body:
        refusal = await _read(scope, receive, body)
        if refusal is None:
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"content-length"]
            scope["headers"].append((b"content-length", str(body.tell()).encode()))  # a body in chunks has none
            body.seek(0)
            await django(scope, body, send)
            return
    status, page = refusal
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(len(page)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": page})
    if status == 413:
        await _let_finish(receive)


async def _let_finish(receive) -> None:
    """A browser shows our page only if it may go on sending for a while; then the connection is cut."""
    left = DRAIN
    try:
        async with asyncio.timeout(DRAIN_PATIENCE):
            async for chunk in _chunks(receive):
                left -= len(chunk)
                if left < 0:
                    return
    except (TimeoutError, ConnectionError):
        pass


def _header(scope, wanted: bytes) -> bytes:
    return next((value for name, value in scope["headers"] if name == wanted), b"")


def _clean(scope) -> dict:
    """The scope with the true client and scheme. X-Forwarded-* count only when a trusted proxy says them; nobody
    further in sees them. Names with an underscore go: WSGI would confuse X_A with X-A."""
    forwarded = {}
    headers = []
    for name, value in scope["headers"]:
        if name.startswith(b"x-forwarded-") or name == b"forwarded":
            forwarded[name] = forwarded[name] + b"," + value if name in forwarded else value
        elif b"_" not in name:
            headers.append((name, value))
    scope = {**scope, "headers": headers}
    if not scope["query_string"].isascii():
        scope["query_string"] = quote_from_bytes(scope["query_string"], safe="%&=+;/?:@!$'()*,-._~[]").encode()
    if trusted and scope.get("client") and _is_trusted(scope["client"][0]):
        for hop in reversed(forwarded.get(b"x-forwarded-for", b"").decode("latin1").split(",")):
            if not re.fullmatch(r"[0-9a-fA-F.:]+", hop.strip()):
                break
            scope["client"] = (hop.strip(), 0)
            if not _is_trusted(hop.strip()):
                break
        scheme = forwarded.get(b"x-forwarded-proto", b"").decode("latin1").split(",")[-1].strip()
        if scheme in {"http", "https"}:
            scope["scheme"] = scheme
    return scope


def _is_trusted(address: str) -> bool:
    try:
        return any(ip_address(address) in network for network in trusted)
    except ValueError:
        return False


async def _read(scope, receive, body) -> tuple[int, bytes] | None:
    """The request's body into `body`; what to answer instead when it is too large or does not come."""
    length = _header(scope, b"content-length")
    if length.isdigit() and int(length) > settings.MAX_BODY:
        return 413, TOO_LARGE
    size = 0
    try:
        async for chunk in _chunks(receive):
            size += len(chunk)
            if size > settings.MAX_BODY:
                return 413, TOO_LARGE
            body.write(chunk)
    except (TimeoutError, ConnectionError):
        return 408, TOO_SLOW
    return None


async def _chunks(receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        async with asyncio.timeout(BODY_PATIENCE):
            message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        more = message.get("more_body", False)
        yield message.get("body", b"")


async def _lifespan(receive, send) -> None:
    await receive()
    await asyncio.to_thread(_warm)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def _warm() -> None:
    """Load routes and views before the first visitor does."""
    from django.urls import get_resolver

    _ = get_resolver().url_patterns
