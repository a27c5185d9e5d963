"""One ASGI application: `/events` natively, everything else by sync Django in threads (docs/adr/0001)."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from a2wsgi import WSGIMiddleware  # noqa: E402

from config.wsgi import application as pages  # noqa: E402

django = WSGIMiddleware(pages, workers=8)


async def application(scope, receive, send):
    if scope["type"] == "http" and scope["path"] == "/events":
        from cercle.base.realtime.stream import events

        await events(scope, receive, send)
    elif scope["type"] == "http":
        await django(scope, receive, send)
