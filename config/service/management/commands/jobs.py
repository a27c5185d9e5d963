import asyncio
import os

from django.core.management.base import BaseCommand
from procrastinate.contrib.django import app


class Command(BaseCommand):
    help = "Exécute les tâches de fond, au premier plan"
    requires_system_checks = ()  # done by `run`; a worker that comes back must be quick

    def add_arguments(self, parser):
        parser.add_argument(
            "--concurrency", type=int, default=int(os.environ.get("JOBS_CONCURRENCY", "4")), help="tâches à la fois"
        )
        parser.add_argument("--until-idle", action="store_true", help="finir quand il n’y a plus rien à faire")

    def handle(self, *, concurrency, until_idle, **options):
        asyncio.run(work(concurrency=concurrency, wait=not until_idle))


async def work(*, concurrency: int, wait: bool) -> None:
    # with_connector, not replace_connector: a job that defers another one still does it inside Django's transaction.
    worker = app.with_connector(app.connector.get_worker_connector())
    async with worker.open_async():
        await worker.run_worker_async(
            concurrency=concurrency,
            wait=wait,
            delete_jobs="successful",
            fetch_job_polling_interval=5,
            shutdown_graceful_timeout=8,
        )
