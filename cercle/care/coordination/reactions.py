from cercle.base.audit.reactions import Fact, on

from . import tasks


@on("coordination.referent_changed")
def tell_the_person(fact: Fact) -> None:
    handover = str((fact.details or {}).get("handover", ""))
    tasks.tell_referent.defer(file_id=fact.target_id, by=str(fact.actor_user_id or ""), handover=handover)


@on("coordination.caseload_handed_over")
def tell_who_takes_over(fact: Fact) -> None:
    tasks.tell_handover.defer(handover_id=fact.target_id, what="given", by=str(fact.actor_user_id or ""))


@on("coordination.caseload_given_back")
def tell_both(fact: Fact) -> None:
    tasks.tell_handover.defer(handover_id=fact.target_id, what="back", by=str(fact.actor_user_id or ""))
