"""An open screen, as the server sees it: the ASGI conversation of one stream."""

import asyncio
from http.cookies import SimpleCookie

from django.conf import settings

from cercle.base.realtime import stream


class Screen:
    def __init__(self, token: str, session_key: str, *, reads: bool = True):
        cookie = SimpleCookie({settings.SESSION_COOKIE_NAME: session_key}).output(header="").strip()
        self.scope = {
            "type": "http",
            "method": "GET",
            "path": "/events",
            "query_string": f"topics={token}".encode(),
            "headers": [(b"cookie", cookie.encode())],
        }
        self.reads = reads
        self.status = None
        self.ended = False
        self.text = ""
        self.news = asyncio.Event()
        self.gone = asyncio.Event()
        self.task = asyncio.create_task(stream.events(self.scope, self._receive, self._send))

    async def _receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            if not self.reads and self.text:
                await asyncio.Event().wait()
            self.text += message["body"].decode()
            self.ended = not message.get("more_body")
        self.news.set()

    @property
    def heard(self) -> list[tuple[str, str]]:
        found = []
        for block in self.text.split("\n\n"):
            fields = dict(line.split(":", 1) for line in block.split("\n") if line and not line.startswith(":"))
            if "event" in fields:
                found.append((fields["event"].strip(), fields["data"].strip()))
        return found

    async def until(self, condition, seconds: float = 8):
        async with asyncio.timeout(seconds):
            while not condition(self):
                self.news.clear()
                await self.news.wait()
        return self

    async def opened(self):
        return await self.until(lambda s: s.text or s.ended)

    async def hears(self, event: str, data: str, seconds: float = 8):
        return await self.until(lambda s: (event, data) in s.heard, seconds)
