"""The edge of the web process: proxies, body size, odd bytes."""

import asyncio

import pytest
from django.http import HttpResponse

from config import asgi


@pytest.fixture
def ask(monkeypatch):
    """Sends a request through the ASGI application, in front of a WSGI page that tells what it got."""
    seen = {}

    async def page(scope, body, send):
        seen.update(scope=scope, body=body.read() if body else b"")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    monkeypatch.setattr(asgi, "django", page)
    monkeypatch.setattr(asgi, "DRAIN", -1)

    def ask(*, headers=(), chunks=(b"",), method="POST", query=b"", client="10.0.0.1"):
        scope = {
            "type": "http", "method": method, "path": "/", "query_string": query, "http_version": "1.1",
            "headers": list(headers), "client": (client, 1), "scheme": "http",
        }  # fmt: skip
        sent, left = [], list(chunks)

        async def receive():
            if not left:
                await asyncio.sleep(3600)
            chunk = left.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(left)}

        async def send(message):
            sent.append(message)

        asyncio.run(asgi.application(scope, receive, send))
        return sent[0]["status"], b"".join(m.get("body", b"") for m in sent), seen, left

    return ask


def test_a_body_arrives_whole(ask):
    status, _, seen, _ = ask(chunks=[b"a" * 700_000, b"b" * 700_000, b"c"])
    assert status == 200
    assert seen["body"] == b"a" * 700_000 + b"b" * 700_000 + b"c"


def test_a_body_that_says_it_is_too_large_is_refused_unread(ask, settings):
    settings.MAX_BODY = 1000
    status, page, seen, left = ask(headers=[(b"content-length", b"1001")], chunks=[b"x"] * 3)
    assert status == 413
    assert "Envoi trop volumineux" in page.decode()
    assert not seen
    assert len(left) >= 2  # one more is taken to let the browser read


def test_a_body_that_does_not_say_is_refused_when_it_is_too_large(ask, settings):
    settings.MAX_BODY = 1000
    status, _, seen, left = ask(chunks=[b"x" * 600] * 5)
    assert status == 413
    assert not seen
    assert len(left) >= 2


def test_a_body_that_stops_coming_is_given_up(ask, monkeypatch):
    monkeypatch.setattr(asgi, "BODY_PATIENCE", 0.01)
    assert ask(headers=[(b"content-length", b"10")], chunks=[])[0] == 408


def test_nobody_forges_an_address(ask):
    forged = [(b"x-forwarded-for", b"1.2.3.4"), (b"x-forwarded-proto", b"https"), (b"x_forwarded_for", b"1.2.3.4")]
    _, _, seen, _ = ask(headers=forged)
    assert seen["scope"]["client"][0] == "10.0.0.1"
    assert seen["scope"]["scheme"] == "http"
    assert seen["scope"]["headers"] == [(b"content-length", b"0")]


def test_a_trusted_proxy_tells_the_address_and_the_scheme(ask, monkeypatch):
    from ipaddress import ip_network

    monkeypatch.setattr(asgi, "trusted", [ip_network("10.0.0.0/8")])
    _, _, seen, _ = ask(headers=[(b"x-forwarded-for", b"6.6.6.6, 1.2.3.4, 10.0.0.9"), (b"x-forwarded-proto", b"https")])
    assert seen["scope"]["client"][0] == "1.2.3.4"  # what stands before may be forged
    assert seen["scope"]["scheme"] == "https"


def test_odd_bytes_in_the_query_are_quoted(ask):
    _, _, seen, _ = ask(query="q=é&a=%20".encode("latin1"))
    assert seen["scope"]["query_string"] == b"q=%E9&a=%20"


@pytest.fixture
def through():
    """Sends a request to a WSGI application over the bridge, and gives back what was sent."""
    from config.bridge import Bridge

    def through(wsgi, *, method="GET", headers=(), path="/"):
        scope = {
            "type": "http", "method": method, "path": path, "query_string": b"", "http_version": "1.1",
            "headers": list(headers), "client": ("10.0.0.1", 1), "scheme": "http", "server": ("localhost", 80),
        }  # fmt: skip
        sent = []

        async def send(message):
            sent.append(message)

        asyncio.run(Bridge(wsgi, 1)(scope, None, send))
        return sent

    return through


def test_a_whole_answer_is_sent_at_once(through):
    def wsgi(environ, start_response):
        response = HttpResponse(["a", "b"])
        start_response("200 OK", [("X-Path", environ["PATH_INFO"])])
        return response

    start, body = through(wsgi, path="/é")
    assert (start["status"], start["headers"]) == (200, [(b"x-path", "/é".encode())])
    assert body == {"type": "http.response.body", "body": b"ab"}


def test_a_streaming_answer_is_sent_piece_by_piece_and_closed(through):
    closed = []

    class Pieces(list):
        def close(self):
            closed.append(True)

    def wsgi(environ, start_response):
        start_response("200 OK", [])
        return Pieces([b"a", b"b"])

    assert [message.get("body") for message in through(wsgi)] == [None, b"a", b"b", b""]
    assert closed


def test_cookies_cut_by_http2_are_joined(through):
    def wsgi(environ, start_response):
        start_response("200 OK", [])
        return [environ["HTTP_COOKIE"].encode()]

    sent = through(wsgi, headers=[(b"cookie", b"a=1"), (b"cookie", b"b=2")])
    assert sent[1]["body"] == b"a=1; b=2"
