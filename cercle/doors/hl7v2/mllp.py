"""MLLP over TCP or TLS: `<VT> message <FS><CR>`, one answer a message, connections kept as long as their owner likes.

A frame that is too long, or too slow, closes its connection: the sender has no answer and keeps its message. When the
database cannot keep a message, the connection closes without an answer too.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from . import receive

log = logging.getLogger(__name__)

START, END, CR = b"\x0b", b"\x1c", b"\r"
LONGEST = 2 * 1024 * 1024  # bytes of one message


@dataclass(frozen=True, slots=True)
class Limits:
    frame: int = LONGEST
    garbage: int = 64 * 1024  # bytes between two messages
    idle: float = 3600  # seconds between two messages
    slow: float = 30  # seconds that one message may take to come, or its answer to leave
    connections: int = 256
    threads: int = 4  # messages applied at once by one process


class Closed(Exception):
    """This connection is not worth going on with; the text is for the log."""


class Listener:
    def __init__(self, limits: Limits | None = None, apply: Callable[..., bytes] = receive.receive):
        self.limits = limits or Limits()
        self.apply = apply
        self.pool = ThreadPoolExecutor(self.limits.threads, thread_name_prefix="hl7")
        self.tasks: set[asyncio.Task] = set()
        self.busy: set[asyncio.Task] = set()  # those in the middle of a message: they are let finish
        self.stopping = False
        self.server: asyncio.Server | None = None

    async def start(self, host: str = "", port: int = 0, *, sock=None, tls: ssl.SSLContext | None = None) -> None:
        where = {"sock": sock} if sock is not None else {"host": host, "port": port}
        self.server = await asyncio.start_server(
            self._connected, limit=256 * 1024, ssl=tls, ssl_handshake_timeout=10 if tls else None, **where
        )

    @property
    def port(self) -> int:
        return self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """No new message; those that are being applied are answered."""
        self.stopping = True
        self.server.close()
        for task in list(self.tasks):
            if task not in self.busy:
                task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=self.limits.slow)
        self.pool.shutdown(wait=True, cancel_futures=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if len(self.tasks) >= self.limits.connections:
            writer.close()
            return
        self.tasks.add(task)
        certificate = _common_name(writer)
        try:
            while not self.stopping:
                raw = await self._frame(reader)
                if raw is None:
                    return
                self.busy.add(task)
                answer = await self._answer(raw, certificate)
                writer.write(START + answer + END + CR)
                await asyncio.wait_for(writer.drain(), self.limits.slow)
                self.busy.discard(task)
        except asyncio.CancelledError:
            pass  # we stop, and this one was idle
        except Closed as why:
            log.warning("HL7 connection closed: %s", why)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # they left
        except Exception as error:
            log.error("HL7 connection failed: %s", type(error).__name__, exc_info=True)
        finally:
            self.tasks.discard(task)
            self.busy.discard(task)
            with contextlib.suppress(Exception):
                writer.close()

    async def _answer(self, raw: bytes, certificate: str) -> bytes:
        try:
            return await asyncio.get_running_loop().run_in_executor(self.pool, self._apply, raw, certificate)
        except (DatabaseError, InterfaceError) as error:
            raise Closed(f"the database kept nothing ({type(error).__name__})") from None

    def _apply(self, raw: bytes, certificate: str) -> bytes:
        close_old_connections()
        try:
            return self.apply(raw, certificate=certificate)
        except Exception:
            # Whatever state the connection is in, the next message deserves a good one.
            with contextlib.suppress(Exception):
                connections.close_all()
            raise

    async def _frame(self, reader: asyncio.StreamReader) -> bytes | None:
        """The next message, or None when the sender is done."""
        skipped = 0
        while True:
            chunk = await asyncio.wait_for(reader.read(1), self.limits.idle)
            if not chunk:
                return None
            if chunk == START:
                break
            skipped += 1
            if skipped > self.limits.garbage:
                raise Closed("too many bytes outside of a message")
        return await asyncio.wait_for(self._body(reader), self.limits.slow)

    async def _body(self, reader: asyncio.StreamReader) -> bytes:
        held = bytearray()
        while True:
            try:
                part = await reader.readuntil(END)
            except asyncio.LimitOverrunError as overrun:
                part = await reader.readexactly(max(overrun.consumed, 1))
            held += part
            # A frame begun anew: the first one was cut by its sender.
            if (again := held.rfind(START)) >= 0:
                del held[: again + 1]
            if len(held) > self.limits.frame:
                raise Closed("a message is too long")
            if held.endswith(END):
                # The CR that should follow is eaten as a byte between two messages when it comes late.
                return bytes(held[:-1])


def _common_name(writer: asyncio.StreamWriter) -> str:
    found = writer.get_extra_info("peercert") or {}
    for pairs in found.get("subject", ()):
        for name, value in pairs:
            if name == "commonName":
                return value
    return ""


def tls(certificate: str, key: str, client_ca: str = "") -> ssl.SSLContext:
    """`client_ca`: who signs the certificates of senders; with it, nobody comes in without one."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key or None)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
