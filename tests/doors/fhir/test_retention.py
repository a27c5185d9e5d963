"""How long a received message stays."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cercle.base.audit.models import AuditEvent
from cercle.doors.fhir import tasks
from cercle.doors.fhir.models import Link, Received
from cercle.people.accounts.models import ApiClient
from cercle.people.patients.models import Patient
from tests import factories as make

pytestmark = pytest.mark.django_db
YEAR = timedelta(days=366)


@pytest.fixture
def client_(db):
    return ApiClient.objects.create(name="Logiciel de soins", organization=make.organization())


@pytest.fixture
def bruno():
    return make.circle(make.viewer(make.role("Bruno", "Le Bris")))


def received(client_, patient, age) -> Received:
    row = Received.objects.create(
        client=client_, patient=patient, kind="cdl", sha256="0" * 64, digest="1" * 64, payload={}, outcome="imported"
    )
    Received.objects.filter(pk=row.pk).update(received_at=timezone.now() - age)
    Link.objects.create(
        client=client_, received=row, ref=f"Note/{row.pk}", target_type="notebook.note", target_id=row.pk
    )
    return row


def last_contact(patient, age) -> None:
    Patient.objects.filter(pk=patient.pk).update(last_contact_at=timezone.now() - age)


def test_a_message_leaves_two_years_after_the_last_contact_with_its_links(client_, bruno):
    kept = received(client_, bruno.patient, 5 * YEAR)
    tasks.forget_received()
    assert Received.objects.get() == kept  # an old message of someone who is followed
    last_contact(bruno.patient, 3 * YEAR)
    fresh = received(client_, bruno.patient, YEAR)
    tasks.forget_received()
    assert Received.objects.get() == fresh
    assert Link.objects.get().received_id == fresh.pk
    assert AuditEvent.objects.get(action="fhir.received_forgotten").details == {"messages": 1}


def test_a_message_that_named_nobody_leaves_by_its_own_age(client_):
    received(client_, None, 3 * YEAR)
    fresh = received(client_, None, YEAR)
    tasks.forget_received()
    assert Received.objects.get() == fresh


def test_a_file_brought_together_keeps_its_messages_while_the_other_is_followed(client_, bruno):
    twin = make.circle(bruno.viewer, birth_given="Yvonne Marie")
    Patient.objects.filter(pk=twin.circle_id).update(merged_into=bruno.patient)
    last_contact(twin.patient, 3 * YEAR)
    received(client_, twin.patient, 3 * YEAR)
    tasks.forget_received()
    assert Received.objects.exists()
    last_contact(bruno.patient, 3 * YEAR)
    tasks.forget_received()
    assert not Received.objects.exists()


def test_the_region_sets_another_length(client_, bruno, settings):
    settings.RECEIVED_KEPT_DAYS = 4 * 366
    last_contact(bruno.patient, 3 * YEAR)
    received(client_, bruno.patient, 3 * YEAR)
    tasks.forget_received()
    assert Received.objects.exists()
