"""Logs say what happened to the machine, never to whom: no value of a row, no address typed, no secret of a link.

What an exception says may hold a name or a number that someone typed (« Key (email)=(…) already exists »): only its type,
the database's own code and the lines of code it went through are written.
"""

import logging
import re
import traceback

# Their sentences are about the machine: paths, modules, attributes, connections.
SPOKEN = (
    "OSError",
    "ImportError",
    "AttributeError",
    "NameError",
    "TypeError",
    "OperationalError",
    "ImproperlyConfigured",
)
# What follows in an address is a one-time secret.
_SECRET = re.compile(
    r"(/connexion/(?:activation|nouveau-mot-de-passe|second-facteur)/|/agenda/flux/|[?&](?:topics|token)=)[^/\s&\"']+"
)
_EMAIL = re.compile(r"[^\s@<>\"'(]+@[^\s@<>\"')]+\.[a-z]{2,}", re.IGNORECASE)


def discreet(text: str) -> str:
    """Without one-time secrets nor e-mail addresses."""
    return _EMAIL.sub("[adresse]", _SECRET.sub(r"\1[secret]", text))


def named(error: BaseException) -> str:
    """« django.db.utils.IntegrityError (23505 accounts_user_email_key) »; the message only when it is the machine's."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    cause: BaseException | None = error
    while cause is not None and not getattr(cause, "sqlstate", None):
        cause = cause.__cause__
    if cause is not None:
        diagnosis = getattr(cause, "diag", None)
        names = (getattr(diagnosis, n, None) for n in ("table_name", "column_name", "constraint_name"))
        return f"{name} ({' '.join(w for w in (getattr(cause, 'sqlstate', ''), *names) if w)})"
    if any(c.__name__ in SPOKEN for c in kind.__mro__):
        return f"{name}: {discreet(str(error))}"
    return name


def _where(error: BaseException) -> list[str]:
    """File, line and function; the last twenty."""
    frames = traceback.extract_tb(error.__traceback__)[-20:]
    return [f'  File "{f.filename}", line {f.lineno}, in {f.name}' for f in frames]


class DiscreetFormatter(logging.Formatter):
    def formatException(self, ei) -> str:
        error, seen = ei[1], set()
        lines: list[str] = []
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            lines[:0] = [*_where(error), named(error)]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(lines)

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_text:  # another handler wrote it whole
            record.exc_text = None
        args = record.args
        if isinstance(args, tuple) and any(isinstance(a, BaseException) for a in args):
            record = logging.makeLogRecord(record.__dict__)
            record.args = tuple(named(a) if isinstance(a, BaseException) else a for a in args)
        return discreet(super().format(record))
