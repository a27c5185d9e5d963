"""Statements that the server plans once per connection: for the few big hand-written reads that every page makes.

Their planning costs as much as their execution (1.5 ms of 3 for « Mes patients »). Never for full text: the generic plan does
not know that a word is common (datamodel.md section 1). Wrappers and the debug log of Django see them like any other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper


class _Prepared(psycopg.Cursor):
    """Binds on the server and prepares at the first execution."""

    def execute(self, query, params=None, *, prepare=True, binary=None):
        # Django says None, « never prepare », to the connection; what goes through other cursors stays so.
        self.connection.prepare_threshold = 1
        try:
            return super().execute(query, params, prepare=prepare, binary=binary)
        finally:
            self.connection.prepare_threshold = None
            if self._query is None:  # already prepared: psycopg keeps no text, and Django's log of statements wants one
                self._query = SimpleNamespace(query=str(query).encode())  # type: ignore[assignment]


@contextmanager
def prepared() -> Iterator[CursorWrapper]:
    """A cursor like `connection.cursor()`. The text must be the same each time: values are parameters, never pasted in."""
    with connection.cursor() as cursor:
        cursor.cursor.close()
        cursor.cursor = _Prepared(connection.connection)
        yield cursor
