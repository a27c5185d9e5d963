from cercle.base.audit.reactions import Fact, on

from . import tasks


@on("stays.admitted", "stays.discharge_announced", "stays.discharged", "stays.reopened")
def tell_the_circle(fact: Fact) -> None:
    tasks.tell.defer(stay_id=fact.target_id, what=fact.action.partition(".")[2], by=str(fact.actor_user_id or ""))
