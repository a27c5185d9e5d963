"""The plan around one person, held by one structure: problems, goals, actions; who agreed, who signed; meetings.

These rows belong to the circle: they are reached by its gate. States move by rows (`…Event`), which are never changed.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from cercle.base.common.models import Record
from cercle.people.circles.access import Acting, visible_rows
from cercle.people.circles.vocabulary import Category, Form

from ..vocabulary_plan import (
    OPEN_ACTIONS,
    ActionState,
    Answer,
    Decided,
    GivenBy,
    GoalState,
    MeetingState,
    OwnerKind,
    PlanState,
    Priority,
)


class CircleQuerySet(models.QuerySet):
    def visible_to(self, acting: Acting):
        return self.filter(visible_rows(acting))


class GoalQuerySet(CircleQuerySet):
    def visible_to(self, acting: Acting):
        """A refused plan takes its goals with it."""
        rows = super().visible_to(acting)
        return rows.exclude(plan__in=acting.opposed_targets) if acting.opposed_targets else rows


class Signed(models.Model):
    """Who did it, as signed that day. A row without an author is no row."""

    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    author_role = models.ForeignKey("directory.PracticeRole", models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(max_length=200)
    author_label = models.CharField(max_length=200, blank=True, db_default="")
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True


class Clinical(Signed):
    circle = models.ForeignKey("circles.Circle", models.PROTECT, related_name="+")
    category = models.CharField(max_length=16, default=Category.SOCIAL, db_default=Category.SOCIAL)
    hidden = models.IntegerField(default=0, db_default=0)  # reader classes that do not see it

    class Meta:
        abstract = True


class Owned(models.Model):
    """Who is in charge: a member of the circle, or someone outside it whom one names."""

    owner_member = models.ForeignKey("circles.Member", models.PROTECT, null=True, related_name="+")
    owner_kind = models.CharField(max_length=12, choices=OwnerKind.choices)
    owner_name = models.CharField(max_length=200)  # as shown that day; the only name of an outsider
    owner_label = models.CharField(max_length=200, blank=True, db_default="")

    class Meta:
        abstract = True


def _says_who(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(name=f"{name}_author", condition=~Q(author_name=""))


def _has_owner(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        name=f"{name}_owner",
        condition=~Q(owner_name="")
        & (Q(owner_kind="outsider", owner_member=None) | (~Q(owner_kind="outsider") & Q(owner_member__isnull=False))),
    )


class CarePlan(Record, Clinical):
    circle = models.ForeignKey("circles.Circle", models.PROTECT, related_name="plans")
    # Held by a DAC, or by any structure whose member may write one; by nobody's structure when a liberal has none.
    organization = models.ForeignKey("directory.Organization", models.PROTECT, null=True, related_name="plans")
    state = models.CharField(
        max_length=8, choices=PlanState.choices, default=PlanState.DRAFT, db_default=PlanState.DRAFT
    )
    number = models.PositiveSmallIntegerField(default=1, db_default=1)
    wish = models.TextField(blank=True, db_default="")  # in her own words
    project = models.TextField(blank=True, db_default="")  # what she wants to live, what matters to her
    synthesis = models.TextField(blank=True, db_default="")
    synthesis_category = models.CharField(max_length=16, default=Category.SOCIAL, db_default=Category.SOCIAL)
    contingency = models.TextField(blank=True, db_default="")  # what to do if the situation changes
    no_unmet = models.BooleanField(default=False, db_default=False)  # « aucun objectif non atteint », said
    referent_member = models.ForeignKey("circles.Member", models.PROTECT, null=True, related_name="+")
    referent_name = models.CharField(max_length=200, blank=True, db_default="")
    referent_label = models.CharField(max_length=200, blank=True, db_default="")
    review_on = models.DateField(null=True)
    review_note = models.CharField(max_length=1000, blank=True, db_default="")
    opened_at = models.DateTimeField(default=timezone.now, db_default=Now())
    changed_at = models.DateTimeField(default=timezone.now, db_default=Now())
    changed_by = models.CharField(max_length=200, blank=True, db_default="")
    proposed_at = models.DateTimeField(null=True)  # last « Proposer au cercle »
    closed_at = models.DateTimeField(null=True)

    objects = CircleQuerySet.as_manager()

    class Meta:
        constraints = [
            _says_who("plan"),
            models.UniqueConstraint(
                "circle", "organization", name="plan_one_each", condition=Q(closed_at=None), nulls_distinct=False
            ),
            models.CheckConstraint(name="plan_state", condition=Q(state__in=PlanState.values)),
            models.CheckConstraint(name="plan_number", condition=Q(number__gte=1)),
            models.CheckConstraint(name="plan_revised_later", condition=~Q(state="revised") | Q(number__gte=2)),
            models.CheckConstraint(name="plan_referent", condition=Q(referent_member=None) | ~Q(referent_name="")),
        ]
        indexes = [
            models.Index("review_on", name="plan_to_review", condition=Q(closed_at=None, review_on__isnull=False))
        ]

    @property
    def is_open(self) -> bool:
        """Its words may change: no agreement stands on them."""
        return self.state in (PlanState.DRAFT, PlanState.REVISED)


class PlanEvent(Record, Signed):
    plan = models.ForeignKey(CarePlan, models.PROTECT, related_name="events")
    kind = models.CharField(max_length=16)  # opened, agreed, not_agreed, signed, revised, proposed, sent, closed
    from_state = models.CharField(max_length=8, blank=True, db_default="")
    to_state = models.CharField(max_length=8)
    at = models.DateTimeField(default=timezone.now, db_default=Now())
    text = models.TextField(blank=True, db_default="")
    data = models.JSONField(default=dict, db_default={})

    class Meta:
        constraints = [_says_who("plan_event")]
        indexes = [models.Index("plan", "id", name="plan_event_of")]


class Edit(Record, Signed):
    """One field's former and new words: what two editors overwrite is found here. One writer's run of keys is one row."""

    circle = models.ForeignKey("circles.Circle", models.PROTECT, related_name="+")
    target_id = models.UUIDField()  # the plan, a goal, a problem, a meeting
    field = models.CharField(max_length=24)
    was = models.TextField(blank=True, db_default="")
    now = models.TextField(blank=True, db_default="")
    at = models.DateTimeField(default=timezone.now, db_default=Now())

    class Meta:
        db_table = "coordination_planedit"
        constraints = [_says_who("plan_edit")]
        indexes = [models.Index("target_id", F("id").desc(), name="plan_edit_of")]


class Problem(Record, Clinical):
    plan = models.ForeignKey(CarePlan, models.PROTECT, related_name="problems")
    code = models.CharField(max_length=16, blank=True, db_default="")  # JDV_ProblemePPSPAERPA; "" when free
    label = models.CharField(max_length=300)
    detail = models.TextField(blank=True, db_default="")
    position = models.SmallIntegerField(default=0, db_default=0)
    ended_at = models.DateTimeField(null=True)

    objects = GoalQuerySet.as_manager()

    class Meta:
        constraints = [
            _says_who("problem"),
            models.CheckConstraint(name="problem_named", condition=~Q(label="")),
            models.CheckConstraint(name="problem_category", condition=Q(category__in=Category.values)),
        ]
        indexes = [models.Index("plan", "position", name="problem_of", condition=Q(ended_at=None))]


class Goal(Record, Clinical):
    plan = models.ForeignKey(CarePlan, models.PROTECT, related_name="goals")
    problem = models.ForeignKey(Problem, models.PROTECT, null=True, related_name="goals")
    label = models.CharField(max_length=300)  # in the person's words
    why = models.TextField(blank=True, db_default="")
    measure = models.CharField(max_length=500, blank=True, db_default="")  # how one will know that it is reached
    priority = models.SmallIntegerField(
        choices=Priority.choices, default=Priority.MEDIUM, db_default=Priority.MEDIUM.value
    )
    negotiated = models.BooleanField(default=False, db_default=False)  # agreed upon with the person
    state = models.CharField(
        max_length=8, choices=GoalState.choices, default=GoalState.ACTIVE, db_default=GoalState.ACTIVE
    )
    unmet_reason = models.TextField(blank=True, db_default="")
    position = models.SmallIntegerField(default=0, db_default=0)

    objects = GoalQuerySet.as_manager()

    class Meta:
        constraints = [
            _says_who("goal"),
            models.CheckConstraint(name="goal_named", condition=~Q(label="")),
            models.CheckConstraint(name="goal_state", condition=Q(state__in=GoalState.values)),
            models.CheckConstraint(name="goal_priority", condition=Q(priority__in=Priority.values)),
            models.CheckConstraint(name="goal_category", condition=Q(category__in=Category.values)),
            # An unmet goal is stated with its reason (HAS 2019, rule 9).
            models.CheckConstraint(name="goal_unmet_says_why", condition=~Q(state="unmet") | ~Q(unmet_reason="")),
        ]
        indexes = [models.Index("plan", "position", name="goal_of")]


class GoalEvent(Record, Signed):
    goal = models.ForeignKey(Goal, models.PROTECT, related_name="events")
    kind = models.CharField(max_length=16)  # opened, moved
    from_state = models.CharField(max_length=8, blank=True, db_default="")
    to_state = models.CharField(max_length=8)
    at = models.DateTimeField(default=timezone.now, db_default=Now())
    text = models.TextField(blank=True, db_default="")
    data = models.JSONField(default=dict, db_default={})

    class Meta:
        constraints = [_says_who("goal_event")]
        indexes = [models.Index("goal", "id", name="goal_event_of")]


class GoalComment(Record, Signed):
    """The thread under a goal; it follows the goal's rights."""

    goal = models.ForeignKey(Goal, models.PROTECT, related_name="comments")
    text = models.TextField()
    at = models.DateTimeField(default=timezone.now, db_default=Now())

    class Meta:
        constraints = [
            _says_who("goal_comment"),
            models.CheckConstraint(name="goal_comment_says", condition=~Q(text="")),
        ]
        indexes = [models.Index("goal", "id", name="goal_comment_of")]


class ActionQuerySet(models.QuerySet):
    def late(self, on):
        return self.filter(state__in=OPEN_ACTIONS, due_on__lt=on)


class Action(Record, Owned, Signed):
    """It follows its goal's rights."""

    goal = models.ForeignKey(Goal, models.PROTECT, related_name="actions")
    label = models.CharField(max_length=300)
    due_on = models.DateField(null=True)  # null: « en continu »
    state = models.CharField(
        max_length=12, choices=ActionState.choices, default=ActionState.PROPOSED, db_default=ActionState.PROPOSED
    )
    reason = models.TextField(blank=True, db_default="")  # why it could not be, why it was called off
    position = models.SmallIntegerField(default=0, db_default=0)

    objects = ActionQuerySet.as_manager()

    class Meta:
        constraints = [
            _says_who("action"),
            _has_owner("action"),
            models.CheckConstraint(name="action_named", condition=~Q(label="")),
            models.CheckConstraint(name="action_state", condition=Q(state__in=ActionState.values)),
            models.CheckConstraint(name="action_refused_says_why", condition=~Q(state="refused") | ~Q(reason="")),
        ]
        indexes = [
            models.Index("goal", "position", name="action_of"),
            models.Index("owner_member", "due_on", name="action_mine", condition=Q(state__in=OPEN_ACTIONS)),
            models.Index("due_on", name="action_due", condition=Q(state__in=OPEN_ACTIONS, due_on__isnull=False)),
        ]

    def is_late(self, on) -> bool:
        return self.due_on is not None and self.state in OPEN_ACTIONS and self.due_on < on


class ActionEvent(Record, Signed):
    action = models.ForeignKey(Action, models.PROTECT, related_name="events")
    kind = models.CharField(max_length=16)  # opened, moved, answered, changed
    from_state = models.CharField(max_length=12, blank=True, db_default="")
    to_state = models.CharField(max_length=12)
    at = models.DateTimeField(default=timezone.now, db_default=Now())
    text = models.TextField(blank=True, db_default="")
    data = models.JSONField(default=dict, db_default={})

    class Meta:
        constraints = [_says_who("action_event")]
        indexes = [models.Index("action", "id", name="action_event_of")]


class Agreement(Record, Signed):
    """What the person said of one version: how, when, by whom; and who wrote it down."""

    plan = models.ForeignKey(CarePlan, models.PROTECT, related_name="agreements")
    number = models.PositiveSmallIntegerField()
    decision = models.CharField(max_length=8, choices=Decided.choices)
    given_by = models.CharField(max_length=12, choices=GivenBy.choices)
    given_name = models.CharField(max_length=200)
    form = models.CharField(max_length=12, choices=Form.choices)
    given_on = models.DateField()
    words = models.TextField(blank=True, db_default="")

    class Meta:
        constraints = [
            _says_who("agreement"),
            models.CheckConstraint(name="agreement_by_someone", condition=~Q(given_name="")),
            models.UniqueConstraint(
                "plan", "number", name="agreement_once", condition=Q(decision__in=["yes", "partly"])
            ),
            # Half an agreement, or none, says in her words what it is about.
            models.CheckConstraint(name="agreement_says_why", condition=Q(decision="yes") | ~Q(words="")),
        ]


class Signature(Record, Signed):
    """One member of the team signs one version; the author is the signer."""

    plan = models.ForeignKey(CarePlan, models.PROTECT, related_name="signatures")
    number = models.PositiveSmallIntegerField()
    signed_at = models.DateTimeField(default=timezone.now, db_default=Now())

    class Meta:
        constraints = [
            _says_who("signature"),
            models.UniqueConstraint("plan", "number", "author_user", name="signature_once"),
        ]


class PlanVersion(Record, Signed):
    """A version as it was agreed upon: frozen, with the categories and masks of each part."""

    plan = models.ForeignKey(CarePlan, models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField()
    data = models.JSONField()
    frozen_at = models.DateTimeField(default=timezone.now, db_default=Now())

    class Meta:
        constraints = [_says_who("plan_version"), models.UniqueConstraint("plan", "number", name="plan_version_once")]


class Meeting(Record, Clinical):
    """Concerted meeting (RCP) about one person."""

    circle = models.ForeignKey("circles.Circle", models.PROTECT, related_name="meetings")
    plan = models.ForeignKey(CarePlan, models.PROTECT, null=True, related_name="meetings")
    organization = models.ForeignKey("directory.Organization", models.PROTECT, null=True, related_name="meetings")
    title = models.CharField(max_length=200)
    starts_at = models.DateTimeField()
    zone = models.CharField(max_length=40, default="Europe/Paris", db_default="Europe/Paris")
    minutes = models.PositiveSmallIntegerField(default=60, db_default=60)  # how long
    place = models.CharField(max_length=300, blank=True, db_default="")
    agenda = models.TextField(blank=True, db_default="")
    report = models.TextField(blank=True, db_default="")  # the minutes
    state = models.CharField(
        max_length=12, choices=MeetingState.choices, default=MeetingState.PLANNED, db_default=MeetingState.PLANNED
    )
    called_at = models.DateTimeField(null=True)

    objects = CircleQuerySet.as_manager()

    class Meta:
        constraints = [
            _says_who("meeting"),
            models.CheckConstraint(name="meeting_named", condition=~Q(title="")),
            models.CheckConstraint(name="meeting_state", condition=Q(state__in=MeetingState.values)),
            models.CheckConstraint(name="meeting_lasts", condition=Q(minutes__gt=0)),
            models.CheckConstraint(name="meeting_category", condition=Q(category__in=Category.values)),
        ]
        indexes = [
            models.Index("circle", F("starts_at").desc(), name="meeting_of"),
            models.Index("organization", "starts_at", name="meeting_by"),
        ]


class MeetingEvent(Record, Signed):
    meeting = models.ForeignKey(Meeting, models.PROTECT, related_name="events")
    kind = models.CharField(max_length=16)
    from_state = models.CharField(max_length=12, blank=True, db_default="")
    to_state = models.CharField(max_length=12)
    at = models.DateTimeField(default=timezone.now, db_default=Now())
    text = models.TextField(blank=True, db_default="")

    class Meta:
        constraints = [_says_who("meeting_event")]


class Attendance(Record, Owned):
    """One invitee; `owner_*` is who."""

    meeting = models.ForeignKey(Meeting, models.PROTECT, related_name="attendances")
    answer = models.CharField(max_length=12, choices=Answer.choices, default=Answer.INVITED, db_default=Answer.INVITED)
    answered_at = models.DateTimeField(null=True)
    present = models.BooleanField(null=True)  # null: the meeting has not been held
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            _has_owner("attendance"),
            models.UniqueConstraint(
                "meeting", "owner_member", name="attendance_once", condition=Q(owner_member__isnull=False)
            ),
        ]


class Decision(Record, Owned, Signed):
    meeting = models.ForeignKey(Meeting, models.PROTECT, related_name="decisions")
    text = models.CharField(max_length=500)
    due_on = models.DateField(null=True)
    action = models.OneToOneField(Action, models.PROTECT, null=True, related_name="decision")
    position = models.SmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            _says_who("decision"),
            _has_owner("decision"),
            models.CheckConstraint(name="decision_says", condition=~Q(text="")),
        ]
