"""`GET /healthz`: is this installation well? For probes and supervision: no sign-in, no session, nothing personal."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from cercle import __version__

# Facts that upper floors add, by name: `health.probe("seal", age)`; called with the database up.
_probes: dict[str, Callable[[], object]] = {}

JOBS = """
select count(*) filter (where status = 'todo' and (scheduled_at is null or scheduled_at <= now())),
       count(*) filter (where status = 'failed'),
       extract(epoch from now() - min(coalesce(j.scheduled_at, e.at))
               filter (where status = 'todo' and (scheduled_at is null or scheduled_at <= now())))
  from procrastinate_jobs j
  left join lateral (select min(at) as at from procrastinate_events where job_id = j.id and type = 'deferred') e
    on j.status = 'todo'
 where status in ('todo', 'failed')
"""
WORKERS = "select count(*) from procrastinate_workers where last_heartbeat > now() - interval '30 seconds'"
LATE = 300  # seconds that a job may wait before the queue is called late


def probe(name: str, fact: Callable[[], object]) -> None:
    _probes[name] = fact


@never_cache
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """200 with the facts; 503 when the database does not answer. A late queue is said, and stays 200."""
    facts: dict[str, object] = {"version": __version__}
    try:
        with connection.cursor() as cursor:
            cursor.execute(JOBS)
            waiting, failed, oldest = cursor.fetchone()
            cursor.execute(WORKERS)
            (workers,) = cursor.fetchone()
        facts["database"] = "ok"
        facts["jobs"] = {
            "state": "stopped" if not workers else "late" if (oldest or 0) > LATE else "ok",
            "workers": workers,
            "waiting": waiting,
            "oldest_seconds": round(oldest or 0),
            "failed": failed,
        }
        facts |= {name: fact() for name, fact in _probes.items()}
    except (DatabaseError, InterfaceError):
        connection.close()
        return JsonResponse({**facts, "database": "down", "jobs": {"state": "unknown"}}, status=503)
    return JsonResponse(facts)
