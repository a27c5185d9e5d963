"""The journal: one row per act, with what was shown. Nobody changes it; the application role cannot."""

from collections.abc import Iterable
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cercle.base.common.models import Record


class Kind(models.TextChoices):
    """What sort of act it was; the words of « Qui a consulté ce dossier »."""

    READ = "read", _("Consultation")
    CREATE = "create", _("Ajout")
    UPDATE = "update", _("Modification")
    DELETE = "delete", _("Retrait")
    SEARCH = "search", _("Recherche")
    EXPORT = "export", _("Export")
    LOGIN = "login", _("Connexion")
    OTHER = "other", _("Autre")


class CurrentXid(models.Func):
    """The transaction's 64-bit number: the only order in which rows can be sealed without skipping one."""

    function = "pg_current_xact_id"
    template = "%(function)s()"


class XidField(models.Field):
    """PostgreSQL `xid8`, an int in Python."""

    def db_type(self, connection):
        return "xid8"

    def rel_db_type(self, connection):
        return "xid8"

    def get_internal_type(self):
        return "XidField"

    def from_db_value(self, value, expression, connection):
        return None if value is None else int(value)

    def to_python(self, value):
        return None if value is None else int(value)

    def get_prep_value(self, value):
        return value if value is None or hasattr(value, "resolve_expression") else str(int(value))


class EventQuerySet(models.QuerySet):
    def about(self, *circle_ids: UUID) -> "EventQuerySet":
        """What happened in these circles (several for a merged patient, after review)."""
        return self.filter(circle_id=circle_ids[0]) if len(circle_ids) == 1 else self.filter(circle_id__in=circle_ids)

    def visible_to_class(self, bit: int) -> "EventQuerySet":
        """Without the traces about things masked to this reader class: their existence is masked too."""
        return self.alias(_masked=models.F("hidden").bitand(bit)).filter(_masked=0)

    def by(self, user_id: UUID) -> "EventQuerySet":
        return self.filter(actor_user_id=user_id)

    def latest_first(self, before: UUID | None = None) -> "EventQuerySet":
        """Newest first; `before` is the id of the last row of the previous page."""
        return (self.filter(id__lt=before) if before else self).order_by("-id")

    def openings(self, limit: int = 50, before: UUID | None = None) -> list["Opening"]:
        """One entry per opening of a file: the panels of one opening share `opening`, acts without one stand alone.

        Reads `limit` rows, so an opening cut by a page boundary goes on in the next page. `before`: as in latest_first;
        the next page starts from `openings[-1].last_id`.
        """
        return group_openings(self.latest_first(before)[:limit])


class Opening:
    """The acts of one opening of a file, newest first."""

    def __init__(self, first: "AuditEvent"):
        self.events = [first]

    @property
    def key(self):
        return self.events[0].opening or self.events[0].id

    @property
    def last_id(self) -> UUID:
        return min(e.id for e in self.events)

    @property
    def at(self):
        return self.events[-1].at

    @property
    def actor_name(self) -> str:
        return self.events[0].actor_name

    @property
    def actor_role(self) -> str:
        return self.events[0].actor_role

    @property
    def ground(self) -> str:
        return self.events[0].ground

    @property
    def kinds(self) -> list[Kind]:
        return sorted({Kind(e.kind) for e in self.events}, key=list(Kind).index)

    @property
    def shown(self) -> int:
        """How many different things were put before the person's eyes."""
        return len({i for e in self.events for i in e.shown})


def group_openings(events: Iterable["AuditEvent"]) -> list[Opening]:
    found: dict[UUID, Opening] = {}
    for event in events:
        key = event.opening or event.id
        if key in found:
            found[key].events.append(event)
        else:
            found[key] = Opening(event)
    return list(found.values())


class AuditEvent(Record):
    """Who did what, when, on which ground, and what they were shown.

    Names and roles are snapshots: the trace stays readable after the account is gone. Partitioned by year on `id`
    (migration 0001); `id`, `at`, `xid` and `segment` are the server's, the application role cannot give them.
    """

    at = models.DateTimeField(db_default=Now(), editable=False)
    xid = XidField(db_default=CurrentXid(), editable=False)
    segment = models.SmallIntegerField(db_default=1, editable=False)  # a new one after a restore: xids start again
    actor_user_id = models.UUIDField(null=True)
    practice_role_id = models.UUIDField(null=True)
    actor_name = models.TextField()
    actor_role = models.TextField()
    ground = models.TextField()  # how the person may act here: member, team, break-glass…
    source = models.TextField()  # which door: web, fhir, cli, job…
    action = models.TextField()  # notebook.note_added
    kind = models.TextField(choices=Kind.choices)
    circle_id = models.UUIDField(null=True)
    target_type = models.TextField()  # notebook.note
    target_id = models.UUIDField(null=True)
    shown = ArrayField(models.UUIDField(), default=list)
    hidden = models.IntegerField(default=0)  # reader classes that the thing is masked to, so its trace is as well
    opening = models.UUIDField(null=True)  # shared by the panels of one opening
    reason = models.TextField()
    details = models.JSONField(default=dict)  # no clinical text
    outcome = models.TextField()  # ok, refused

    objects = EventQuerySet.as_manager()

    class Meta:
        db_table = "audit_event"
        indexes = [
            models.Index(fields=["circle_id", "id"], name="audit_event_circle"),
            models.Index(fields=["actor_user_id", "id"], name="audit_event_actor"),
            models.Index(fields=["xid"], name="audit_event_xid"),
            BrinIndex(fields=["at"], name="audit_event_at"),
        ]


class Seal(models.Model):
    """A signed promise about a batch: these rows and no others had these transaction numbers. « lot N » is `number`.

    Covers from_xid <= xid < to_xid in one segment. Chained by `previous`, the fingerprint of the seal before.
    """

    number = models.BigIntegerField(primary_key=True)
    format = models.SmallIntegerField()  # of the bytes that were hashed (seals.FORMATS)
    segment = models.SmallIntegerField()
    cluster = models.TextField()  # system_identifier of the server
    from_xid = XidField()
    to_xid = XidField()
    rows = models.BigIntegerField()
    root = models.BinaryField()
    previous = models.BinaryField()
    at = models.DateTimeField()
    key_id = models.TextField()
    reason = models.TextField()  # of a new segment
    signature = models.BinaryField()

    class Meta:
        db_table = "audit_seal"
        constraints = [models.UniqueConstraint(fields=["segment", "from_xid"], name="audit_seal_one_successor")]

    def __str__(self):
        return f"lot {self.number}"
