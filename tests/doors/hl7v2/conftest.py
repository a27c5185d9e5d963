"""A listener on a real socket and a peer that sends frames, over a database of the test's own."""

import asyncio
import json
import re
import socket
import threading
from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "hl7v2"
COMPOSED = {case["file"]: case for case in json.loads((SAMPLES / "composed" / "index.json").read_text())}


def sample(name: str) -> bytes:
    """As it goes on the wire: segments end with CR."""
    found = next(SAMPLES.rglob(name))
    return re.sub(rb"\r?\n", b"\r", found.read_bytes())


def changed(raw: bytes, *pairs) -> bytes:
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        old, new = (x.encode() if isinstance(x, str) else x for x in (old, new))
        assert old in raw, old
        raw = raw.replace(old, new)
    return raw


class Peer:
    """One connection, kept."""

    def __init__(self, port: int, *, tls=None, host="localhost"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        self.held = b""

    def send(self, raw: bytes) -> "Ack | None":
        self.write(b"\x0b" + raw + b"\x1c\r")
        return self.read()

    def write(self, raw: bytes) -> None:
        self.socket.sendall(raw)

    def read(self) -> "Ack | None":
        """None: they closed."""
        try:
            while b"\x1c\r" not in self.held:
                part = self.socket.recv(65536)
                if not part:
                    return None
                self.held += part
        except ConnectionError:
            return None
        frame, _mark, self.held = self.held.partition(b"\x1c\r")
        return Ack(frame.lstrip(b"\x0b"))

    def close(self) -> None:
        self.socket.close()


class Ack:
    def __init__(self, raw: bytes):
        self.raw = raw
        charset = "iso-8859-15" if b"8859/15" in raw else "utf-8"
        self.lines = [line.split("|") for line in raw.decode(charset).split("\r") if line]

    @property
    def code(self) -> str:
        return self.line("MSA")[1]

    @property
    def control_id(self) -> str:
        return self.line("MSA")[2]

    def line(self, name: str) -> list[str]:
        return next(line for line in self.lines if line[0] == name)

    @property
    def errors(self) -> list[tuple[str, str, str, str]]:
        """(code, severity, where, words)"""
        found = [[*line, *[""] * 9] for line in self.lines if line[0] == "ERR"]
        return [(line[3].split("^")[0], line[4], line[2], line[8]) for line in found]

    @property
    def said(self) -> str:
        return " ".join(words for *_, words in self.errors)


class Wire:
    def __init__(self, limits=None, tls=None):
        from cercle.doors.hl7v2 import mllp

        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.listener = mllp.Listener(limits)
        self._run(self.listener.start("127.0.0.1", 0, tls=tls))
        self.peers: list[Peer] = []

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(40)

    @property
    def port(self) -> int:
        return self.listener.port

    def peer(self, **how) -> Peer:
        self.peers.append(Peer(self.port, **how))
        return self.peers[-1]

    def send(self, *raws: bytes) -> Ack:
        """Each on one connection; the last answer."""
        peer = self.peer()
        answer = None
        for raw in raws:
            answer = peer.send(raw)
        return answer

    def samples(self, *names: str) -> Ack:
        return self.send(*(sample(name) for name in names))

    def stop(self) -> None:
        for peer in self.peers:
            peer.close()
        self._run(self.listener.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


def declare(application="GAM", facility="CHU-TEST", **settings):
    from cercle.doors.hl7v2 import actions

    settings.setdefault("qualifies", True)
    return actions.declare_sender(actions.MACHINE, application=application, facility=facility, **settings)


@pytest.fixture
def sender(fresh_db):
    return declare()


@pytest.fixture
def wire(sender):
    started = Wire()
    yield started
    started.stop()


def holder(ipp: str):
    """The file that stands for this number."""
    from cercle.people.patients.models import PatientIdentifier

    row = PatientIdentifier.objects.current().select_related("patient__identity").get(value=ipp)
    return row.patient.merged_into or row.patient


def circle_of(patient):
    """A nurse opens the circle of someone the hospital knows; gives her Acting."""
    from cercle.people.circles import actions as circles
    from cercle.people.circles.access import reach
    from tests import factories as make

    nurse = make.viewer(make.role())
    circles.open_circle(nurse, patient=patient)
    return reach(nurse, patient.pk)
