import pytest

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.people.patients import actions, ins
from cercle.people.patients.actions import Found
from cercle.people.patients.models import (
    Contact,
    Coordinates,
    Patient,
    PatientIdentifier,
    PotentialDuplicate,
    TreatingDoctor,
)
from tests.people.patients.test_statuses import DARK, DARK_INS

pytestmark = pytest.mark.django_db


def refusal_of(call, *args, **kwargs) -> str:
    with pytest.raises(Refused) as refusal:
        call(*args, **kwargs)
    assert str(refusal.value.message)
    return refusal.value.code


# --- Coordinates, numbers --------------------------------------------------------------------------------------------
def test_coordinates_are_dated_and_traced_without_personal_data(clerk, make_patient):
    patient = make_patient(coordinates={"phone": "06 12 34 56 78", "address": "2 rue de Siam"})
    row = actions.change_coordinates(clerk, patient=patient, phone="0298000000", email="jeanne@example.org")
    assert (row.phone, row.email, row.address) == ("0298000000", "jeanne@example.org", "")
    assert Coordinates.objects.filter(patient=patient).count() == 2
    event = AuditEvent.objects.get(action="patients.coordinates_changed")
    assert event.details == {"fields": ["address", "email", "phone"]}
    assert (
        actions.change_coordinates(clerk, patient=patient, phone="02 98 00 00 00", email="jeanne@example.org") is None
    )


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+33 6 12 34 56 78", "0612345678"),
        ("0033612345678", "0612345678"),
        ("06.12.34.56.78", "0612345678"),
        ("+44 20 7946 0958", "+442079460958"),
        ("15", None),
        ("", ""),
    ],
)
def test_phones_are_kept_in_one_form(typed, kept):
    if kept is None:
        assert refusal_of(actions.around.checked_phone, typed) == "phone_unreadable"
    else:
        assert actions.around.checked_phone(typed) == kept


def test_a_social_security_number_is_not_an_ins_and_may_be_shared(clerk, someone):
    parent, child = someone(), someone()
    for patient in (parent, child):
        row = actions.add_identifier(clerk, patient=patient, kind="NSS", value="2 60 05 88 154 002 33")
        assert row.system == ins.NSS_NIR
        patient.refresh_from_db()
        assert (patient.identity.ins_value, patient.identity.status) == ("", "PROV")
    assert refusal_of(actions.add_identifier, clerk, patient=child, kind="NSS", value=DARK_INS[0]) == "identifier_held"
    assert refusal_of(actions.add_identifier, clerk, patient=child, kind="NSS", value="260058815400234") == "ins_key"


def test_a_local_number_has_one_holder_and_can_be_given_again_after_its_end(clerk, someone):
    a, b = someone(), someone()
    row = actions.add_identifier(clerk, patient=a, kind="IPP", system="urn:oid:1.2.3", value="77")
    assert (
        refusal_of(actions.add_identifier, clerk, patient=b, kind="IPP", system="1.2.3", value="77")
        == "identifier_held"
    )
    actions.end_identifier(clerk, identifier=row)
    actions.add_identifier(clerk, patient=b, kind="IPP", system="1.2.3", value="77")
    assert PatientIdentifier.objects.current().get(value="77").patient == b
    assert (
        refusal_of(actions.add_identifier, clerk, patient=b, kind="LOCAL", system=ins.NIR, value="1") == "ins_not_here"
    )


# --- People ----------------------------------------------------------------------------------------------------------
def test_there_is_one_personne_de_confiance_at_a_time(clerk, someone):
    patient = someone()
    chloe = actions.add_contact(
        clerk, patient=patient, family="Le Gall", given="Chloé", relationship="DAUC", is_trusted=True
    )
    again = {"patient": patient, "family": "Le Gall", "given": "Paul", "relationship": "SONC", "is_trusted": True}
    assert refusal_of(actions.add_contact, clerk, **again) == "trusted_exists"
    paul = actions.add_contact(clerk, replace_trusted=True, **again)
    current = {c.given: c for c in Contact.objects.current().of(patient.pk)}
    assert current["Paul"] == paul and current["Paul"].is_trusted
    assert not current["Chloé"].is_trusted and current["Chloé"].replaces == chloe
    assert Contact.objects.of(patient.pk).count() == 3


def test_a_guardian_is_a_legal_representative(clerk, someone):
    contact = actions.add_contact(
        clerk, patient=someone(), family="UDAF 29", relationship="TUTEUR", phone="02 98 00 00 00"
    )
    assert contact.is_legal_rep
    changed = actions.change_contact(clerk, contact=contact, phone="0298000001")
    assert (changed.phone, changed.family, changed.is_legal_rep) == ("0298000001", "UDAF 29", True)
    actions.end_contact(clerk, contact=changed, reason="mesure levée")
    assert not Contact.objects.current().exists()


def test_a_contact_is_checked(clerk, someone):
    patient = someone()
    assert refusal_of(actions.add_contact, clerk, patient=patient, family=" ") == "name_missing"
    assert (
        refusal_of(actions.add_contact, clerk, patient=patient, family="A", relationship="XX") == "relationship_unknown"
    )
    assert refusal_of(actions.add_contact, clerk, patient=patient, family="A", email="a@") == "email_unreadable"


def test_the_treating_doctor_is_dated_or_known_to_be_none(clerk, someone):
    patient = someone()
    actions.declare_treating_doctor(clerk, patient=patient, external_name="Dr Morvan", external_place="Brest")
    actions.declare_treating_doctor(clerk, patient=patient, is_none=True)
    assert TreatingDoctor.objects.current().get(patient=patient).is_none
    assert TreatingDoctor.objects.of(patient.pk).count() == 2
    assert refusal_of(actions.declare_treating_doctor, clerk, patient=patient) == "doctor_missing"


def test_a_death_keeps_its_precision_and_can_be_cancelled(clerk, make_patient):
    patient = make_patient()
    assert refusal_of(actions.record_death, clerk, patient=patient, on="1930") == "death_before_birth"
    patient = actions.record_death(clerk, patient=patient, on="03/2024")
    assert (patient.is_deceased, patient.deceased) == (True, "2024-03")
    assert refusal_of(actions.cancel_death, clerk, patient=patient, reason="") == "reason_missing"
    assert not actions.cancel_death(clerk, patient=patient, reason="erreur de fiche").is_deceased


# --- From another system ---------------------------------------------------------------------------------------------
IPP = ("IPP", "1.2.250.1.213.99.1", "IPP-1")


@pytest.fixture
def receive(clerk, traits):
    def received(*, ins_value=DARK_INS[0], identifiers=(), qualified=True, **changes):
        return actions.receive_patient(
            clerk,
            traits=traits(**DARK | changes),
            ins_value=ins_value,
            ins_oid=DARK_INS[1] if ins_value else "",
            identifiers=identifiers,
            sender_qualified=qualified,
            source="fhir",
        )

    return received


def test_a_received_patient_is_created_recovered_then_found(receive):
    first = receive(identifiers=[IPP])
    assert (first.found, first.warnings) == (Found.CREATED, [])
    assert first.patient.identity.status == "RECUP"
    again = receive(identifiers=[("IPP", "9.9", "B-2")])
    assert (again.found, again.patient.pk) == (Found.BY_INS, first.patient.pk)
    assert PatientIdentifier.objects.filter(patient=first.patient).count() == 2
    by_number = receive(ins_value="", identifiers=[IPP])
    assert (by_number.found, by_number.patient.pk) == (Found.BY_IDENTIFIER, first.patient.pk)
    assert Patient.objects.count() == 1


def test_a_wrong_matricule_stays_out_with_a_warning(receive):
    got = receive(ins_value="260058815400234")
    assert got.patient.identity.ins_value == ""
    assert got.patient.identity.status == "PROV"
    assert "clé" in got.warnings[0]


def test_an_ins_that_its_sender_did_not_qualify_is_not_taken(receive):
    got = receive(qualified=False)
    assert (got.patient.identity.status, len(got.warnings)) == ("PROV", 1)


def test_an_ins_claimed_for_other_traits_makes_a_file_apart(receive):
    holder = receive().patient
    other = receive(
        birth_family="MARTIN",
        birth_given="PAUL",
        birth_givens="PAUL",
        sex="M",
        birth_date="1960-05-30",
        identifiers=[IPP],
    )
    assert other.found == Found.CREATED_APART
    assert other.patient.pk != holder.pk
    assert other.patient.identity.ins_value == ""
    assert PotentialDuplicate.objects.get().origin == "ins"
    assert any("sexe" in w for w in other.warnings)


def test_a_hospital_number_of_someone_else_is_not_believed(receive):
    first = receive(identifiers=[IPP])
    other = receive(
        ins_value="", identifiers=[IPP], birth_family="MARTIN", birth_given="PAUL", birth_givens="PAUL", sex="M"
    )
    assert other.found == Found.CREATED_APART
    assert PatientIdentifier.objects.get().patient == first.patient


def test_the_merged_holder_leads_to_the_survivor(receive, clerk, someone):
    merged, survivor = receive(ins_value="", identifiers=[IPP]).patient, someone()
    actions.merge(clerk, survivor=survivor, merged=merged, reason="x")
    got = receive(ins_value="", identifiers=[IPP])
    assert got.found == Found.CREATED_APART  # the survivor's own traits differ: a person decides
    assert got.patient.pk not in (merged.pk, survivor.pk)
