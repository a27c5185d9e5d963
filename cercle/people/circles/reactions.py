from cercle.base.audit.reactions import Fact, on

from . import tasks


def _by(fact: Fact) -> str:
    return str(fact.actor_user_id or "")


@on("circles.member_added")
def tell_who_joined(fact: Fact) -> None:
    tasks.member_joined.defer(member_id=fact.target_id, by=_by(fact))


@on("circles.member_ended")
def tell_who_left(fact: Fact) -> None:
    tasks.member_left.defer(member_id=fact.target_id, by=_by(fact))


@on("circles.break_glass_opened")
def tell_at_once(fact: Fact) -> None:
    tasks.break_glass_opened.defer(opened_id=fact.target_id)


@on("circles.join_requested")
def tell_the_lead(fact: Fact) -> None:
    tasks.join_asked.defer(request_id=fact.target_id)


@on("circles.opposition_added")
def take_back_what_was_sent(fact: Fact) -> None:
    tasks.opposition_changed.defer(opposition_id=fact.target_id)


@on("patients.contact_changed")
def follow_the_contact(fact: Fact) -> None:
    tasks.contact_changed.defer(contact_id=fact.target_id)


@on("directory.team_closed")
def leave_with_the_team(fact: Fact) -> None:
    tasks.team_closed.defer(team_id=fact.target_id)
