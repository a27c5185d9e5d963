"""What needs real commits: the database's own guard, two people at once."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from cercle.base.common.errors import Refused
from cercle.care.coordination.actions import files
from cercle.care.coordination.models import CoordinationFile
from tests import factories as make
from tests.factories import coordination as made


def test_the_database_refuses_a_change_of_state_without_its_event(fresh_db):
    alice = made.coordinator(made.dac())
    file = made.followed(alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        CoordinationFile.objects.filter(pk=file.pk).update(level=1)
    files.set_level(alice.desk, file=file, level=1)
    file.refresh_from_db()
    assert file.level == 1


def _both(*verbs):
    """Run together; gives each one's result or its refusal."""
    found: list = [None] * len(verbs)
    start = threading.Barrier(len(verbs))

    def run(at, verb):
        try:
            start.wait()
            found[at] = verb()
        except Refused as refusal:
            found[at] = refusal
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(i, v)) for i, v in enumerate(verbs)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return found


def test_two_coordinators_open_one_episode(fresh_db):
    dac = made.dac()
    alice, erwan = made.coordinator(dac), made.coordinator(dac, "Erwan", "Kerdreux")
    circle = make.circle(make.viewer(make.role()))
    results = _both(*(lambda who=who: made.followed(who, circle=circle) for who in (alice, erwan)))
    assert sorted(type(r).__name__ for r in results) == ["CoordinationFile", "Refused"]
    assert next(r for r in results if isinstance(r, Refused)).code == "already_open"
    assert CoordinationFile.objects.count() == 1


def test_two_writers_at_the_same_moment_one_is_told_what_the_other_wrote(fresh_db):
    dac = made.dac()
    alice, erwan = made.coordinator(dac), made.coordinator(dac, "Erwan", "Kerdreux")
    file = made.followed(alice)
    results = _both(
        lambda: files.update_administrative(alice.desk, file=file, based_on=1, housing="owner"),
        lambda: files.update_administrative(erwan.desk, file=file, based_on=1, housing="tenant"),
    )
    lost = next(r for r in results if isinstance(r, files.AdministrativeConflict))
    kept = next(r for r in results if isinstance(r, CoordinationFile))
    assert lost.file.housing == kept.housing != lost.mine["housing"]
    assert file.administrative_versions.count() == 2
