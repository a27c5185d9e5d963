"""What a machine reads by lists is what the gate lets it read one by one; a session opens nothing here."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cercle.care.notebook import actions as notebook
from cercle.care.notebook.models import Note
from cercle.doors.fhir.access import Access, make_token, open_door
from cercle.doors.fhir.guides.cdl import connector
from cercle.doors.fhir.models import Token
from cercle.doors.fhir.registry import TYPES
from cercle.doors.fhir.server import serve  # noqa: F401  the registry is filled
from cercle.people.circles import actions as circles
from cercle.people.circles.access import reach_as_feed
from cercle.people.circles.models import Opposition
from cercle.people.circles.vocabulary import READER_LABELS, Category
from tests import factories as make

pytestmark = pytest.mark.django_db
MASKS = [0, *(int(r) for r in READER_LABELS)]


def joined(client_row, *, with_notes=()):
    acting = make.circle(make.viewer(make.role()))
    circle = acting.circle
    circles.join_as_feed(Access(client_row, {}).viewer, circle=circle, client=client_row)
    rows = []
    for category, hidden in with_notes:
        row = notebook.add_note(acting, text="Un mot.", category=acting.profile.default_category)
        Note.objects.filter(pk=row.pk).update(category=category, hidden=hidden)
        rows.append(Note.objects.get(pk=row.pk))
    return circle, acting, rows


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    notes=st.lists(st.tuples(st.sampled_from(Category.values), st.sampled_from(MASKS)), min_size=1, max_size=6),
    refused=st.one_of(st.none(), st.sampled_from(["", *Category.values])), refused_note=st.integers(-1, 5),
)  # fmt: skip
def test_lists_show_what_the_gate_shows(notes, refused, refused_note):
    machine = connector("Essai")
    circle, _acting, rows = joined(machine, with_notes=notes)
    if refused is not None:
        Opposition.objects.create(circle=circle, organization=machine.organization, category=refused)
    if 0 <= refused_note < len(rows):
        Opposition.objects.create(circle=circle, organization=machine.organization, target_id=rows[refused_note].pk)
    type(circle).objects.filter(pk=circle.pk).update(has_oppositions=True)
    gate = reach_as_feed(machine, circle.pk, source="fhir")
    one_by_one = set(Note.objects.visible_to(gate).values_list("pk", flat=True)) if gate else set()
    listed = set(
        TYPES["DocumentReference"].rows(Access(machine, {})).filter(circle=circle).values_list("pk", flat=True)
    )
    assert listed == one_by_one
    seen = TYPES["Patient"].rows(Access(machine, {})).filter(pk=circle.pk).exists()
    assert seen == (gate is not None)


def test_a_session_is_not_a_token(client):
    role = make.role()
    make.sign_in(client, make.user(role))
    assert client.get("/fhir/Patient").status_code in (302, 401)


def test_a_token_ends_is_revoked_and_dies_with_its_machine():
    machine = connector("Essai")
    said = make_token(machine, scope="system/*.cruds")
    assert open_door(said).client == machine
    assert said not in json.dumps(list(Token.objects.values()), default=str)
    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert open_door(said) is None
    Token.objects.update(expires_at=timezone.now() + timedelta(hours=1), revoked_at=timezone.now())
    assert open_door(said) is None
    Token.objects.update(revoked_at=None)
    type(machine).objects.filter(pk=machine.pk).update(active=False)
    assert open_door(said) is None


@pytest.mark.parametrize(
    "scope", ["", "patient/*.rs", "user/*.cruds", "system/patient.rs", "system/*.x", "admin", "system/*."]
)
def test_a_scope_that_a_machine_cannot_hold_is_refused(scope):
    from cercle.base.common.errors import Refused

    with pytest.raises(Refused):
        make_token(connector("Essai"), scope=scope)
