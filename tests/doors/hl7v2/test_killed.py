"""What was acknowledged is there, once: the listener is killed (-9) under load, and senders repeat what had no answer."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from cercle.doors.hl7v2.models import Message
from cercle.people.patients.models import PatientIdentifier
from tests.support.site import Site, free_port

from .conftest import Peer, declare
from .test_wire import numbered

pytestmark = pytest.mark.slow


def wait(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the listener did not start")


def test_a_killed_listener_loses_no_acknowledged_message(fresh_db):
    declare()
    port, each, threads = free_port(), 60, 4
    acknowledged: dict[str, int] = {}
    lock = threading.Lock()

    def send(number: int) -> None:
        peer = None
        for n in range(number * each, (number + 1) * each):
            sends, deadline = 0, time.monotonic() + 120
            while time.monotonic() < deadline:
                sends += 1
                try:
                    peer = peer or Peer(port)
                    ack = peer.send(numbered(n))
                except OSError:
                    ack = None
                if ack is not None:
                    assert ack.code == "AA", ack.raw
                    with lock:
                        acknowledged[ack.control_id] = sends
                    break
                peer = None
                time.sleep(0.05)

    with Site(fresh_db) as site:
        command = (sys.executable, "-m", "config.cli", "hl7", "listen", "--port", str(port))
        listener = site.start(*command)
        wait(port)
        running = [threading.Thread(target=send, args=(n,), daemon=True) for n in range(threads)]
        for thread in running:
            thread.start()
        kills = 0
        while any(t.is_alive() for t in running) and kills < 3:
            time.sleep(1.2)
            os.kill(listener.pid, signal.SIGKILL)
            listener.wait()
            kills += 1
            listener = site.start(*command)
            wait(port)
        for thread in running:
            thread.join(180)
    assert kills == 3 and max(acknowledged.values()) > 1  # some were cut and sent again
    assert len(acknowledged) == each * threads
    assert Message.objects.filter(state__in=["applied", "warned"]).count() == each * threads
    assert PatientIdentifier.objects.filter(value__startswith="IPP-").count() == each * threads


def test_several_processes_share_one_port_and_end_together(fresh_db):
    declare()
    port = free_port()
    with Site(fresh_db) as site:
        listener = site.start(
            sys.executable, "-m", "config.cli", "hl7", "listen", "--port", str(port), "--workers", "2"
        )
        wait(port)
        for n in range(8):
            assert Peer(port).send(numbered(n)).code == "AA"
        children = subprocess.run(["pgrep", "-P", str(listener.pid)], capture_output=True, text=True).stdout.split()
        assert len(children) == 1
        listener.terminate()
        assert listener.wait(15) == 0
        assert not os.path.exists(f"/proc/{children[0]}/cmdline") or not open(f"/proc/{children[0]}/cmdline").read()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        command = [sys.executable, "-m", "config.cli", "hl7", "listen", "--port", str(taken.getsockname()[1])]
        refused = subprocess.run(command, env=fresh_db.env, capture_output=True, text=True, timeout=60)
    assert (refused.returncode, "déjà pris" in refused.stderr) == (1, True)
