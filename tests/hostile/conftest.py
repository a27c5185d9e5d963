import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from cercle.care.documents.models import Document
from cercle.care.notebook import actions as notebook
from cercle.care.record import essentials
from cercle.care.stays import actions as stays
from cercle.people.circles import actions as circles
from cercle.people.circles.access import reach
from tests import factories as make


def picture(name="plaie.jpg", size=(40, 30)) -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, "JPEG")
    return SimpleUploadedFile(name, out.getvalue(), "image/jpeg")


@pytest.fixture
def no_second_factor(settings):
    settings.MFA_REQUIRED = False


@pytest.fixture
def alice():
    return make.circle(make.viewer(make.role("Alice", "Le Goff", profession="10")))


@pytest.fixture
def zoe():
    """Coordinates the circle of someone else."""
    return make.circle(make.viewer(make.role("Zoé", "Cariou")), birth_family="Le Berre", birth_date="1950-01-02")


@pytest.fixture
def alices_rows(alice) -> dict:
    """One row of each kind in Alice's circle, by the name that addresses give to its id."""
    other = make.role("Bruno", "Le Bris")
    make.join(alice, other)
    note = notebook.add_note(alice, text="pansement refait", files=[picture()])
    allergy = essentials.add(alice, kind="allergy", label="pénicilline")
    contact = make.contact(alice.patient)
    consent = circles.record_consent(
        alice, flow="information", given_by="person", form="oral", given_on=note.written_at.date()
    )
    refusal = circles.oppose(alice, profession="TRE_G15:26")
    stranger = make.role("Gwen", "Salaün")
    circles.ask_to_join(make.viewer(stranger), circle_id=alice.circle_id)
    opened = circles.break_glass(
        make.viewer(make.role("Paul", "Abgrall", profession="10")),
        circle_id=alice.circle_id, reason="malaise au domicile, seul",
    )  # fmt: skip
    stay = stays.admit(alice, started_at=timezone.now(), label="CH de Quimper")
    alice = reach(alice.viewer, alice.circle_id)
    return {
        "circle_id": alice.circle_id, "note_id": note.pk, "target_id": note.pk, "document_id": Document.objects.get().pk,
        "member_id": alice.circle.members.get(practice_role=other).pk, "consent_id": consent.pk,
        "opposition_id": refusal.pk, "request_id": alice.circle.join_requests.get().pk,
        "opened_id": opened.pk, "stay_id": stay.pk, "essential_id": allergy.pk, "contact_id": contact.pk,
    }  # fmt: skip
