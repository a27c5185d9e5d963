"""The `cercle` command: exit status, one clear line, help by groups."""

import subprocess
import sys

import pytest

from tests.support import database


def cercle(*words: str, **env: str) -> subprocess.CompletedProcess:
    import os

    return subprocess.run(
        [sys.executable, "-m", "config.cli", *words],
        cwd=database.ROOT, env={**os.environ, **env}, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_help_lists_commands_by_group_with_a_line_each():
    done = cercle("--help")
    assert done.returncode == 0
    assert "Faire tourner :" in done.stdout
    assert "ne se charge pas" not in done.stdout
    lines = [line for line in done.stdout.splitlines() if line.startswith("  ")]
    assert len(lines) > 8
    assert all(len(line.split()) > 2 and len(line) < 140 for line in lines)


@pytest.mark.parametrize("words", [["run"], ["migrate"], ["import", "annuaire"], ["audit", "verify"]])
def test_each_command_has_its_own_help(words):
    done = cercle(*words, "--help")
    assert done.returncode == 0
    assert f"usage: cercle {' '.join(words)}" in done.stdout
    assert "--settings" not in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["soigner"], "« cercle soigner » n’existe pas"),
        (["import"], "attend la suite"),
        (["import", "annuaire", "/nowhere/file.txt"], "file.txt"),
    ],
)
def test_an_error_is_one_line_and_a_failure(words, said, fresh_db):
    done = cercle(*words, **fresh_db.env)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not done.stdout


def test_a_missing_argument_shows_the_usage():
    done = cercle("import", "annuaire", DATABASE_URL="postgresql://nobody@/nothing")
    assert done.returncode == 2
    assert "usage: cercle import annuaire" in done.stderr


def test_a_database_that_does_not_answer_is_one_line():
    done = cercle("migrate", DATABASE_URL="postgresql://x:y@127.0.0.1:1/z", DATABASE_OWNER_URL="")
    assert done.returncode == 1
    assert done.stderr.startswith("cercle : La base de données ne répond pas")
    assert len(done.stderr.strip().splitlines()) == 1


def test_traceback_shows_more():
    done = cercle("--traceback", "migrate", DATABASE_URL="postgresql://x:y@127.0.0.1:1/z", DATABASE_OWNER_URL="")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
