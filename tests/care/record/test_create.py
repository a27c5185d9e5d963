from uuid import uuid4

import pytest
from django.utils import timezone

from cercle.base.audit.models import AuditEvent
from cercle.people.circles.models import Circle, Consent, JoinRequest, Member
from cercle.people.directory.models import Commune, Country
from cercle.people.patients.models import Coordinates, Patient, PotentialDuplicate
from tests import factories as make

pytestmark = pytest.mark.django_db
URL = "/patients/nouveau/"


def signed_in(client, role=None, **fields):
    person = make.user(role, **fields)
    client.force_login(person)
    return person


@pytest.fixture
def maelle(client):
    return signed_in(client, make.role())


@pytest.fixture(autouse=True)
def places(db):
    Commune.objects.create(code="29232", kind="COM", name="Quimper", postal_codes=["29000"], population=63000)
    Country.objects.create(code="99352", name="ALGERIE")


def typed(**changes):
    return {
        "ref": str(uuid4()), "birth_family": "Le Goff", "birth_given": "Marie", "birth_givens": "Marie Jeanne",
        "birth_date": "12/04/1939", "birth_place_label": "Quimper (29232)", "sex": "F", "used_family": "Kervella",
        "address": "3 rue du Port", "postal_code": "29000", "commune_label": "Quimper", "phone": "02 98 00 00 01",
        "informed_by": "person", "informed_form": "oral", "informed_on": timezone.localdate().isoformat(),
    } | changes  # fmt: skip


def test_the_form_is_shown_to_a_professional_and_offered_in_my_patients(client, maelle):
    assert client.get(URL).status_code == 200
    assert URL in client.get("/patients/").content.decode()


@pytest.mark.parametrize("kind", ["relative", "patient", "operator"])
def test_others_do_not_create_patients(client, kind):
    signed_in(client, kind=kind)
    assert client.get(URL).status_code in (302, 403)
    assert client.post(URL, typed()).status_code in (302, 403)
    assert not Patient.objects.exists()


def test_a_file_opens_with_its_circle_and_the_word_that_the_person_knows(client, maelle):
    answer = client.post(URL, typed())
    patient = Patient.objects.get()
    assert answer.status_code == 302 and str(patient.pk) in answer["Location"]
    assert patient.identity.birth_family == "LE GOFF" and patient.identity.birth_place_code == "29232"
    assert patient.identity.status == "PROV"
    assert Coordinates.objects.get(patient=patient).commune_code == "29232"
    assert Circle.objects.get().patient_id == patient.pk and Member.objects.count() == 1
    assert Consent.objects.get().flow == "information"
    assert {"patients.patient_created", "circles.opened_new", "circles.consent_added"} <= set(
        AuditEvent.objects.values_list("action", flat=True)
    )


def test_two_clicks_make_one_patient(client, maelle):
    form = typed()
    first, second = client.post(URL, form), client.post(URL, form)
    assert first["Location"] == second["Location"]
    assert Patient.objects.count() == 1


def test_a_partial_birth_date_and_a_foreign_country_are_kept(client, maelle):
    client.post(URL, typed(birth_date="1939", birth_place_label="algérie"))
    identity = Patient.objects.get().identity
    assert (identity.birth_date, identity.birth_place_code) == ("1939", "99352")


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"birth_family": ""}, "Indiquez le nom de naissance"),
        ({"birth_date": "32/13/1939"}, ""),
        ({"birth_date": "12/04/2939"}, ""),
        ({"sex": ""}, "Indiquez le sexe"),
        ({"birth_place_label": "Trifouillis"}, "n’est pas reconnu"),
        ({"phone": "mon portable"}, "ne se lit pas"),
        ({"nss": "2390429232001 12"}, ""),
        ({"informed_on": "2999-01-01"}, "dans le futur"),
    ],
)
def test_an_error_is_said_in_french_and_keeps_what_was_typed(client, maelle, changes, words):
    answer = client.post(URL, typed(**changes))
    page = answer.content.decode()
    assert answer.status_code == 422 and words in page and "Kervella" in page and 'aria-invalid="true"' in page
    assert not Patient.objects.exists()


def stranger_s_file(**traits):
    """A file that the person signed in does not follow."""
    other = make.viewer(make.role("Bruno", "Le Bris", civility="M"))
    wanted = {"birth_family": "Le Goff", "birth_given": "Marie", "birth_givens": "Marie Jeanne", "sex": "F",
              "birth_date": "1939-04-12", "birth_place_code": "29232", "used_family": "Secret-Nom"}  # fmt: skip
    return make.circle(other, **wanted | traits)


def test_a_resembling_file_is_told_without_any_of_its_traits(client, maelle):
    bruno = stranger_s_file()
    answer = client.post(URL, typed())
    page = answer.content.decode()
    assert answer.status_code == 409 and "Un dossier ressemblant existe" in page
    assert "Secret-Nom" not in page and "SECRET-NOM" not in page and str(bruno.circle_id) not in page
    assert Patient.objects.count() == 1
    assert AuditEvent.objects.filter(action="record.lookalike_told", circle_id=bruno.circle_id).exists()


def test_one_asks_to_join_from_there(client, maelle):
    bruno = stranger_s_file()
    token = client.post(URL, typed()).context["token"]
    client.post("/rejoindre/", {"token": token})
    assert JoinRequest.objects.get().circle_id == bruno.circle_id


def test_someone_else_is_created_and_goes_to_the_queue(client, maelle):
    stranger_s_file()
    form = typed()
    seal = client.post(URL, form).context["seal"]
    assert client.post(URL, form | {"someone_else": seal}).status_code == 302
    assert Patient.objects.count() == 2 and PotentialDuplicate.objects.open().count() == 1


def test_the_word_someone_else_does_not_cover_another_identity(client, maelle):
    stranger_s_file()
    stranger_s_file(
        birth_family="Riou", birth_given="Anne", birth_givens="Anne", birth_date="1950-01-02", used_family=""
    )
    form = typed()
    seal = client.post(URL, form).context["seal"]
    other = typed(
        birth_family="Riou", birth_given="Anne", birth_givens="Anne", birth_date="02/01/1950", someone_else=seal
    )
    assert client.post(URL, other).status_code == 409


def test_a_patient_i_follow_already_is_named_and_linked(client):
    role = make.role()
    person = signed_in(client, role)
    mine = make.circle(make.viewer(role, person), birth_family="Le Goff", birth_given="Marie", birth_givens="Marie Jeanne",
                       birth_date="1939-04-12", birth_place_code="29232")  # fmt: skip
    page = client.post(URL, typed()).content.decode()
    assert f"/patients/{mine.circle_id}/" in page and "Demander à rejoindre" not in page


def test_places_are_proposed_as_one_types(client, maelle):
    assert "Quimper (29232)" in client.get("/patients/nouveau/naissance/?birth_place_label=quim").content.decode()
    assert "Quimper" in client.get("/patients/nouveau/communes/?postal_code=29000").content.decode()
