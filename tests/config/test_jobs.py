"""The job process: what is enqueued runs, and a killed worker's jobs run again."""

import signal
import subprocess
import sys
import time

import psycopg

from cercle.base.common.tasks import forget_old, put_back_stalled
from tests.support import database


def rows(fresh_db, query: str) -> list:
    with psycopg.connect(fresh_db.url("owner")) as connection:
        return connection.execute(query).fetchall()


def test_a_job_runs_and_leaves_no_trace_in_the_queue(fresh_db):
    forget_old.defer()
    done = subprocess.run(
        [sys.executable, "-m", "config.cli", "jobs", "--until-idle"], cwd=database.ROOT, env=fresh_db.env,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert rows(fresh_db, "select 1 from procrastinate_jobs where task_name like '%forget_old'") == []


def test_a_killed_workers_job_is_put_back(fresh_db):
    forget_old.defer()
    with psycopg.connect(fresh_db.url("owner"), autocommit=True) as connection:  # a worker took it, and died
        connection.execute(
            "with w as (insert into procrastinate_workers (last_heartbeat) values (now() - interval '2 minutes') returning id)"
            " update procrastinate_jobs set status = 'doing', worker_id = (select id from w)"
        )
    put_back_stalled()
    assert rows(fresh_db, "select status::text from procrastinate_jobs") == [("todo",)]


def test_the_worker_ends_at_once_when_asked(fresh_db):
    process = subprocess.Popen(
        [sys.executable, "-m", "config.cli", "jobs"], cwd=database.ROOT, env=fresh_db.env, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while not rows(fresh_db, "select 1 from procrastinate_workers") and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
