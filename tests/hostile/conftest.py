import importlib
import io
import pkgutil

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from cercle.base.notifications.actions import notify
from cercle.base.notifications.models import Notification
from cercle.base.notifications.rules import Relation
from cercle.care.documents.models import Document
from cercle.care.notebook import actions as notebook
from cercle.care.record import essentials
from cercle.care.stays import actions as stays
from cercle.people.circles import actions as circles
from cercle.people.circles.access import reach
from cercle.people.patients.models import PatientIdentifier, PotentialDuplicate
from tests import factories as make

SECRET = "mot-que-seul-le-cercle-lit"


def picture(name="plaie.jpg", size=(40, 30)) -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, "JPEG")
    return SimpleUploadedFile(name, out.getvalue(), "image/jpeg")


@pytest.fixture
def no_second_factor(settings):
    settings.MFA_REQUIRED = False


@pytest.fixture
def alice():
    """The doctor of Yvonne's circle; no page that an outsider gets says SECRET."""
    return make.circle(make.viewer(make.role("Alice", "Le Goff", profession="10")), used_family=SECRET)


@pytest.fixture
def zoe():
    """Coordinates the circle of someone else."""
    return make.circle(make.viewer(make.role("Zoé", "Cariou")), birth_family="Le Berre", birth_date="1950-01-02")


@pytest.fixture
def alices_rows(alice) -> dict:
    """One row of each kind in Alice's circle, by the name that addresses give to its id.

    An app whose addresses name other rows gives them itself: `walk_rows(acting, note) -> dict` in tests/factories/<app>.py.
    """
    other = make.role("Bruno", "Le Bris")
    make.join(alice, other)
    bruno = make.user(other)
    note = notebook.add_note(alice, text=f"Pansement refait. {SECRET}", urgency=2, files=[picture()])
    notebook.keep_draft(alice, slot="note", data={"text": SECRET})
    allergy = essentials.add(alice, kind="allergy", label="pénicilline")
    contact = make.contact(alice.patient)
    consent = circles.record_consent(
        alice, flow="information", given_by="person", form="oral", given_on=note.written_at.date()
    )
    refusal = circles.oppose(alice, profession="TRE_G15:26")
    circles.ask_to_join(make.viewer(make.role("Gwen", "Salaün")), circle_id=alice.circle_id)
    opened = circles.break_glass(
        make.viewer(make.role("Paul", "Abgrall", profession="10")),
        circle_id=alice.circle_id, reason="malaise au domicile, seul",
    )  # fmt: skip
    stay = stays.admit(alice, started_at=timezone.now(), label="CH de Quimper")
    twin = make.circle(make.viewer(make.role("Gwenn", "Autre")), birth_given="Yvonne Marie")
    decision = circles.merge_files(alice.viewer, survivor=alice.patient, merged=twin.patient, reason="même personne")
    pair = PotentialDuplicate.objects.filter(second=twin.patient).first() or PotentialDuplicate.objects.create(
        first=alice.patient, second=twin.patient, score=9, level="review"
    )
    local = PatientIdentifier.objects.create(
        patient=alice.patient, kind="LOCAL", system="https://exemple.fr/ipp", value=SECRET
    )
    notify("note", users={bruno.pk: Relation.NAMED}, circle_id=alice.circle_id, target=note, urgency="urgent")
    alice = reach(alice.viewer, alice.circle_id)
    rows = {
        "circle_id": alice.circle_id, "note_id": note.pk, "target_id": note.pk, "document_id": Document.objects.get().pk,
        "member_id": alice.circle.members.get(practice_role=other).pk, "consent_id": consent.pk,
        "opposition_id": refusal.pk, "request_id": alice.circle.join_requests.get().pk,
        "opened_id": opened.pk, "stay_id": stay.pk, "essential_id": allergy.pk, "contact_id": contact.pk,
        "absorbed_id": twin.circle_id, "pair_id": pair.pk, "decision_id": decision.pk, "identifier_id": local.pk,
        "notice_id": Notification.objects.get(user=bruno, target_id=note.pk).pk,
    }  # fmt: skip
    for module in pkgutil.iter_modules(make.__path__):
        app = importlib.import_module(f"{make.__name__}.{module.name}")
        if hasattr(app, "walk_rows"):
            rows |= app.walk_rows(alice, note)
    return rows
