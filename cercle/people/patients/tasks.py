"""Background work on identities."""

from cercle.base.audit.record import SYSTEM, Kind, record
from cercle.base.common.jobs import task
from cercle.people.patients import duplicates


@task(queue="slow")
def search_duplicates() -> int:
    """The whole territory against itself; what is new waits in the identity queue. Returns how many."""
    found = duplicates.search_everywhere()
    record(
        SYSTEM,
        "patients.duplicates_searched",
        kind=Kind.SEARCH,
        details={"patients": found.patients, "pairs": found.pairs, "filed": found.filed},
    )
    return found.filed
