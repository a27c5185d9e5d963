"""Who is told of the plan and of meetings; reminders of reviews and of what is late. Notices carry no word of the plan."""

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from cercle.base.common.jobs import task
from cercle.base.notifications.actions import notify
from cercle.base.notifications.rules import Relation
from cercle.people.circles import audience
from cercle.people.circles.access import Acting
from cercle.people.circles.models import Circle
from cercle.people.circles.vocabulary import Permission

from .models import Action, CarePlan, Goal, Meeting
from .vocabulary_plan import OPEN_ACTIONS, MeetingState

# Days before a review when the referent is reminded, then the day after it was missed.
BEFORE_REVIEW = (14, 3, 0, -1)
BEFORE_MEETING = 1


def sees_goal(acting: Acting, goal: Goal) -> bool:
    return acting.may(Permission.READ_PLAN) and acting.sees(
        hidden=goal.hidden, category=goal.category, author_user_id=goal.author_user_id, target_id=goal.pk
    )


def sees_plan(acting: Acting, plan: CarePlan) -> bool:
    """A plan that was never proposed is its editors' draft."""
    if not acting.may(Permission.READ_PLAN) or not acting.sees(
        hidden=plan.hidden, category=plan.category, author_user_id=plan.author_user_id, target_id=plan.pk
    ):
        return False
    return is_shared(plan) or acting.may(Permission.EDIT_PLAN)


def is_shared(plan: CarePlan) -> bool:
    return plan.proposed_at is not None or plan.number > 1 or not plan.is_open


@task(queue="notify", retry=3)
def tell_plan(plan_id: str, what: str, by: str = "") -> None:
    """Proposed, agreed, signed, revised: those who may read it; refused: those who write it.

    Proposed: those in charge of an action are asked, too.
    """
    plan = CarePlan.objects.filter(pk=plan_id, closed_at=None).first()
    if plan is None:
        return
    author = UUID(by) if by else None
    lead = Circle.objects.values_list("lead_id", flat=True).get(pk=plan.circle_id)
    users = {
        user.pk: audience.relations(acting, lead)
        | ({Relation.PARENT_AUTHOR} if acting.member and acting.member.pk == plan.referent_member_id else set())
        for user, acting in audience.people(plan.circle_id)
        if user.pk != author and sees_plan(acting, plan) and (what != "refused" or acting.may(Permission.EDIT_PLAN))
    }
    once = f"{what}-{plan.number}"
    if what == "proposed" and plan.proposed_at:
        once += f"-{plan.proposed_at:%Y%m%d%H%M}"
    elif what == "refused":
        once += f"-{plan.agreements.count()}"
    notify(
        "plan", users=users, circle_id=plan.circle_id, target=plan, hidden=plan.hidden, params={"what": what}, once=once
    )
    if what == "proposed":
        for action in Action.objects.filter(goal__plan=plan, state="proposed"):
            tell_owner.defer(action_id=action.pk, by=by)


@task(queue="notify", retry=3)
def tell_owner(action_id: str, by: str = "", what: str = "asked") -> None:
    """Whoever is in charge is asked (`asked`), or told that it is called off (`withdrawn`), once the plan is the circle's."""
    action = Action.objects.select_related("goal__plan").filter(pk=action_id).first()
    if action is None or not is_shared(action.goal.plan):
        return
    if (what == "asked") != (action.state in OPEN_ACTIONS):
        return  # it moved again meanwhile
    author = UUID(by) if by else None
    users = {
        user.pk: Relation.NAMED
        for user, acting in audience.people(action.goal.circle_id)
        if user.pk != author and _owns(acting, action) and sees_goal(acting, action.goal)
    }
    # Asked again after an answer, she is told again; a date or a word that changes does not ring.
    times = action.events.filter(to_state=action.state).exclude(from_state=action.state).count()
    notify(
        "plan_action", users=users, circle_id=action.goal.circle_id, target=action, hidden=action.goal.hidden, params={"what": what},
        once=f"{what}-{action.owner_member_id}-{times}",
    )  # fmt: skip


@task(queue="notify", retry=3)
def tell_answer(action_id: str, by: str = "", state: str = "") -> None:
    """The referent and whoever wrote the action learn what was answered."""
    action = Action.objects.select_related("goal__plan").filter(pk=action_id).first()
    if action is None:
        return
    author, plan = UUID(by) if by else None, action.goal.plan
    users = {
        user.pk: Relation.PARENT_AUTHOR
        for user, acting in audience.people(action.goal.circle_id)
        if user.pk != author
        and sees_goal(acting, action.goal)
        and (user.pk == action.author_user_id or (acting.member and acting.member.pk == plan.referent_member_id))
    }
    notify(
        "plan_action", users=users, circle_id=action.goal.circle_id, target=action, hidden=action.goal.hidden,
        params={"what": "answered", "state": state}, once=f"{state}-{timezone.now():%Y%m%d}",
    )  # fmt: skip


@task(queue="notify", retry=3)
def tell_comment(goal_id: str, comment_id: str, by: str = "") -> None:
    """Those in charge of one of its actions, the goal's author and the referent."""
    goal = Goal.objects.select_related("plan").filter(pk=goal_id).first()
    if goal is None:
        return
    author = UUID(by) if by else None
    owners = set(goal.actions.filter(state__in=OPEN_ACTIONS).values_list("owner_member_id", flat=True))
    owners.add(goal.plan.referent_member_id)
    users = {
        user.pk: Relation.PARENT_AUTHOR
        for user, acting in audience.people(goal.circle_id)
        if user.pk != author
        and sees_goal(acting, goal)
        and sees_plan(acting, goal.plan)
        and (user.pk == goal.author_user_id or (acting.member and acting.member.pk in owners))
    }
    notify(
        "plan_action", users=users, circle_id=goal.circle_id, target=goal, hidden=goal.hidden, params={"what": "commented"}, once=comment_id
    )  # fmt: skip


@task(queue="notify", retry=3)
def tell_meeting(meeting_id: str, what: str, by: str = "") -> None:
    meeting = Meeting.objects.filter(pk=meeting_id).first()
    if meeting is None:
        return
    author = UUID(by) if by else None
    invited = set(meeting.attendances.values_list("owner_member_id", flat=True))
    users = {
        user.pk: Relation.NAMED
        for user, acting in audience.people(meeting.circle_id)
        if user.pk != author and acting.member and acting.member.pk in invited and sees_meeting(acting, meeting)
    }
    notify(
        "meeting", users=users, circle_id=meeting.circle_id, target=meeting, hidden=meeting.hidden, params={"what": what},
        # Those of the first call are not called again when others are added.
        once=f"{'called' if what == 'invited' else what}-{meeting.starts_at:%Y%m%d%H%M}",
    )  # fmt: skip


def sees_meeting(acting: Acting, meeting: Meeting) -> bool:
    return acting.may(Permission.READ_PLAN) and acting.sees(
        hidden=meeting.hidden, category=meeting.category, author_user_id=meeting.author_user_id, target_id=meeting.pk
    )


def _owns(acting: Acting, action: Action) -> bool:
    return acting.member is not None and acting.member.pk == action.owner_member_id


@task(queue="notify", retry=1)
def remind() -> None:
    """Each morning: reviews that come or were missed, actions that became late, tomorrow's meetings."""
    today = timezone.localdate()
    for days in BEFORE_REVIEW:
        for plan in CarePlan.objects.filter(closed_at=None, review_on=today + timedelta(days=days)):
            remind_review.defer(plan_id=plan.pk, days=days)
    for action in Action.objects.filter(
        state__in=OPEN_ACTIONS, due_on=today - timedelta(days=1), goal__plan__closed_at=None
    ):
        remind_action.defer(action_id=action.pk)
    tomorrow = today + timedelta(days=BEFORE_MEETING)
    for meeting in Meeting.objects.filter(state=MeetingState.PLANNED, starts_at__date=tomorrow):
        tell_meeting.defer(meeting_id=meeting.pk, what="tomorrow")


@task(queue="notify", retry=3)
def remind_review(plan_id: str, days: int) -> None:
    plan = CarePlan.objects.filter(pk=plan_id, closed_at=None).first()
    if plan is None or plan.review_on is None:
        return
    users = {
        user.pk: Relation.NAMED
        for user, acting in audience.people(plan.circle_id)
        if sees_plan(acting, plan)
        and (
            (acting.member and acting.member.pk == plan.referent_member_id)
            or (plan.referent_member_id is None and user.pk == plan.author_user_id)
        )
    }
    notify(
        "plan_review", users=users, circle_id=plan.circle_id, target=plan, hidden=plan.hidden, params={"what": "review", "days": days},
        once=f"{plan.review_on}:{days}",
    )  # fmt: skip


@task(queue="notify", retry=3)
def remind_action(action_id: str) -> None:
    """It became late yesterday: whoever is in charge, and the referent."""
    action = Action.objects.select_related("goal__plan").filter(pk=action_id).first()
    if action is None or action.state not in OPEN_ACTIONS or not is_shared(action.goal.plan):
        return
    users = {
        user.pk: Relation.NAMED
        for user, acting in audience.people(action.goal.circle_id)
        if sees_goal(acting, action.goal)
        and acting.member
        and acting.member.pk in (action.owner_member_id, action.goal.plan.referent_member_id)
    }
    notify(
        "plan_action", users=users, circle_id=action.goal.circle_id, target=action, hidden=action.goal.hidden, params={"what": "late"},
        once=f"late-{action.due_on}",
    )  # fmt: skip
