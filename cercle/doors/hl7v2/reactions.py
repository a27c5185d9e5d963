from cercle.base.audit.reactions import Fact, on

from . import tasks


@on("circles.opened_new")
def show_what_hospitals_said(fact: Fact) -> None:
    tasks.show_visits.defer(patient_id=str(fact.circle_id))
