"""A small HTTP/1.1 client: kept connections, bounded by time and count, loopback only. Costs about 40 µs a request."""

import asyncio
import base64
import hmac
import http.client
import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

HOST = "127.0.0.1"


@dataclass
class Load:
    """What a slice of work gave: seconds of each answer, and how long the whole took."""

    times: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    bad: list[int] = field(default_factory=list)
    bytes: int = 0

    def add(self, other: "Load") -> None:
        self.times += other.times
        self.elapsed += other.elapsed
        self.bad += other.bad
        self.bytes += other.bytes

    @property
    def rate(self) -> float:
        return len(self.times) / self.elapsed if self.elapsed else 0.0

    def quantile(self, q: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.times)
        return 1000 * ordered[min(int(q * len(ordered)), len(ordered) - 1)] if ordered else 0.0


class _Connection(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer, self.waiter = transport, bytearray(), None

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0 or self.waiter is None or self.waiter.done():
            return
        head = bytes(self.buffer[:end]).lower()
        found = re.search(rb"content-length: *(\d+)", head)
        size = end + 4 + int(found[1]) if found else end + 4
        if len(self.buffer) >= size:
            del self.buffer[:size]
            self.waiter.set_result((int(head[9:12]), size))

    def connection_lost(self, error) -> None:
        if self.waiter and not self.waiter.done():
            self.waiter.set_result((0, 0))

    async def ask(self, request: bytes) -> tuple[int, int]:
        self.waiter = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.waiter


async def _drive(
    port: int, make: Callable[[int], bytes], connections: int, seconds: float, most: int, expect: int
) -> Load:
    loop, load, count = asyncio.get_running_loop(), Load(), 0
    started = time.perf_counter()

    async def one() -> None:
        nonlocal count
        _t, connection = await loop.create_connection(_Connection, HOST, port)
        try:
            while time.perf_counter() - started < seconds and count < most:
                count += 1
                request = make(count)
                before = time.perf_counter()
                status, size = await connection.ask(request)
                load.times.append(time.perf_counter() - before)
                load.bytes += size
                if status != expect:
                    load.bad.append(status)
                    if status == 0 or len(load.bad) > 20:
                        return
        finally:
            connection.transport.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    load.elapsed = time.perf_counter() - started
    return load


def drive(
    port: int, make: Callable[[int], bytes], *, connections: int, seconds: float, most: int = 100_000, expect: int = 200
) -> Load:
    """`make(n)` gives the n-th request's bytes. Ends after `seconds`, or `most` requests, or 20 unexpected answers."""
    return asyncio.run(_drive(port, make, connections, seconds, most, expect))


class Session:
    """Someone signed in, the way a browser does it: password, then code."""

    def __init__(self, port: int):
        self.port, self.cookies = port, {}

    def sign_in(self, login: str, password: str, secret: str, lands: str = "/patients/") -> None:
        self.call("GET", "/connexion/")
        _status, where = self.call("POST", "/connexion/", {"login": login, "password": password})
        if "/connexion/code" in where:
            self.call("GET", where)
            _status, where = self.call("POST", where, {"code": code(secret)})
        status, _where = self.call("GET", lands)
        if status != 200:
            raise SystemExit(f"bench: {login} could not sign in (answers {status}, sent to {where})")

    def call(self, method: str, path: str, form: dict | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
        try:
            body = urlencode({**form, "csrfmiddlewaretoken": self.cookies.get("csrftoken", "")}) if form else None
            headers = {"Cookie": self.cookie_text}
            if body:
                headers |= {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    key, _, rest = value.partition("=")
                    self.cookies[key] = rest.partition(";")[0]
            return answer.status, answer.getheader("Location", "")
        finally:
            connection.close()

    @property
    def cookie_text(self) -> str:
        return "; ".join(f"{k}={v}" for k, v in self.cookies.items())

    def get(self, path: str) -> bytes:
        return (
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nCookie: {self.cookie_text}\r\n\r\n"
        ).encode()

    def post(self, path: str, form: dict, *, htmx: bool = True) -> bytes:
        body = urlencode(form).encode()
        extra = f"HX-Request: true\r\nX-CSRFToken: {self.cookies['csrftoken']}\r\n" if htmx else ""
        if not htmx:
            body += b"&" + urlencode({"csrfmiddlewaretoken": self.cookies["csrftoken"]}).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nCookie: {self.cookie_text}\r\n{extra}"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def code(secret: str) -> str:
    """RFC 6238, six digits."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), "sha1")
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"
