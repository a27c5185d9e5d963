from cercle.base.audit.reactions import Fact, on

from . import tasks


@on("coordination.referent_changed")
def tell_the_person(fact: Fact) -> None:
    tasks.tell_referent.defer(file_id=fact.target_id, by=str(fact.actor_user_id or ""))
