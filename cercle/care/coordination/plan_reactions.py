from cercle.base.audit.reactions import Fact, on

from . import plan_tasks as tasks
from .vocabulary_plan import ActionState


def _by(fact: Fact) -> str:
    return str(fact.actor_user_id or "")


@on("coordination.plan_proposed", "coordination.plan_agreed", "coordination.plan_signed", "coordination.plan_revised")
def tell_the_circle(fact: Fact) -> None:
    tasks.tell_plan.defer(plan_id=fact.target_id, what=fact.action.rpartition("_")[2], by=_by(fact))


@on("coordination.plan_not_agreed")
def tell_the_refusal(fact: Fact) -> None:
    tasks.tell_plan.defer(plan_id=fact.target_id, what="refused", by=_by(fact))


@on("coordination.action_added", "coordination.action_changed")
def ask_the_owner(fact: Fact) -> None:
    tasks.tell_owner.defer(action_id=fact.target_id, by=_by(fact))


@on("coordination.action_moved")
def tell_the_owner_of_a_move(fact: Fact) -> None:
    state = (fact.details or {}).get("state", "")
    if state == ActionState.PROPOSED:
        tasks.tell_owner.defer(action_id=fact.target_id, by=_by(fact))
    elif state == ActionState.CANCELLED:
        tasks.tell_owner.defer(action_id=fact.target_id, by=_by(fact), what="withdrawn")


@on("coordination.action_answered")
def tell_the_answer(fact: Fact) -> None:
    tasks.tell_answer.defer(action_id=fact.target_id, by=_by(fact), state=(fact.details or {}).get("state", ""))


@on("coordination.goal_commented")
def tell_the_comment(fact: Fact) -> None:
    tasks.tell_comment.defer(goal_id=fact.target_id, comment_id=(fact.details or {}).get("comment", ""), by=_by(fact))


@on(
    "coordination.meeting_called",
    "coordination.meeting_invited",
    "coordination.meeting_moved",
    "coordination.meeting_cancelled",
)
def tell_the_invitees(fact: Fact) -> None:
    tasks.tell_meeting.defer(meeting_id=fact.target_id, what=fact.action.rpartition("_")[2], by=_by(fact))
