"""One dataset and what serves it: loaded once by `cercle demo`, kept under var/bench, then the real server and the reference."""

import hashlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from cercle.base.common.postgres import Server

from . import sql
from .client import HOST, Session

ROOT = Path(__file__).resolve().parent.parent
WHERE = ROOT / "var" / "bench"
TICK = os.sysconf("SC_CLK_TCK")
SIZES = {"200": 200, "1k": 1000, "10k": 10_000, "100k": 100_000}


def loader_version() -> str:
    """Changes when the loader does: then the dataset is made again. (Tables that changed are migrated.)"""
    digest = hashlib.sha256()
    for path in sorted(ROOT.glob("config/demo/**/*")):
        if path.suffix in {".py", ".txt", ".json", ".csv"}:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _processes() -> list[tuple[int, int, int]]:
    """pid, parent, ticks of processor (its own and its ended children's)."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found.append((int(name), int(words[1]), sum(map(int, words[11:15]))))
    return found


def _cwd(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


class Site:
    PREPARE = "bench.prepare"

    def __init__(self, size: str, patients: int | None = None):
        self.size, self.patients = size, SIZES[size] if patients is None else patients
        self.home = Path(os.environ.get("BENCH_HOME") or WHERE) / size
        self.server = Server(self.home)
        self.processes: list[subprocess.Popen] = []
        self.port, self.bare_port = free_port(), free_port()
        self.sessions: dict[str, Session] = {}
        self.scripts: list[Path] = []

    # --- The dataset ----------------------------------------------------------------------------------------------
    def ready(self, say) -> None:
        stamp = self.home / "loader"
        if stamp.exists() and stamp.read_text() in (loader_version(), "keep"):
            self.cercle("migrate", "--verbosity", "0")
            return
        self.forget()
        say(f"{self.size} : chargement de {self.patients} patients…")
        started = time.monotonic()
        for words in (["migrate"], ["reference", "load"], ["demo", "--patients", str(self.patients), "--seed", "1"]):
            self.cercle(*words)
        self.server.start()
        import psycopg

        with psycopg.connect(self.server.url("superuser"), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        stamp.write_text(loader_version())
        say(f"{self.size} : chargé en {time.monotonic() - started:.0f} s")

    def forget(self) -> None:
        """An empty folder in place of the former dataset."""
        if self.home.exists():
            # Ours alone: its server is stopped and its folders removed, nothing else is touched.
            self.server.stop()
            subprocess.run(["rm", "-rf", "--", str(self.server.place), str(self.home)], check=True)
        self.home.mkdir(parents=True)

    def cercle(self, *words: str) -> str:
        command = [sys.executable, "-m", "config.cli", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.environment(), stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"bench: cercle {' '.join(words)} failed for {self.size}")
        return done.stdout

    def environment(self, **more: str) -> dict:
        kept = {
            k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "DATABASE_OWNER_URL", "CERCLE_EMBEDDED"}
        }
        return kept | {
            "CERCLE_HOME": str(self.home), "CERCLE_INSECURE_HTTP": "1", "CERCLE_ALLOW_ROOT": "1", "PORT": str(self.port),
            "CERCLE_TOTP_CODES_SERVE_TWICE": "1", "BASE_URL": f"http://{HOST}:{self.port}",
        } | more  # fmt: skip

    # --- What serves it -------------------------------------------------------------------------------------------
    def start(self) -> None:
        self.server.acquire()
        plan = self.home / "plan.pickle"
        with_database = {"DATABASE_URL": self.server.url("app")}
        subprocess.run(
            [sys.executable, "-m", self.PREPARE, str(plan)],
            cwd=ROOT,
            env=self.environment(**with_database),
            check=True,
        )
        self.plan = pickle.loads(plan.read_bytes())  # nosec B301: written by the line above
        self.people = self.plan["people"]
        self._run(["-m", "config.cli", "run", "--workers", "2"], self.environment(), "server.log")
        self._wait(self.port, "/healthz")
        self.beside(self.environment(**with_database))
        for who, person in self.people.items():
            self.sessions[who] = Session(self.port)
            self.sessions[who].sign_in(
                person["login"], person["password"], person["secret"], person.get("lands", "/patients/")
            )

    def beside(self, environment: dict) -> None:
        """What the product is measured beside: the bare view, pgbench's scripts."""
        bare = [
            "-m",
            "granian",
            "--interface",
            "asgi",
            "--no-ws",
            "--host",
            HOST,
            "--port",
            str(self.bare_port),
            "--workers",
            "2",
        ]
        bare += ["--log-level", "warning", "bench.bare:application"]
        self._run(bare, environment, "bare.log")
        self._wait(self.bare_port, f"/bare/{self.people['nurse']['circles'][0]}/")
        self.scripts = sql.write_scripts(self.home / "pgbench", self.people["writer"], self.plan["defer"])

    def told(self) -> dict:
        return {"size": self.size, "patients": self.plan["patients"], "notes": self.plan["notes"]}

    def tidy(self) -> None:
        """What the bench wrote is taken back."""
        sql.tidy(self.server.url("superuser"), self.people["writer"]["user"])

    def _run(self, words: list[str], env: dict, log: str) -> None:
        with (self.home / log).open("w") as out:
            self.processes.append(subprocess.Popen([sys.executable, *words], cwd=ROOT, env=env, stdout=out, stderr=out))

    def _wait(self, port: int, path: str) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if any(p.poll() is not None for p in self.processes):
                raise SystemExit(f"bench: a server of {self.size} ended; see {self.home}/server.log and bare.log")
            try:
                with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"bench: {self.size} does not answer; see {self.home}/server.log")

    def cpu(self) -> float:
        """Seconds of processor spent so far by this site's web workers and database: neighbours do not count in it."""
        ours, spent = {self.processes[0].pid}, 0.0
        data = os.path.realpath(self.server.data)
        for _generation in range(3):
            ours |= {pid for pid, parent, _t in _processes() if parent in ours}
        for pid, _parent, ticks in _processes():
            if pid in ours or _cwd(pid) == data:
                spent += ticks / TICK
        return spent

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        self.processes.clear()
        try:
            if getattr(self, "people", None):
                self.tidy()
        finally:
            self.server.release()
