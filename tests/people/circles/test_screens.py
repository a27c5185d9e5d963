from uuid import uuid4

import pytest
from django.urls import reverse

from cercle.care.notebook import actions as notebook
from cercle.care.notebook.models import Note
from cercle.people.circles import actions as circles
from cercle.people.circles import tasks
from cercle.people.circles.access import make_viewer, reach
from cercle.people.circles.faces import faces
from cercle.people.circles.models import Member, Opposition
from cercle.people.patients import actions as patients
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def bruno():
    return make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")))


@pytest.fixture
def browser(client, bruno, settings):
    settings.MFA_REQUIRED = False
    return make.sign_in(client, bruno.user)


def doctor():
    role = make.role("Erwan", "Kervella", profession="10", civility="M")
    return make_viewer(make.user(role), role)


def test_a_colleague_is_added_from_the_directory(browser, bruno):
    erwan = doctor()
    found = browser.get(reverse("circles:candidates", args=[bruno.circle_id]), {"q": "kervella"})
    assert str(erwan.practice_role.pk) in found.text
    answer = browser.post(
        reverse("circles:add", args=[bruno.circle_id]),
        {"who": f"role:{erwan.practice_role.pk}", "ground": "recognised", "role": "Médecin traitant"},
    )
    assert answer.status_code == 302 and reach(erwan, bruno.circle_id).member.role == "Médecin traitant"


def test_an_external_practitioner_is_never_invited(browser, bruno):
    role = make.role("Paul", "Externe", is_external=True)
    answer = browser.post(
        reverse("circles:add", args=[bruno.circle_id]), {"who": f"role:{role.pk}", "ground": "recognised"}
    )
    assert answer.status_code == 404 and Member.objects.filter(practice_role=role).count() == 0


def test_the_person_opposes_one_note_to_one_member(browser, bruno):
    erwan = doctor()
    circles.add_member(bruno, practice_role=erwan.practice_role, ground="recognised")
    note = notebook.add_note(bruno, text="Entre nous")
    other = notebook.add_note(bruno, text="Pour tous")
    url = reverse("circles:oppose_to", args=[bruno.circle_id, note.pk])
    assert browser.get(url).status_code == 200
    answer = browser.post(
        url, {"about": f"practitioner:{erwan.practitioner_id}", "said_by": "person", "said_on": "2026-01-05"}
    )
    assert answer.status_code == 302 and Opposition.objects.get().target_id == note.pk
    assert [n.pk for n in Note.objects.visible_to(reach(erwan, bruno.circle_id))] == [other.pk]


def test_the_circle_says_who_is_there_and_on_which_ground(browser, bruno):
    page = browser.get(reverse("record:tab", args=[bruno.circle_id, "cercle"])).text
    assert "Bruno Le Bris" in page and "Information et accords" in page
    member = Member.objects.get(circle=bruno.circle)
    assert "L1110-12" in browser.get(reverse("circles:member", args=[bruno.circle_id, member.pk])).text


def test_the_rights_matrix_is_shown(browser):
    assert "Proche aidant" in browser.get(reverse("circles:matrix")).text


def test_the_emergency_door_wants_a_fresh_proof(browser):
    answer = browser.get(reverse("circles:emergency"))
    assert answer.status_code == 302 or "urgence" in answer.text


def test_a_refused_addition_leaves_no_consent_alone(browser, bruno):
    erwan = doctor()
    circles.oppose(bruno, practitioner=erwan.practice_role.practitioner)
    answer = browser.post(
        reverse("circles:add", args=[bruno.circle_id]), {"who": f"role:{erwan.practice_role.pk}", "ground": "consent"}
    )
    assert answer.status_code == 422 and "opposée" in answer.text
    assert not bruno.circle.consents.filter(flow="consent").exists()


def test_only_a_row_one_sees_here_can_be_refused_to_someone(browser, bruno):
    elsewhere = make.circle(make.viewer(make.role("Zoé", "Lannuzel")))
    other = notebook.add_note(elsewhere, text="Ailleurs.")
    for stranger in (other.pk, elsewhere.circle_id, uuid4()):
        assert browser.get(reverse("circles:oppose_to", args=[bruno.circle_id, stranger])).status_code == 404


def test_a_relative_s_membership_follows_her_new_particulars(bruno):
    contact = make.contact(bruno.patient)
    person = make.user(kind="relative")
    make.join(bruno, contact=contact, person=person)
    changed = patients.change_contact(bruno, contact=contact, phone="0261914099")
    tasks.contact_changed(str(changed.pk))
    member = Member.objects.get(user=person)
    assert member.contact_id == changed.pk
    assert any(f.phone == "0261914099" for f in faces(reach(bruno.viewer, bruno.circle_id)))
