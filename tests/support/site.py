"""Real processes of Cercle, started by a test on a database of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import database


@dataclass(frozen=True)
class FreshDatabase:
    name: str

    @property
    def env(self) -> dict[str, str]:
        """Environment for a child process that works on this database."""
        return {**os.environ, **database.environment(self.name)}

    def url(self, role: str = "app") -> str:
        return database.SERVER.url(role, self.name)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Site:
    """`url` is http://localhost:<port>; processes end with the `with` block."""

    database: FreshDatabase
    port: int = field(default_factory=free_port)
    processes: list[subprocess.Popen] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        return {
            **self.database.env,
            "CERCLE_INSECURE_HTTP": "1",
            "PORT": str(self.port),
            "BASE_URL": self.url,
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
        }

    @property
    def log(self) -> Path:
        return database.HOME / f"site-{self.database.name}-{self.port}.log"

    def start(self, *command: str, **env: str) -> subprocess.Popen:
        """`command` in the site's environment, its output in `log`, stopped with the site."""
        with self.log.open("a") as log:
            started = subprocess.Popen(
                command, env={**self.env, **env}, cwd=database.ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.processes.append(started)
        return started

    def start_web(self, workers: int = 1, **env: str) -> None:
        command = [sys.executable, "-m", "granian", "--interface", "asgi", "config.asgi:application"]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--workers", str(workers)]
        process = self.start(*command, "--workers-kill-timeout", "2", "--no-ws", **env)
        deadline = time.monotonic() + 60
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the web server did not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    def start_jobs(self, **env: str) -> None:
        self.start(sys.executable, "-m", "config.cli", "jobs", **env)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def __enter__(self) -> "Site":
        return self

    def __exit__(self, *exc) -> None:
        self.stop()
