"""/events through the real server."""

import http.client
import time

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction

from cercle.base.realtime import topics
from cercle.base.realtime.push import push

from .test_stream import signed_in


def open_stream(site, token, key):
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    connection.request("GET", f"/events?topics={token}", headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={key}"})
    return connection.getresponse()


def until(answer, wanted: str) -> float:
    began = time.monotonic()
    while line := answer.readline().decode():
        if line.strip() == wanted:
            return time.monotonic() - began
    raise AssertionError(f"the stream ended without {wanted}")


def test_a_real_stream_hears_closes_on_sign_out_and_does_not_hold_the_server_back(live_site):
    user, key = signed_in("bruno@example.org")
    topic = f"user:{user.pk}"
    token = topics.sign([topic], user_id=user.pk, session_key=key)
    answer = open_stream(live_site, token, key)
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/event-stream")
    until(answer, "retry: 2000")
    with transaction.atomic():
        push(topic)
    assert until(answer, f"data: {topic}") < 1
    Session.objects.filter(session_key=key).delete()
    assert until(answer, "data: session") < 5
    assert answer.read().strip() == b""
    assert open_stream(live_site, token, key).status == 403

    other, key = signed_in("chloe@example.org")
    open_one = open_stream(live_site, topics.sign([f"user:{other.pk}"], user_id=other.pk, session_key=key), key)
    assert open_one.status == 200
    began = time.monotonic()
    live_site.processes[0].terminate()
    live_site.processes[0].wait(10)
    assert time.monotonic() - began < 4
