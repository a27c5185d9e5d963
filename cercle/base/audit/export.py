"""The journal of a circle as a table, for the person who asks for it."""

import csv
import io
from collections.abc import Callable, Iterator

from django.utils import timezone
from django.utils.translation import gettext as _

from .models import AuditEvent, EventQuerySet, Kind

Cell = Callable[[AuditEvent], object]


def csv_lines(
    events: EventQuerySet,
    *,
    words: Cell = lambda e: e.action,
    ground: Cell = lambda e: e.ground,
    shown: Cell = lambda e: len(e.shown),
    reason: Cell = lambda e: e.reason,
) -> Iterator[str]:
    """Lines for a streamed answer, newest first; semicolons and a byte-order mark, as French spreadsheets expect.

    `events` must already be narrowed (`about`, `visible_to_class`); the export itself is recorded by the caller.
    `words`, `ground`, `shown`, `reason` make those cells, for a reader to whom the plain ones say too little or too much.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";")

    def line(cells) -> str:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow([_inert(c) for c in cells])
        return buffer.getvalue()

    yield "\ufeff" + line(
        [_("Date et heure"), _("Personne"), _("Fonction"), _("Nature"), _("Acte"), _("À quel titre"), _("Par où")]
        + [_("Éléments montrés"), _("Motif"), _("Résultat"), _("Trace")]
    )
    for e in events.order_by("-id").iterator(chunk_size=2000):
        yield line(
            [
                timezone.localtime(e.at).strftime("%d/%m/%Y %H:%M:%S"),
                e.actor_name,
                e.actor_role,
                Kind(e.kind).label,
                words(e),
                ground(e),
                e.source,
                shown(e),
                reason(e),
                e.outcome,
                e.id,
            ]
        )


def _inert(value) -> str:
    """A cell that begins like a formula is read as one: quote it."""
    text = str(value)
    return "'" + text if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
