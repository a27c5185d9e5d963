from cercle.base.audit.reactions import Fact, on

from . import tasks


@on("notebook.note_added")
def tell_the_circle(fact: Fact) -> None:
    tasks.tell.defer(note_id=fact.target_id)


@on("notebook.note_corrected")
@on("notebook.note_withdrawn")
def take_back_notices(fact: Fact) -> None:
    tasks.take_back.defer(note_id=fact.target_id)
