"""What was acknowledged is there, once: the database and the web server are killed (-9) while notes are being written.

Through the real server, by several clients that repeat what was not acknowledged under the same `client_ref`, as phones do.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest

from cercle.base.common.postgres import Server
from tests.support import database
from tests.support.site import Site

SETUP = """
import django; django.setup()
import json
from django.test import Client
from tests import factories as make
acting = make.circle(make.viewer(make.role()))
keys = []
for _ in range(%d):
    client = Client()
    client.force_login(acting.user)
    keys.append(client.cookies["cercle_session" if "cercle_session" in client.cookies else "sessionid"].value)
from django.conf import settings
print(json.dumps({"circle": str(acting.circle_id), "keys": keys, "cookie": settings.SESSION_COOKIE_NAME, "csrf": settings.CSRF_COOKIE_NAME}))
"""
MIGRATE = """
import django; django.setup()
from django.core.management import call_command as call
call('migrate', 'common', database='owner', verbosity=0)
call('migrate', database='owner', verbosity=0)
"""


class Durable:
    """A database that keeps its promises (fsync on), of this test alone."""

    name = "cercle"

    def __init__(self, home: Path):
        self.server = Server(home, durable=True)
        self.home = home

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ, "CERCLE_HOME": str(self.home), "DJANGO_SETTINGS_MODULE": "tests.support.settings",
            "DATABASE_URL": self.server.url("app", self.name), "DATABASE_OWNER_URL": self.server.url("owner", self.name),
            "CERCLE_MFA_REQUIRED": "0",
        }  # fmt: skip

    def run(self, code: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code], env=self.env, cwd=database.ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def rows(self, statement: str) -> list:
        with psycopg.connect(self.server.url("superuser", self.name)) as connection:
            return connection.execute(statement).fetchall()

    def kill(self) -> None:
        """-9 to the postmaster and each of its children, as when the power goes."""
        master = self.server._postmaster()
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        for pid in (master, *map(int, children)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + 20
        while self.server.alive() and time.monotonic() < deadline:
            time.sleep(0.02)


@pytest.fixture
def durable():
    home = Path(tempfile.mkdtemp(prefix="cercle-fault-", dir="/tmp"))
    home.chmod(0o711)
    made = Durable(home)
    made.server.start()
    try:
        made.run(MIGRATE)
        yield made
    finally:
        made.server.stop()
        subprocess.run(["rm", "-rf", str(home)], check=False)


class Clients:
    """`count` notes written by as many threads as there are sessions; each repeats a note until it is acknowledged."""

    def __init__(self, port: int, told: dict, count: int):
        self.port, self.told, self.count = port, told, count
        self.acknowledged: dict[str, int] = {}  # client_ref -> how many sends it took
        self.lock = threading.Lock()
        self.refused: list = []
        keys = told["keys"]
        self.threads = [threading.Thread(target=self.write, args=(n, key), daemon=True) for n, key in enumerate(keys)]

    def write(self, number: int, key: str) -> None:
        for n in range(number, self.count, len(self.threads)):
            ref, sends = f"ref-{n}", 0
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline:
                sends += 1
                status = self.send(key, {"text": f"Note {n}", "type": "GEN", "urgency": "0", "client_ref": ref})
                if status == 302:
                    with self.lock:
                        self.acknowledged[ref] = sends
                    break
                if status and status < 500:
                    with self.lock:
                        self.refused.append(status)
                    return
                time.sleep(0.05)

    def send(self, key: str, form: dict) -> int | None:
        token = "a" * 32
        headers = {
            "Cookie": f"{self.told['cookie']}={key}; {self.told['csrf']}={token}", "X-CSRFToken": token,
            "Content-Type": "application/x-www-form-urlencoded",
        }  # fmt: skip
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            line.request("POST", f"/patients/{self.told['circle']}/notes/", urlencode(form), headers)
            return line.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            line.close()

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def until(self, acknowledged: int) -> None:
        deadline = time.monotonic() + 120
        while len(self.acknowledged) < acknowledged and not self.refused and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.acknowledged) >= acknowledged, self.refused

    def finish(self) -> None:
        for thread in self.threads:
            thread.join(180)
        assert self.refused == []
        assert len(self.acknowledged) == self.count


def refs(durable: Durable) -> list[str]:
    return [
        ref for (ref,) in durable.rows("SELECT ref FROM circles_clientref JOIN notebook_note n ON n.id = target_id")
    ]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("count", "writers"), [(80, 4), pytest.param(1000, 8, marks=pytest.mark.slow)], ids=["quick", "long"]
)
def test_every_acknowledged_note_is_there_once_after_the_database_and_the_web_server_were_killed(
    durable, count, writers
):
    told = json.loads(durable.run(SETUP % writers))
    with Site(durable) as site:
        site.start_web()
        clients = Clients(site.port, told, count)
        clients.start()
        clients.until(count // 4)
        durable.kill()
        with clients.lock:
            before = set(clients.acknowledged)
        durable.server.start()
        assert before <= set(refs(durable)), "acknowledged, then lost"
        # Now the web server alone, in the middle of its writes.
        clients.until(count // 2)
        web = site.processes.pop()
        children = Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text().split()
        for pid in (*map(int, children), web.pid):
            os.kill(pid, signal.SIGKILL)
        web.wait()
        site.start_web()
        clients.finish()
    assert sorted(refs(durable)) == sorted(f"ref-{n}" for n in range(count))
    texts, sequences = zip(*durable.rows("SELECT text, seq FROM notebook_note"), strict=True)
    assert sorted(texts) == sorted(f"Note {n}" for n in range(count))
    assert sorted(sequences) == list(range(1, count + 1))  # no hole: a number that was taken and lost is given back
    [(traces, versions, counter)] = durable.rows(
        "SELECT (SELECT count(*) FROM audit_event WHERE action = 'notebook.note_added'),"
        " (SELECT count(*) FROM notebook_noteversion), (SELECT note_seq FROM circles_circlecounter)"
    )
    assert (traces, versions, counter) == (count, count, count)
