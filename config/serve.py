"""The supervisor behind `cercle run`: web and job processes in front, together, and the embedded server with them."""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cercle.base.common.errors import Refused
from cercle.base.common.postgres import Server

ROOM_NEEDED = 200 * 1024 * 1024
KILL_AFTER = 2  # seconds; a worker with an open /events never ends by itself
# Looked up here: between fork and exec a child must not load anything.
PRCTL = getattr(ctypes.CDLL(None), "prctl", None) if sys.platform == "linux" else None
PATIENCE = 12  # seconds given to the children at the end
TOO_MANY_FALLS = 5  # in one minute: something is broken, say so and stop


def web_command(host: str, port: int, workers: int) -> list[str]:
    return [
        sys.executable, "-m", "granian", "--interface", "asgi", "--no-ws", "--host", host, "--port", str(port),
        "--workers", str(workers), "--workers-kill-timeout", str(KILL_AFTER), "--respawn-failed-workers",
        "--log-level", "warning", "config.asgi:application",
    ]  # fmt: skip


def jobs_command() -> list[str]:
    return [sys.executable, "-m", "config.cli", "jobs"]


def hl7_command(host: str, port: int) -> list[str]:
    return [sys.executable, "-m", "config.cli", "hl7", "listen", "--host", host, "--port", str(port)]


def check_port(host: str, port: int) -> None:
    """Refuse a port in use: Granian shares it silently (SO_REUSEPORT) and two programs would answer in turns."""
    # « localhost » may be ::1 to a browser: another program there would get our visitors.
    for address in [host, "::1"] if host == "127.0.0.1" else [host]:
        try:
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
                probe.listen(1)
        except PermissionError:
            raise Refused(f"Le port {port} demande des droits d’administration : PORT=8000 par exemple.", "port")
        except OverflowError:
            raise Refused(f"{port} n’est pas un numéro de port.", "port")
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Refused(f"Le port {port} est déjà pris : essayez PORT={port + 1}, ou un autre.", "port")
            if address == host:
                raise Refused(f"Impossible d’écouter sur {host}, port {port} : {error.strerror}", "port")


def check_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < ROOM_NEEDED:
        raise Refused(f"Disque plein : il reste {free // 1024**2} Mo dans {folder}, il en faut 200.", "disk_full")


def refuse_root() -> None:
    if os.geteuid() == 0 and not os.environ.get("CERCLE_ALLOW_ROOT"):
        raise Refused("Lancez Cercle sous un utilisateur ordinaire (root : démonstration seulement).", "root")


def refuse_unsafe() -> None:
    """The checks of config/checks.py and of every application, as one line."""
    from django.core import checks

    found = [message for message in checks.run_checks() if message.level >= checks.ERROR]
    if found:
        raise Refused("Réglages refusés : " + " ".join(f"{m.msg} {m.hint or ''}".strip() for m in found), "settings")


def embedded(home: Path) -> Server | None:
    """The embedded server when this installation uses it."""
    return Server(home) if os.environ.get("CERCLE_EMBEDDED") else None


def in_front(command: list[str]) -> None:
    """Run `command` until it ends, passing our signals on; we stay, to let go of the embedded server afterwards."""
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_OWNER_URL"}
    process = subprocess.Popen(command, env=env, start_new_session=True, preexec_fn=_end_with_parent)
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, lambda number, frame: process.terminate())
    sys.exit(process.wait())


@dataclass
class Child:
    name: str
    command: list[str]
    process: subprocess.Popen | None = None
    falls: list[float] = field(default_factory=list)
    is_optional: bool = False  # the rest goes on without it


class Running:
    """What is written in `home` about the running installation, believed only while its lock is held."""

    def __init__(self, home: Path):
        self.lock = home / "run.lock"
        self.file = home / "run.json"

    def read(self) -> dict | None:
        try:
            with self.lock.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None  # nobody holds it
        except FileNotFoundError:
            return None
        except BlockingIOError:
            try:
                return json.loads(self.file.read_text())
            except (FileNotFoundError, ValueError):
                return {}  # it is starting

    @contextlib.contextmanager
    def hold(self):
        with self.lock.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Refused(already(self.read() or {}), "already_running")
            self._end_what_is_left()
            try:
                yield self
            finally:
                self.file.unlink(missing_ok=True)

    def write(self, **facts) -> None:
        draft = self.file.with_suffix(".new")
        draft.write_text(json.dumps(facts))
        draft.replace(self.file)

    def _end_what_is_left(self) -> None:
        """Children of a supervisor that was killed; recognised by the mark in their environment, never by pid alone."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            facts = json.loads(self.file.read_text())
            mark = f"CERCLE_RUN={facts['mark']}".encode()
            for pid in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError):
                    if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") and int(pid) != os.getpid():
                        os.kill(int(pid), signal.SIGKILL)


def already(facts: dict) -> str:
    where = facts.get("url", "il démarre")
    return f"Cercle tourne déjà : {where} (processus {facts.get('pid', '?')}). Pour l’arrêter : « cercle stop »."


class Supervisor:
    def __init__(
        self,
        home: Path,
        server: Server | None,
        *,
        host: str,
        port: int,
        workers: int,
        log: Path | None,
        hl7_port: int = 0,
    ):
        """`log`: a folder for what the processes write, None for our own output. `hl7_port`: 0 without HL7 messages."""
        self.home, self.server, self.log = home, server, log
        self.host, self.port = host, port
        self.mark = os.urandom(8).hex()
        self.children = [Child("web", web_command(host, port, workers)), Child("jobs", jobs_command())]
        if hl7_port:
            self.children.append(Child("hl7", hl7_command(host, hl7_port), is_optional=True))
        self.stopping = False

    def run(self, running: Running, url: str, when_ready: Callable[[], None]) -> int:
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, self._ask_to_stop)
        try:
            web, *behind = self.children
            self._start(web)
            running.write(pid=os.getpid(), url=url, port=self.port, mark=self.mark)
            deadline = time.monotonic() + 60
            while not self.stopping and not self.answers():
                self._look_after()
                if time.monotonic() > deadline:
                    raise Refused(f"Le port {self.port} ne répond pas{self._where(self.children[0])}", "web_start")
                time.sleep(0.05)
            if not self.stopping:
                for child in behind:  # after the pages: on a small machine all at once would double the wait
                    self._start(child)
                when_ready()
            while not self.stopping:
                self._look_after()
                time.sleep(0.3)
            return 0
        finally:
            self._stop()

    def answers(self) -> bool:
        host = "127.0.0.1" if self.host in {"0.0.0.0", ""} else self.host
        try:
            urllib.request.urlopen(f"http://{host}:{self.port}/healthz", timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def _ask_to_stop(self, signum, frame) -> None:
        self.stopping = True

    def _where(self, child: Child | None = None) -> str:
        """What to read: the last line the process wrote, and the folder of the rest."""
        if not self.log:
            return ""
        lines = []
        if child:
            with contextlib.suppress(OSError):
                lines = (self.log / f"{child.name}.log").read_text(errors="replace").strip().splitlines()
        return f" : {lines[-1].strip()[:300]} (voir {self.log})" if lines else f" ; voir {self.log}"

    def _start(self, child: Child) -> None:
        env = {name: value for name, value in os.environ.items() if name != "DATABASE_OWNER_URL"}
        env["CERCLE_RUN"] = self.mark
        with contextlib.ExitStack() as stack:
            out = None
            if self.log:
                self.log.mkdir(exist_ok=True, mode=0o700)
                out = stack.enter_context((self.log / f"{child.name}.log").open("a"))
            child.process = subprocess.Popen(
                child.command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, preexec_fn=_behind_pages if child.name == "jobs" else _end_with_parent,
            )  # fmt: skip

    def _look_after(self) -> None:
        """Start again what fell; give up when it falls all the time."""
        if self.server is not None and not self.server.alive() and self.server.start():
            print("PostgreSQL s’était arrêté : il est reparti.", file=sys.stderr, flush=True)
        for child in self.children:
            if child.process is None or child.process.poll() is None:
                continue
            now = time.monotonic()
            child.falls = [t for t in child.falls if t > now - 60] + [now]
            if len(child.falls) >= TOO_MANY_FALLS and child.is_optional:
                print(f"Le processus {child.name} est abandonné{self._where(child)}", file=sys.stderr, flush=True)
                child.process = None
                continue
            if len(child.falls) >= TOO_MANY_FALLS:
                raise Refused(f"Le processus {child.name} tombe sans cesse{self._where(child)}", "child_falls")
            print(f"Le processus {child.name} est tombé : il repart.", file=sys.stderr, flush=True)
            time.sleep(0.2 * len(child.falls))
            self._start(child)

    def _stop(self) -> None:
        alive = [child.process for child in self.children if child.process and child.process.poll() is None]
        for process in alive:
            process.terminate()
        deadline = time.monotonic() + PATIENCE
        for process in alive:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _behind_pages() -> None:
    """Jobs wait for whoever waits in front of a screen."""
    _end_with_parent()
    os.nice(5)


def _end_with_parent() -> None:
    """In the child: a supervisor killed by -9 takes its children along (Linux)."""
    if PRCTL is not None:
        PRCTL(1, signal.SIGTERM)
