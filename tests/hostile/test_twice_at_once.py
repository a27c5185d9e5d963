"""The same thing sent twice at the same moment, from several connections."""

import threading
from collections.abc import Callable
from datetime import date

import pytest
from django.db import connection

from cercle.base.common.errors import Refused
from cercle.base.web import limits
from cercle.care.notebook import actions as notebook
from cercle.care.notebook.models import Note
from cercle.people.circles import actions as circles
from cercle.people.circles.access import reach
from cercle.people.circles.models import BreakGlass, JoinRequest, Member
from cercle.people.patients.models import MergeDecision
from tests import factories as make

pytestmark = pytest.mark.usefixtures("fresh_db")


def together(*acts: Callable[[], object]) -> list:
    """Runs all at once, each on its own connection; what they give back, or the error."""
    gate, said = threading.Barrier(len(acts)), []

    def run(act):
        try:
            gate.wait(timeout=10)
            said.append(act())
        except Exception as error:
            said.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for t in threads:
        t.start()
    for t in threads:
        t.join(timeout=30)
    return said


def refused(said: list) -> int:
    strange = [x for x in said if isinstance(x, Exception) and not isinstance(x, Refused)]
    assert not strange, strange
    return sum(isinstance(x, Refused) for x in said)


@pytest.fixture
def alice(fresh_db):
    return make.circle(make.viewer(make.role("Alice", "Le Goff", profession="10")))


def test_a_member_is_added_once(alice):
    role = make.role("Bruno", "Le Bris")
    said = together(*[lambda: circles.add_member(alice, practice_role=role, ground="recognised")] * 4)
    assert refused(said) == 3 and Member.objects.filter(practice_role=role).count() == 1


def test_a_request_to_join_is_kept_and_answered_once(alice):
    viewer = make.viewer(make.role("Gwen", "Salaün"))
    assert refused(together(*[lambda: circles.ask_to_join(viewer, circle_id=alice.circle_id)] * 4)) == 0
    [asked] = JoinRequest.objects.all()
    said = together(*[lambda: circles.answer_join_request(alice, request=asked, accept=True)] * 4)
    assert refused(said) == 3 and Member.objects.filter(practice_role=viewer.practice_role_id).count() == 1


def test_the_quota_of_emergencies_holds_against_many_at_once(alice):
    viewer = make.viewer(make.role("Paul", "Abgrall", profession="10"))
    files = [
        make.circle(make.viewer(make.role("Zoé", f"Cariou{c}")), birth_date=f"195{n}-01-02").circle_id
        for n, c in enumerate("abcdefgh")
    ]
    acts = [lambda f=f: circles.break_glass(viewer, circle_id=f, reason="malaise, seule chez elle") for f in files]
    assert refused(together(*acts)) == 3 and BreakGlass.objects.count() == circles.BREAK_GLASS_QUOTA


def test_two_files_are_merged_once_even_in_both_directions(alice):
    other = make.circle(alice.viewer, birth_date="1941-04-13")
    said = together(
        lambda: circles.merge_files(alice.viewer, survivor=alice.patient, merged=other.patient, reason="même personne"),
        lambda: circles.merge_files(alice.viewer, survivor=other.patient, merged=alice.patient, reason="même personne"),
        lambda: circles.merge_files(alice.viewer, survivor=alice.patient, merged=other.patient, reason="même personne"),
    )
    assert refused(said) == 2 and MergeDecision.objects.count() == 1


def test_a_note_sent_twice_at_once_is_kept_once_and_nobody_elses(alice):
    role = make.role("Bruno", "Le Bris")
    make.join(alice, role)
    bruno = reach(make.viewer(role), alice.circle_id)
    said = together(
        *[lambda: notebook.add_note(alice, text="pansement", client_ref="r1")] * 3,
        *[lambda: notebook.add_note(bruno, text="toilette", client_ref="r1")] * 2,
    )
    assert refused(said) == 0
    assert sorted(Note.objects.values_list("text", flat=True)) == ["pansement", "toilette"]
    assert {n.text for n in said if n.author_user_id == bruno.user_id} == {"toilette"}


def test_an_opposition_and_an_emergency_at_once_leave_no_opening(alice):
    for n in range(4):
        role = make.role("Paul", f"Abgrall{'abcd'[n]}", profession="10")
        viewer = make.viewer(role)
        together(
            lambda role=role: circles.oppose(alice, practitioner=role.practitioner, said_on=date(2026, 1, 2)),
            lambda viewer=viewer: circles.break_glass(
                viewer, circle_id=alice.circle_id, reason="malaise, seule chez elle"
            ),
        )
        assert reach(viewer, alice.circle_id) is None


def test_a_limit_is_counted_across_connections(alice):
    said = together(*[lambda: limits.spend("essai", "quelqu’un", limit=3, seconds=3600)] * 8)
    assert sum(wait == 0 for wait in said) == 3
