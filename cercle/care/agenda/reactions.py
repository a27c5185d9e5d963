from cercle.base.audit.reactions import Fact, on

from . import tasks


@on("agenda.placed")
def tell_invited(fact: Fact) -> None:
    tasks.tell.defer(appointment_id=fact.target_id, what="placed", by=fact.actor_user_id)


@on("agenda.changed")
def tell_those_who_joined(fact: Fact) -> None:
    if joined := fact.details.get("joined"):
        tasks.tell.defer(appointment_id=fact.target_id, what="placed", by=fact.actor_user_id, only=joined)


@on("agenda.moved")
def tell_of_new_time(fact: Fact) -> None:
    tasks.tell.defer(appointment_id=fact.target_id, what="moved", by=fact.actor_user_id)


@on("agenda.cancelled")
def tell_of_end(fact: Fact) -> None:
    tasks.tell.defer(appointment_id=fact.target_id, what="cancelled", by=fact.actor_user_id)
