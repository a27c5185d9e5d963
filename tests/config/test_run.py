"""`cercle run`: one at a time, on a free port, and nothing left behind."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support import database
from tests.support.site import free_port


class Installation:
    def __init__(self, home: Path, env: dict[str, str]):
        self.home, self.port = home, free_port()
        self.env = {**env, "CERCLE_HOME": str(home), "PORT": str(self.port), "CERCLE_ALLOW_ROOT": "1"}
        self.env |= {"CERCLE_INSECURE_HTTP": "1"}
        self.started: list[subprocess.Popen] = []

    def call(self, *words: str, **env: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "config.cli", *words],
            cwd=database.ROOT, env={**self.env, **env}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.cli", "run", "--workers", "1", *words],
            cwd=database.ROOT, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.started.append(process)
        said = []
        for line in process.stdout:
            said.append(line)
            if "Cercle est prêt" in line:
                return process
        raise AssertionError("".join(said))

    def health(self) -> dict:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=10) as answer:
            return json.load(answer)

    def facts(self) -> dict:
        return json.loads((self.home / "run.json").read_text())

    def port_is_free(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) != 0


@pytest.fixture
def installation(fresh_db, tmp_path):
    made = Installation(tmp_path / "var", fresh_db.env)
    yield made
    for process in made.started:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        process.communicate(timeout=30)


def wait(met, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not met() and time.monotonic() < deadline:
        time.sleep(0.05)
    return met()


def test_run_serves_pages_and_jobs_until_it_is_told_to_stop(installation):
    process = installation.start()
    assert wait(lambda: installation.health()["jobs"]["state"] == "ok")
    assert installation.call("status").returncode == 0
    stopped = installation.call("stop")
    assert (stopped.returncode, stopped.stdout.strip()) == (0, "Cercle est arrêté.")
    assert process.wait(30) == 0
    assert installation.port_is_free()
    assert installation.call("status").returncode == 1


def test_a_second_run_says_that_it_runs_already_and_where(installation):
    process = installation.start()
    second = installation.call("run")
    assert second.returncode == 1
    assert f"Cercle tourne déjà : http://localhost:{installation.port}" in second.stderr
    again = installation.call("run", "--demo")
    assert again.returncode == 0
    assert f"http://localhost:{installation.port}" in again.stdout
    assert process.poll() is None


def test_a_port_in_use_is_refused_by_its_number(installation):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", installation.port))
        taken.listen()
        refused = installation.call("run")
    assert refused.returncode == 1
    assert f"Le port {installation.port} est déjà pris" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_a_killed_run_leaves_nothing_that_stops_the_next(installation):
    first = installation.start()
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert wait(installation.port_is_free)
    installation.start()
    assert installation.health()["database"] == "ok"


def test_a_fallen_job_process_comes_back(installation):
    process = installation.start()
    assert wait(lambda: installation.health()["jobs"]["workers"] == 1)
    mark = f"CERCLE_RUN={installation.facts()['mark']}".encode()

    def jobs() -> list[int]:
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if mark in Path(f"/proc/{pid}/environ").read_bytes() and Path(
                    f"/proc/{pid}/cmdline"
                ).read_bytes().endswith(b"jobs\0"):
                    found.append(int(pid))
        return found

    (old,) = jobs()
    os.kill(old, signal.SIGKILL)
    came_back = wait(lambda: bool(jobs()) and jobs() != [old])
    assert came_back, (process.poll(), process.terminate(), process.communicate())


def test_stop_without_anything_says_so(installation):
    assert installation.call("stop").stdout.strip() == "Cercle ne tournait pas."


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_is_refused_outside_the_demo(installation):
    refused = installation.call("run", CERCLE_ALLOW_ROOT="")
    assert refused.returncode == 1
    assert "utilisateur ordinaire" in refused.stderr


def test_unsafe_settings_are_refused_in_one_line(installation):
    for command in ("run", "web"):
        refused = installation.call(command, ALLOWED_HOSTS="*", CERCLE_INSECURE_HTTP="0")
        assert refused.returncode == 1
        assert "ALLOWED_HOSTS accepte n’importe quel nom" in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
