"""What is sent twice is kept once; words that changed are never swallowed."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from cercle.base.common.errors import Refused
from cercle.care.coordination.actions import files, handover, sheets
from cercle.care.coordination.models import FollowUpSheet, Handover, PrivateNote
from cercle.people.circles.models import ClientRef
from tests.factories import coordination as made

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return made.coordinator(made.dac())


@pytest.fixture
def file(alice):
    return made.followed(alice)


def test_a_repeated_send_gives_back_the_sheet_already_kept(alice, file):
    what = {"file": file, "act": "call", "at": timezone.now(), "minutes": 10, "text": "Appelé.", "ref": uuid4()}
    first, again = sheets.write_sheet(alice.desk, **what), sheets.write_sheet(alice.desk, **what)
    assert first.pk == again.pk != what["ref"], "what a browser sends names nothing in the database"
    assert FollowUpSheet.objects.count() == 1


def test_other_words_under_the_same_name_are_another_sheet(alice, file):
    """The browser's « back », then another text: nothing typed is lost."""
    what = {"file": file, "act": "call", "at": timezone.now(), "minutes": 10, "ref": uuid4()}
    sheets.write_sheet(alice.desk, text="Appelé.", **what)
    sheets.write_sheet(alice.desk, text="Rappelé, répondeur.", **what)
    assert FollowUpSheet.objects.count() == 2


def test_a_colleagues_name_for_her_sheet_takes_nothing_of_mine(alice, file):
    erwan = made.coordinator(file.organization, "Erwan", "Kerdreux")
    what = {"file": file, "act": "call", "at": timezone.now(), "minutes": 10, "text": "Appelé.", "ref": uuid4()}
    assert sheets.write_sheet(alice.desk, **what).pk != sheets.write_sheet(erwan.desk, **what).pk
    assert ClientRef.objects.filter(kind="sheet").count() == 2


def test_a_refused_send_leaves_its_name_free(alice, file):
    what = {"file": file, "act": "call", "minutes": 10, "text": "Appelé.", "ref": uuid4()}
    with pytest.raises(Refused):
        sheets.write_sheet(alice.desk, at=timezone.now() + timedelta(days=3), **what)
    sheets.write_sheet(alice.desk, at=timezone.now(), **what)
    assert FollowUpSheet.objects.count() == 1


def test_notes_series_and_handovers_too(alice, file):
    erwan = made.coordinator(file.organization, "Erwan", "Kerdreux")
    other = made.followed(alice, birth_family="Riou")
    ref = uuid4()
    for _turn in range(2):
        files.add_private_note(alice.desk, file=file, text="Venir à deux.", ref=ref)
        sheets.write_series(
            alice.desk, files=[file, other], act="meeting", at=timezone.now(), minutes=30, text="Atelier.", ref=ref
        )
    assert PrivateNote.objects.count() == 1 and FollowUpSheet.objects.count() == 2
    first = handover.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role, ref=ref)
    assert handover.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role, ref=ref) == first
    assert Handover.objects.count() == 1
