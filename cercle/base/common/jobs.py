"""Background jobs, enqueued in the same transaction as the rows they are about (Procrastinate).

    @task(queue="mail", retry=5)
    def send_digest(user_id: str) -> None: ...

    send_digest.defer(user_id=user.pk)             # leaves with the commit, or not at all
    send_digest.defer(user_id=user.pk, _in=60, _once=f"digest-{user.pk}")

A job carries ids, never content: the queue is not under the rights table.
"""

import inspect
from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from django.db import transaction
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from .connections import close_dead

__all__ = ["Task", "every", "task"]


class Task:
    """A function that runs at once when called, and later when deferred."""

    def __init__(self, function: Callable, registered):
        self.function = function
        self.registered = registered
        self.name = registered.name
        self.__doc__ = function.__doc__

    def __call__(self, *args, **ids):
        return self.function(*args, **ids)

    def defer(self, *, _in: float = 0, _once: str | None = None, **ids) -> bool:
        """Enqueue in the current transaction. `_in`: seconds to wait. `_once`: a key of which at most one job waits.

        False when `_once` found one waiting already.
        """
        ids = {k: str(v) if isinstance(v, UUID) else v for k, v in ids.items()}
        options: dict = {}
        if _in:
            options["schedule_in"] = {"seconds": _in}
        if not _once:
            self.registered.configure(**options).defer(**ids)
            return True
        try:
            with transaction.atomic():  # the refusal of a second one must not spoil the caller's transaction
                self.registered.configure(queueing_lock=_once, **options).defer(**ids)
        except AlreadyEnqueued:
            return False
        return True


def task(
    function: Callable | None = None, *, queue: str = "default", retry: int | RetryStrategy = 0, lock: str | None = None
):
    """Declare a job. `retry`: a number of further attempts, 5 s, 25 s, 125 s… apart, or a RetryStrategy."""

    def wrap(f: Callable) -> Task:
        strategy = RetryStrategy(max_attempts=retry, exponential_wait=5) if isinstance(retry, int) and retry else retry
        wants_tick = "timestamp" in inspect.signature(f).parameters

        def run(timestamp=None, **ids):  # periodic jobs are given the tick they stand for
            close_dead()  # the thread may have slept through a restart of the database
            return f(timestamp=timestamp, **ids) if wants_tick else f(**ids)

        run.__module__, run.__qualname__, run.__name__ = f.__module__, f.__qualname__, f.__name__
        registered = cast(Any, app).task(
            run, name=f"{f.__module__}.{f.__qualname__}", queue=queue, retry=strategy or False, lock=lock
        )
        return Task(f, registered)

    return wrap(function) if function else wrap


def every(cron: str, job: Task, **ids) -> None:
    """Run `job` at each tick of `cron` (five fields, or six with seconds last). For config/schedule.py only.

    A tick is skipped while the previous one still waits.
    """
    key = f"{job.name}{sorted(ids.items())}" if ids else job.name
    options: dict[str, Any] = {"task_kwargs": ids} if ids else {}
    app.periodic(cron=cron, periodic_id=key, queueing_lock=key, **options)(job.registered)
