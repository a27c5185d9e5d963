"""The liaison notebook: notes around one patient. What was said is never changed, only added to."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils import timezone

from cercle.base.common.models import Record
from cercle.people.circles.access import Acting, visible_rows

from .vocabulary import NoteType, State, Urgency


class FrenchVector(Func):
    """`to_tsvector('fr', …)`: stemmed, unaccented; immutable because the configuration is named."""

    function = "to_tsvector"
    template = "to_tsvector('fr'::regconfig, %(expressions)s)"
    output_field = SearchVectorField()


class NoteQuerySet(models.QuerySet):
    def visible_to(self, acting: Acting):
        """The only entrance to a circle's notes. An author sees her own notes and the answers to them."""
        rows = visible_rows(acting)
        if acting.user_id:
            answers = Q(thread_user=acting.user_id, circle_id__in=acting.circles)
            if acting.opposed_targets:
                answers &= ~Q(pk__in=acting.opposed_targets)
            rows |= answers
        return self.filter(rows)

    def roots(self):
        return self.filter(reply_to=None)

    def urgent(self):
        return self.filter(urgency=Urgency.URGENT)

    def after(self, seq: int):
        return self.filter(seq__gt=seq)

    def matching(self, words: str):
        """French full text: « pansements » finds « pansement », « oedeme » finds « œdème »."""
        # Not prepared (Django's default): a generic plan does not know that a word is common (datamodel.md section 1).
        query = SearchQuery(Value(words), config="fr", search_type="websearch")
        return self.filter(tsv=query).exclude(state=State.WITHDRAWN)

    def with_people(self):
        """All that a card names, in the same statement."""
        return self.select_related("author_role__practitioner", "author_role__organization")


class Note(Record):
    circle = models.ForeignKey("circles.Circle", models.PROTECT, related_name="notes")
    # Order of arrival in the circle, taken under the counter's lock: what « unread » counts (never the uuid).
    seq = models.IntegerField()
    type = models.CharField(max_length=8, choices=NoteType.choices)
    urgency = models.SmallIntegerField(choices=Urgency.choices, default=Urgency.NORMAL)
    category = models.CharField(max_length=16)
    hidden = models.IntegerField(default=0)  # reader classes that do not see it
    text = models.TextField()
    tsv = models.GeneratedField(expression=FrenchVector(F("text")), output_field=SearchVectorField(), db_persist=True)
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    # As signed that day; the only name of an author who has no account and no place in the directory.
    author_name = models.CharField(max_length=200)
    author_label = models.CharField(max_length=200, blank=True)
    # Who typed or sent it, when that is not the author (a feed, a colleague).
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    entered_as = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=40, default="web")
    reply_to = models.ForeignKey("self", models.PROTECT, null=True, related_name="replies")
    thread_user = models.UUIDField(null=True)  # author of the first note of the thread: sees the answers
    written_at = models.DateTimeField(default=timezone.now)
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    version = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=12, choices=State.choices, default=State.CURRENT)
    changed_at = models.DateTimeField(null=True)
    measures = models.JSONField(default=list)  # as shown on the card; the rows of `Measure` serve the trends
    attachments = models.PositiveSmallIntegerField(default=0)  # how many documents it holds
    asks_receipt = models.BooleanField(default=False)

    objects = NoteQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("circle", "seq", name="note_seq"),
            models.CheckConstraint(name="note_urgency", condition=Q(urgency__in=[0, 1, 2])),
            models.CheckConstraint(
                name="note_says_something", condition=~Q(text="") | ~Q(measures=[]) | Q(attachments__gt=0)
            ),
        ]
        indexes = [
            models.Index("reply_to", "seq", name="note_thread", condition=Q(reply_to__isnull=False)),
            # The notebook's first page: the last threads of a circle.
            models.Index("circle", F("seq").desc(), name="note_roots", condition=Q(reply_to=None)),
            GinIndex(F("tsv"), name="note_words"),
        ]

    @property
    def is_urgent(self) -> bool:
        return self.urgency == Urgency.URGENT

    @property
    def is_withdrawn(self) -> bool:
        return self.state == State.WITHDRAWN

    @property
    def wants_receipt(self) -> bool:
        return self.is_urgent or self.asks_receipt


class NoteVersion(Record):
    """Each state a note has been in, immutable (a trigger holds it): history, and FHIR's later."""

    note = models.ForeignKey(Note, models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=12, choices=State.choices)
    type = models.CharField(max_length=8)
    urgency = models.SmallIntegerField()
    category = models.CharField(max_length=16)
    hidden = models.IntegerField()
    text = models.TextField()
    measures = models.JSONField(default=list)
    reason = models.CharField(max_length=400, blank=True)
    at = models.DateTimeField(db_default=models.functions.Now())
    by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    by_name = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint("note", "number", name="note_version")]


class Measure(Record):
    note = models.ForeignKey(Note, models.PROTECT, related_name="measure_rows")
    circle = models.ForeignKey("circles.Circle", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12)
    value = models.DecimalField(max_digits=7, decimal_places=2)
    value2 = models.DecimalField(max_digits=7, decimal_places=2, null=True)  # diastolic
    context = models.CharField(max_length=60, blank=True)
    measured_at = models.DateTimeField()
    is_current = models.BooleanField(default=True)  # false once its note is corrected or withdrawn

    class Meta:
        indexes = [
            models.Index("circle", "kind", F("measured_at").desc(), name="measure_trend", condition=Q(is_current=True))
        ]


class NoteRecipient(Record):
    """Named people are told; naming them restricts nobody."""

    note = models.ForeignKey(Note, models.PROTECT, related_name="recipients")
    member = models.ForeignKey("circles.Member", models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint("note", "member", name="note_recipient")]


class Receipt(models.Model):
    """Kept for urgent notes and asked acknowledgements only; elsewhere « lu par » comes from the cursors."""

    pk = models.CompositePrimaryKey("note_id", "user_id")
    note = models.ForeignKey(Note, models.PROTECT, related_name="receipts")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    read_at = models.DateTimeField(db_default=models.functions.Now())


class ReadCursor(models.Model):
    """How far one person has read one notebook. `visit_*`: where she stood when this visit began."""

    pk = models.CompositePrimaryKey("user_id", "circle_id")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    circle = models.ForeignKey("circles.Circle", models.CASCADE, related_name="+", db_index=True)
    read_seq = models.IntegerField(default=0)
    seen_at = models.DateTimeField(default=timezone.now)
    visit_seq = models.IntegerField(default=0)
    visit_at = models.DateTimeField(null=True)


class Draft(models.Model):
    """What is being typed, kept at each pause. `slot`: "note", or "reply:<id>", or "fix:<id>"."""

    pk = models.CompositePrimaryKey("user_id", "circle_id", "slot")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    circle = models.ForeignKey("circles.Circle", models.CASCADE, related_name="+")
    slot = models.CharField(max_length=60)
    data = models.JSONField(default=dict)
    updated_at = models.DateTimeField(default=timezone.now)
