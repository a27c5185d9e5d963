import re

import pytest

from cercle.base.audit.models import AuditEvent
from cercle.care.record import essentials
from cercle.people.circles import actions as circles
from cercle.people.circles.access import reach
from cercle.people.patients import actions as patients
from cercle.people.patients import ins, insi
from cercle.people.patients.models import Contact, Coordinates, Identity, PatientIdentifier, TreatingDoctor
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def maelle(client):
    """Nurse, signed in, opened the circle."""
    role = make.role()
    person = make.user(role)
    client.force_login(person)
    return make.circle(make.viewer(role, person))


def other(client, acting, role):
    person = make.user(role)
    circles.add_member(acting, practice_role=role, ground="recognised")
    client.force_login(person)
    return reach(make.viewer(role, person), acting.circle_id)


def at(acting, path=""):
    return f"/patients/{acting.circle_id}/dossier/{path}"


def test_the_tab_shows_the_person_and_traces_what_was_read(client, maelle):
    row = essentials.add(maelle, kind="allergy", label="Pénicilline")
    page = client.get(at(maelle)).content.decode()
    for words in ("L’essentiel", "Pénicilline", "QUEMENEUR", "Identité provisoire", "Annoncer une hospitalisation"):
        assert words in page
    event = AuditEvent.objects.filter(action="record.dossier_read").latest("id")
    assert row.pk in event.shown and event.circle_id == maelle.circle_id


def test_outsiders_find_nothing_here(client, maelle):
    client.force_login(make.user(make.role("Zoé", "Ailleurs")))
    for path in (
        "",
        "contenu/",
        "modifier/identite/",
        "historique/identite/",
        "essentiel/allergy/ajouter/",
        "medecins/",
    ):
        assert client.get(at(maelle, path)).status_code == 404
    assert client.post(at(maelle, "modifier/coordonnees/"), {"phone": "0298000000"}).status_code == 404


def test_home_care_sees_the_way_in_and_no_medical_word_nor_numbers(client, maelle):
    essentials.add(maelle, kind="home", label="Code 1941B")
    essentials.add(maelle, kind="allergy", label="Pénicilline")
    patients.add_identifier(maelle, patient=maelle.patient, kind="IPP", system="1.2.3", value="IPP-77")
    acting = other(client, maelle, make.role("Katell", "Riou", profession="318", system="JDV_J48"))
    page = client.get(at(acting)).content.decode()
    assert "Code 1941B" in page
    assert "Pénicilline" not in page and "Allergies" not in page and "Corriger" not in page
    assert client.get(at(acting, "modifier/identite/")).status_code == 403
    assert client.get(at(acting, "essentiel/allergy/historique/")).status_code == 403
    assert client.post(at(acting, "essentiel/home/ajouter/"), {"label": "x"}).status_code == 403
    assert client.get(at(acting, "historique/identite/")).status_code == 403


def test_essentials_are_added_changed_and_ended_from_the_page(client, maelle):
    assert client.post(at(maelle, "essentiel/allergy/aucun/")).status_code == 302
    assert "Aucune allergie connue" in client.get(at(maelle)).content.decode()
    client.post(at(maelle, "essentiel/allergy/ajouter/"), {"label": "Latex", "since": "2012"})
    page = client.get(at(maelle)).content.decode()
    assert "Latex" in page and "dit par" not in page
    pk = essentials.groups(maelle)[0].rows[0].pk
    assert client.get(at(maelle, f"essentiel/{pk}/")).status_code == 200
    client.post(at(maelle, f"essentiel/{pk}/"), {"label": "Latex", "detail": "gants", "since": "2012"})
    pk = essentials.groups(maelle)[0].rows[0].pk
    assert client.post(at(maelle, f"essentiel/{pk}/retirer/"), {"reason": "erreur"}).status_code == 302
    history = client.get(at(maelle, "essentiel/allergy/historique/")).content.decode()
    assert "gants" in history and "erreur" in history and "Aucune allergie connue" in history


def test_an_empty_essential_is_refused_in_words(client, maelle):
    answer = client.post(
        at(maelle, "essentiel/allergy/ajouter/"), {"label": " ", "detail": "gardé"}, headers={"HX-Request": "true"}
    )
    assert (
        answer.status_code == 422
        and "Écrivez de quoi" in answer.content.decode()
        and "gardé" in answer.content.decode()
    )


TRAITS = {"birth_family": "Quéméneur", "birth_given": "Yvonne", "birth_givens": "Yvonne Marie", "sex": "F",
          "birth_date": "12/04/1941", "origin": "manual"}  # fmt: skip


def test_traits_are_corrected_and_the_former_ones_are_dated(client, maelle):
    assert client.post(at(maelle, "modifier/identite/"), TRAITS | {"reason": "livret de famille"}).status_code == 302
    assert Identity.objects.history_of(maelle.circle_id).count() == 2
    page = client.get(at(maelle, "historique/identite/")).content.decode()
    assert "YVONNE MARIE" in page and "livret de famille" in page and "Actuel" in page


def test_an_identity_is_validated_then_corrected_only_knowingly(client, maelle):
    assert client.post(at(maelle, "modifier/piece/"), {"document": "CN"}).status_code == 302
    assert Identity.objects.current().get().status == "VALI"
    changed = TRAITS | {"birth_family": "Quemener"}
    answer = client.post(at(maelle, "modifier/identite/"), changed)
    assert answer.status_code == 422 and "perdre son statut" in answer.content.decode()
    assert 'name="accept_lower"' in answer.content.decode()
    client.post(at(maelle, "modifier/identite/"), changed | {"accept_lower": "on", "reason": "faute de frappe"})
    assert Identity.objects.current().get().status == "PROV"


def test_insi_says_it_is_not_connected(client, maelle):
    assert "pas raccordé" in client.get(at(maelle, "modifier/ins/")).content.decode()
    answer = client.post(at(maelle, "modifier/ins/"))
    assert answer.status_code == 422 and Identity.objects.current().get().ins_value == ""


def test_a_mark_lowers_the_status_and_is_seen(client, maelle):
    client.post(at(maelle, "modifier/piece/"), {"document": "CN"})
    client.post(at(maelle, "modifier/signalement/"), {"marker": "doubtful", "on": "on", "reason": "deux dates"})
    identity = Identity.objects.current().get()
    assert identity.is_doubtful and identity.status == "PROV"
    client.post(at(maelle, "modifier/signalement/"), {"marker": "doubtful", "reason": "levé"})
    assert not Identity.objects.current().get().is_doubtful


def test_trust_is_taken_back_with_a_reason(client, maelle):
    assert client.get(at(maelle, "modifier/statut/")).status_code == 403  # provisional: nothing below
    client.post(at(maelle, "modifier/piece/"), {"document": "CN"})
    assert client.post(at(maelle, "modifier/statut/"), {"to": "PROV"}).status_code == 422
    client.post(at(maelle, "modifier/statut/"), {"to": "PROV", "reason": "pièce d’une autre personne"})
    assert Identity.objects.current().get().status == "PROV"


def test_coordinates_contacts_doctor_numbers_and_death(client, maelle):
    client.post(at(maelle, "modifier/coordonnees/"), {"address": "3 rue du Port", "phone": "02 98 00 00 01"})
    assert Coordinates.objects.current().get().phone == "0298000001"
    client.post(
        at(maelle, "modifier/proche/"),
        {"family": "Le Gall", "given": "Soazig", "relationship": "DAUC", "is_trusted": "on", "is_emergency": "on"},
    )
    answer = client.post(at(maelle, "modifier/proche/"), {"family": "Le Gall", "given": "Yann", "is_trusted": "on"})
    assert answer.status_code == 422 and "Remplacer la personne" in answer.content.decode()
    client.post(
        at(maelle, "modifier/proche/"),
        {"family": "Le Gall", "given": "Yann", "is_trusted": "on", "replace_trusted": "on"},
    )
    assert Contact.objects.current().filter(is_trusted=True).get().given == "Yann"
    soazig = Contact.objects.current().get(given="Soazig")
    client.post(at(maelle, f"proches/{soazig.pk}/retirer/"), {"reason": "partie"})
    assert not Contact.objects.current().filter(given="Soazig").exists()
    client.post(at(maelle, "modifier/medecin/"), {"external_name": "Dr Ailleurs", "external_place": "Brest"})
    assert TreatingDoctor.objects.current().get().external_name == "Dr Ailleurs"
    client.post(at(maelle, "modifier/identifiant/"), {"kind": "IPP", "system": "1.2.250.1", "value": "A77"})
    number = PatientIdentifier.objects.current().get()
    assert client.post(at(maelle, f"identifiants/{number.pk}/retirer/"), {}).status_code == 302
    client.post(at(maelle, "modifier/deces/"), {"on": "02/2026", "reason": "famille"})
    assert "Décès enregistré" in client.get(at(maelle)).content.decode()
    client.post(at(maelle, "modifier/deces/"), {"reason": "erreur de dossier"})
    assert "Décès enregistré" not in client.get(at(maelle)).content.decode()
    for what in ("coordonnees", "proches", "medecin", "identifiants"):
        assert client.get(at(maelle, f"historique/{what}/")).status_code == 200


@pytest.fixture
def insi_double(settings):
    settings.INSI_SERVICE = "cercle.people.patients.insi.OfficialTestIdentities"


def known_to_insi():
    """An official test identity that the double finds alone."""
    service = insi.OfficialTestIdentities()
    answers = (insi._answer(person) for person in service._known)
    return next(a for a in answers if service.by_traits(a.traits).found)


def test_the_ins_comes_from_insi_and_is_shown_to_all_when_qualified(client, maelle, insi_double):
    answer = known_to_insi()
    shown = ins.parse(answer.ins_value).shown
    patient = patients.create_patient(maelle.viewer, traits=answer.traits, is_test=True).patient
    circles.open_circle(maelle.viewer, patient=patient)
    here = f"/patients/{patient.pk}/dossier/"
    assert client.post(here + "modifier/ins/").status_code == 302
    acting = reach(maelle.viewer, patient.pk)
    assert acting.patient.identity.status == "RECUP"
    page = client.get(here).content.decode()
    assert shown in page and "à ne pas transmettre" in page
    other(client, acting, make.role("Katell", "Riou", profession="318", system="JDV_J48"))
    assert shown not in client.get(here).content.decode()
    patients.validate_identity(acting, patient=patient, document="CN")
    assert shown in client.get(here).content.decode()


@pytest.mark.parametrize(
    "what", ["identite", "piece", "ins", "signalement", "coordonnees", "proche", "medecin", "identifiant", "deces"]
)
@pytest.mark.parametrize("htmx", [True, False])
def test_every_sheet_opens_as_a_dialog_and_as_a_page(client, maelle, what, htmx):
    answer = client.get(at(maelle, f"modifier/{what}/"), headers={"HX-Request": "true"} if htmx else {})
    page = answer.content.decode()
    assert answer.status_code == 200 and "sheet-head" in page
    assert ("<html" not in page) == htmx
    assert not re.search(r"\{[{%]", page)
