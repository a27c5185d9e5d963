"""Database connections live as long as their thread; one that the server has closed is seen without asking it."""

import select
from collections.abc import Iterator

from django.core.signals import request_started
from django.db import connections


def close_dead(**kwargs) -> None:
    """Close the connections whose socket says that the server is gone (restart, fail-over). No statement is sent.

    An idle connection has nothing to read; something to read is the end of the stream, or the server's farewell.
    """
    for connection in _open():
        try:
            poll = select.poll()
            poll.register(connection.connection.fileno(), select.POLLIN)
            dead = bool(poll.poll(0))
        except Exception:
            dead = True
        if dead and not connection.in_atomic_block:
            connection.close()


def _open() -> Iterator:
    return (c for c in connections.all(initialized_only=True) if c.connection is not None)


def install() -> None:
    request_started.connect(close_dead, dispatch_uid="cercle.close_dead")
