"""A sheet sent twice is kept once."""

from uuid import uuid4

import pytest
from django.utils import timezone

from cercle.care.coordination.actions import files as actions
from cercle.care.coordination.models import FollowUpSheet
from tests.factories import coordination as made

pytestmark = pytest.mark.django_db


def test_a_repeated_send_gives_back_the_sheet_already_kept():
    alice = made.coordinator(made.dac())
    file = made.followed(alice)
    ref = uuid4()
    what = {"file": file, "act": "call", "at": timezone.now(), "minutes": 10, "text": "Appelé.", "ref": ref}
    first = actions.write_sheet(alice.desk, **what)
    again = actions.write_sheet(alice.desk, **what)
    assert first.pk == again.pk == ref
    assert FollowUpSheet.objects.filter(pk=ref).count() == 1
