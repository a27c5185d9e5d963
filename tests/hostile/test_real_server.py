"""The real server: bodies, hosts, addresses and streams that only it sees."""

import http.client
import socket
import time
from urllib.parse import quote

from django.test import Client
from django.urls import reverse

from cercle.base.realtime import topics
from tests import factories as make

PASSWORD = make.PASSWORD


def ask(site, method: str, path: str, body=None, **headers) -> http.client.HTTPResponse:
    line = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    line.request(method, path, body, {"Host": f"localhost:{site.port}", **headers})
    answer = line.getresponse()
    answer.body = (
        answer.read() if path != "/events" and not path.startswith("/events?") or answer.status != 200 else b""
    )
    return answer


def raw(site, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as line:
        line.sendall(sent)
        return line.recv(4000)


def test_what_the_real_server_is_sent(live_site):
    alice = make.circle(make.viewer(make.role("Alice", "Le Goff", profession="10")))
    other = make.user(make.role("Zoé", "Cariou"))
    mine, theirs = Client(), Client()
    mine.force_login(alice.user)
    theirs.force_login(other)
    key, other_key = mine.session.session_key, theirs.session.session_key
    names = [f"circle:{alice.circle_id}"]

    def stream(token: str, session: str) -> int:
        return ask(live_site, "GET", f"/events?topics={quote(token)}", Cookie=f"sessionid={session}").status

    good = topics.sign(names, user_id=alice.user_id, session_key=key)
    assert stream(good, key) == 200
    assert stream(good, other_key) == 403, "another session"
    assert stream(topics.sign(names, user_id=other.pk, session_key=other_key), other_key) == 403, "outside the circle"
    assert stream(topics.sign(names, user_id=alice.user_id, session_key=key, ttl=-1), key) == 403, "late"
    assert stream(good[:-3] + "abc", key) == 403, "forged"
    assert stream("", key) == 403 and stream(good, "") == 403

    assert ask(live_site, "GET", "/connexion/", Host="evil.example").status == 400
    assert ask(live_site, "GET", "/%00").status in (400, 404)
    assert ask(live_site, "GET", "/patients/%ff%fe/").status in (302, 400, 404)
    assert ask(live_site, "GET", "/patients/?q=%ff%00&from=%C2%B2").status == 302
    assert ask(live_site, "GET", "/static/../../../etc/passwd").status in (400, 404)
    assert ask(live_site, "GET", "/static/%2e%2e/%2e%2e/config/settings.py").status in (400, 404)
    assert ask(live_site, "TRACE", "/connexion/").status in (400, 403, 404, 405, 501)
    assert ask(live_site, "POST", "/connexion/", b"x" * 1000, **{"Content-Type": "text/plain"}).status == 403
    big = ask(live_site, "POST", "/connexion/", b"x" * (61 * 1024 * 1024), **{"Content-Type": "text/plain"})
    assert big.status == 413 and "trop" in big.body.decode().lower()
    assert raw(live_site, b"GARBAGE\r\n\r\n").startswith((b"HTTP/1.1 400", b""))
    half = b"POST /connexion/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nContent-Length: 20\r\n\r\nabc"
    assert b" 200 " not in raw(live_site, half)[:20]

    page = ask(live_site, "GET", "/connexion/")
    assert "no-store" in page.headers["Cache-Control"] and page.headers["X-Frame-Options"] == "DENY"
    before = time.monotonic()
    assert ask(live_site, "GET", "/healthz").status == 200 and time.monotonic() - before < 5, "still answering"
    assert (
        ask(live_site, "GET", reverse("record:patient", args=[alice.circle_id]), Cookie=f"sessionid={key}").status
        == 200
    )

    written = live_site.log.read_text()
    assert not [w for w in (alice.user.email, good[:40], key, "Quéméneur", "SELECT ") if w in written], written
