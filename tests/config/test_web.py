"""The real web server."""

import http.client
import socket

import pytest

from tests.support.site import Site


@pytest.fixture
def site(fresh_db):
    with Site(fresh_db) as made:
        yield made


def test_a_body_too_large_is_refused_and_the_client_reads_why(site):
    site.start_web(MAX_BODY="1000000")
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    connection.request("POST", "/connexion/", body=b"x" * 30_000_000)  # all of it before reading the answer
    answer = connection.getresponse()
    assert answer.status == 413
    assert "Envoi trop volumineux" in answer.read().decode()
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    connection.request("POST", "/connexion/", body=(b"x" * 100_000 for _ in range(30)), encode_chunked=True)
    assert connection.getresponse().status == 413


def test_two_workers_answer_and_odd_addresses_do_not_trouble_them(site):
    site.start_web(workers=2)
    odd = [b"/healthz?q=\xff", b"/%ff%fe", b"/healthz?%00", b"/%00", b"/" + b"a" * 5000, b"/healthz?" + b"a=&" * 3000]
    for path in odd * 3:
        with socket.create_connection(("127.0.0.1", site.port), timeout=20) as raw:
            raw.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            status = int(raw.recv(1000).split(b" ")[1])
        assert status in {200, 302, 400, 404, 414}, path
