"""The antivirus port: nothing by default (« non analysé »), clamd when `ANTIVIRUS_ADDRESS` names one."""

import socket
import struct
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from django.conf import settings

from .models import Document

TIMEOUT = 60.0  # seconds, for each exchange with the daemon
CHUNK = 256 * 1024


@dataclass(frozen=True)
class Verdict:
    state: Document.Scan
    detail: str = ""


class Antivirus(Protocol):
    def scan(self, stream: BinaryIO) -> Verdict:
        """Never raises for an unreachable engine: the verdict says ERROR, and why in one line."""


class Clamd:
    """ClamAV's daemon, its INSTREAM command: the file goes through the socket, so it may run on another machine."""

    def __init__(self, address: str):
        self.address = address

    def _connect(self) -> socket.socket:
        if self.address.startswith("/"):
            link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            link.settimeout(TIMEOUT)
            link.connect(self.address)
            return link
        host, _colon, port = self.address.rpartition(":")
        return socket.create_connection((host.strip("[]") or "localhost", int(port or 3310)), timeout=TIMEOUT)

    def scan(self, stream: BinaryIO) -> Verdict:
        try:
            with self._connect() as link:
                link.sendall(b"zINSTREAM\0")
                while chunk := stream.read(CHUNK):
                    link.sendall(struct.pack(">I", len(chunk)) + chunk)
                link.sendall(struct.pack(">I", 0))
                said = b""
                while not said.endswith(b"\0") and (part := link.recv(4096)):
                    said += part
        except (OSError, ValueError) as e:
            return Verdict(Document.Scan.ERROR, f"{type(e).__name__}")
        return read_answer(said.rstrip(b"\0").decode("utf-8", "replace"))


def read_answer(said: str) -> Verdict:
    """« stream: OK », « stream: Eicar-Test-Signature FOUND », « INSTREAM size limit exceeded. ERROR »"""
    said = said.strip()
    if said.endswith(" FOUND"):
        return Verdict(Document.Scan.INFECTED, said.removeprefix("stream: ").removesuffix(" FOUND")[:200])
    if said.endswith(": OK"):
        return Verdict(Document.Scan.CLEAN)
    return Verdict(Document.Scan.ERROR, said[:200] or "no answer")


def antivirus() -> Antivirus | None:
    return Clamd(settings.ANTIVIRUS_ADDRESS) if settings.ANTIVIRUS_ADDRESS else None
