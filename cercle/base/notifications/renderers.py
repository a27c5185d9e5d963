"""The sentence of a notice is made when it is shown, by the app that knows the thing, for the person who looks.

# care/notebook/apps.py, ready()
register_renderer("note", notices.lines)

def lines(user, notices) -> dict[UUID, Line]:     # {notice id: Line}; left out: may not be seen (any more)
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from cercle.base.common.prepared import prepared

from .models import Notification
from .rules import LABELS


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    url: str = ""


Renderer = Callable[[object, list[Notification]], dict[UUID, Line]]
_renderers: dict[str, Renderer] = {}


def register_renderer(kind: str, renderer: Renderer) -> None:
    """One call per kind and page, whatever the number of notices."""
    _renderers[kind] = renderer


def render(user, notices: Iterable[Notification]) -> list[tuple[Notification, Line]]:
    """Notices this person may see now, in the order given.

    A kind that nobody renders shows its label, unless the notice is about a masked thing: then it is not shown.
    """
    notices = list(notices)
    by_kind: dict[str, list[Notification]] = defaultdict(list)
    for notice in notices:
        by_kind[notice.kind].append(notice)
    lines: dict[UUID, Line] = {}
    for kind, some in by_kind.items():
        if kind in _renderers:
            lines.update(_renderers[kind](user, some))
        else:
            label = LABELS.get(kind)
            lines.update({n.pk: Line(str(label[0])) for n in some if label and not n.hidden})
    return [(n, lines[n.pk]) for n in notices if n.pk in lines]


def unread_count(user, most: int = 100) -> int:
    """For the bell, on every page: one statement, counted up to `most`.

    Only notices about masked things are asked again, as rights may have moved since; the others go from the count
    when the list is opened.
    """
    with prepared() as cursor:
        cursor.execute(UNREAD, {"user": user.pk, "most": most})
        unread, hidden = cursor.fetchone()
    if not hidden:
        return unread
    latest = Notification.objects.of(user.pk).unread().latest_first()[:most]
    return unread - hidden + len(render(user, [n for n in latest if n.hidden]))


UNREAD = """SELECT count(*), count(*) FILTER (WHERE hidden <> 0) FROM (SELECT hidden FROM notifications_notification
  WHERE user_id = %(user)s AND read_at IS NULL ORDER BY id DESC LIMIT %(most)s) latest"""
