"""Sync Django inside the ASGI process: one thread for a request, one hop there and one back.

Half the cost of a2wsgi on a small page (docs/adr/0001): the answer is sent when it is whole, not piece by piece.
A streaming answer (file, export) is sent piece by piece from its own thread, because database cursors belong to it.
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import IO


class Bridge:
    def __init__(self, wsgi, threads: int):
        self.wsgi = wsgi
        self.executor = ThreadPoolExecutor(threads, "pages")

    async def __call__(self, scope: dict, body: IO[bytes] | None, send) -> None:
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self.executor, self._in_thread, environ(scope, body), send, loop)
        if answer is not None:
            head, content = answer
            await send(head)
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})

    def _in_thread(self, environment: dict, send, loop) -> tuple[dict, bytes] | None:
        head: dict = {"type": "http.response.start"}

        def start_response(status: str, headers: list[tuple[str, str]], exc_info=None) -> None:
            head["status"] = int(status[:3])
            head["headers"] = [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in headers]

        response = self.wsgi(environment, start_response)
        try:
            if not getattr(response, "streaming", True):
                return head, b"".join(response)

            async def relay(message: dict) -> None:
                await send(message)  # granian's send gives an awaitable, not a coroutine

            def now(message: dict) -> None:
                asyncio.run_coroutine_threadsafe(relay(message), loop).result()

            now(head)
            if environment["REQUEST_METHOD"] != "HEAD":
                for chunk in response:
                    now({"type": "http.response.body", "body": chunk, "more_body": True})
            now({"type": "http.response.body", "body": b""})
            return None
        finally:
            if hasattr(response, "close"):
                response.close()


def environ(scope: dict, body: IO[bytes] | None) -> dict:
    """PEP 3333. Paths and headers are bytes read as latin-1 there."""
    host, port = scope.get("server") or ("localhost", 80)
    found = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode("utf-8", "surrogateescape").decode("latin1"),
        "QUERY_STRING": scope["query_string"].decode("latin1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 0),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body or BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw, value in scope["headers"]:
        name = raw.decode("latin1").upper().replace("-", "_")
        if name not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            name = f"HTTP_{name}"
        text = value.decode("latin1")
        joint = "; " if name == "HTTP_COOKIE" else ","  # HTTP/2 may cut cookies into several fields
        found[name] = f"{found[name]}{joint}{text}" if name in found else text
    return found
