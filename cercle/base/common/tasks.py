"""Housekeeping of the queue itself; times are in config/schedule.py."""

from asgiref.sync import async_to_sync
from procrastinate.contrib.django import app

from .jobs import task

SILENCE = 30  # seconds; a living worker gives a sign every 10
KEEP_FAILED = 30 * 24  # hours


@task(queue="housekeeping")
def put_back_stalled() -> None:
    """Give another worker the jobs of one that died (kill -9, power): each of them runs again, from its start."""
    for job in async_to_sync(app.job_manager.get_stalled_jobs)(seconds_since_heartbeat=SILENCE):
        async_to_sync(app.job_manager.retry_job)(job)


@task(queue="housekeeping")
def forget_old() -> None:
    """Jobs that failed for good are kept a month, to be looked at."""
    async_to_sync(app.job_manager.delete_old_jobs)(nb_hours=KEEP_FAILED, include_failed=True)
