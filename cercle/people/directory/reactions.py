"""What follows from facts of the directory. A reaction only enqueues."""

from cercle.base.audit.reactions import Fact, on
from cercle.people.directory import tasks


@on("directory.report_answered")
def tell_who_reported(event: Fact) -> None:
    tasks.tell_who_reported.defer(report_id=event.target_id)
