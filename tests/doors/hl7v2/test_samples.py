"""Every sample over a real socket: the answer, and what is in the database, are what index.json says."""

import pytest

from cercle.care.stays.models import Movement as StayMovement
from cercle.care.stays.models import Stay
from cercle.doors.hl7v2.models import Message, Movement, Told, Visit
from cercle.people.patients.models import Coordinates, Identity, Patient, PatientIdentifier, PotentialDuplicate

from .conftest import COMPOSED, SAMPLES, changed, circle_of, declare, holder, sample

ANS = sorted(p.name for p in (SAMPLES / "ans").glob("A01*.er7"))


@pytest.fixture
def chu_x(fresh_db, wire):
    return declare(facility="CHU-X")


@pytest.mark.parametrize("name", ANS)
def test_a_national_admission_is_taken(wire, chu_x, name):
    assert wire.samples(name).code == "AA"
    patient = holder("000003")
    assert (patient.identity.birth_family, patient.identity.ins_value) == ("PAT-TROIS", "279035121518989")
    assert Visit.objects.get().state == Visit.State.OPEN
    dmp = Told.objects.get(kind="ZFA").values
    expected = {"INO-IC": ("INO", "IC"), "INO-INC": ("INO", "INC"), "NA-NA": ("NA", "NA"), "SGL": ("INO", "IC")}
    assert (dmp["feeding"], dmp["consulting"]) == next(v for k, v in expected.items() if k in name)


def test_national_samples_one_after_the_other_reuse_numbers_and_all_pass(wire, chu_x):
    assert [wire.samples(n).code for n in ANS] == ["AA"] * len(ANS)
    assert Patient.objects.count() == 1
    # 312 names a movement of three visits, and two samples share one visit: warned, kept under each.
    assert Visit.objects.count() == len(ANS) - 1
    assert Message.objects.filter(state="warned").exists()


@pytest.mark.parametrize(
    "name", ["MDM-T02-doc-cda-initial.er7", "MDM-T10-doc-cda-replace.er7", "MDM-T02-LPS-MSS-initial.er7"]
)
def test_a_document_message_is_refused_by_its_type_and_kept(wire, fresh_db, name):
    declare("RIS-Y", "Organisation-Y")
    declare("PFI-Y", "Organisation-Y")
    ack = wire.samples(name)
    assert (ack.code, ack.errors[0][0]) == ("AR", "200")
    assert Message.objects.get().state == "refused"


def test_an_answer_is_not_answered_as_a_message(wire, fresh_db):
    declare("CERCLE", "PTF-ECOORD")
    assert [wire.samples(n).code for n in COMPOSED if n.startswith("ACK")] == ["AR"] * 3


def test_a_qualified_identity_is_created_once(wire):
    first = wire.samples("A28-01-create-qualified.hl7")
    patient = holder("IPP-000777")
    identity = patient.identity
    assert first.code == "AA"
    assert (identity.ins_value, identity.ins_oid, identity.status) == (
        "279035121518989",
        "1.2.250.1.213.1.4.10",
        "QUAL",
    )
    assert (identity.birth_family, identity.birth_given, identity.sex, identity.birth_date, identity.birth_place_code) == (
        "PAT-TROIS", "DOMINIQUE", "F", "1979-03-28", "51215",
    )  # fmt: skip
    assert (patient.coordinates.phone, patient.coordinates.postal_code) == ("0546442221", "75007")
    contact = patient.contacts.get()
    assert (contact.family, contact.relationship, contact.is_trusted) == ("PAT-TROIS", "SIGOTHR", True)
    again = wire.samples("A28-01-create-qualified.hl7")
    assert again.raw == first.raw
    assert (Patient.objects.count(), Identity.objects.filter(superseded_at=None).count()) == (1, 1)


def test_a_provisional_identity_has_no_ins(wire):
    assert wire.samples("A28-02-create-provisional.hl7").code == "AA"
    identity = holder("IPP-000778").identity
    assert (identity.status, identity.ins_value, identity.birth_givens) == ("PROV", "", "MAELLE ANNE")


def test_an_update_keeps_birth_traits_and_the_former_values(wire):
    assert wire.samples("A28-01-create-qualified.hl7", "A31-01-update-address-used-name.hl7").code == "AA"
    patient = holder("IPP-000777")
    assert (patient.identity.used_family, patient.identity.birth_family, patient.identity.status) == (
        "DURAND",
        "PAT-TROIS",
        "QUAL",
    )
    assert patient.coordinates.address == "9 PLACE DU MARCHE"
    assert Coordinates.objects.filter(
        patient=patient, superseded_at__isnull=False, address="28 AV DE BRETEUIL"
    ).exists()


def test_null_deletes_and_absence_does_not(wire):
    assert wire.samples("A28-01-create-qualified.hl7", "A31-02-delete-value-hl7-null.hl7").code == "AA"
    held = holder("IPP-000777").coordinates
    assert (held.phone, held.email, held.address) == ("", "dominique.pat-trois@example.org", "28 AV DE BRETEUIL")


def test_a_provisional_identity_becomes_qualified(wire):
    ack = wire.samples("A28-02-create-provisional.hl7", "A31-03-status-prov-to-vali.hl7")
    assert ack.code == "AA"
    identity = holder("IPP-000778").identity
    assert (identity.status, identity.ins_value, identity.document) == ("QUAL", "276037510669326", "PA")


def test_a_merge_is_a_decision_that_can_be_undone(wire):
    other = changed(sample("A28-02-create-provisional.hl7"), "IPP-000778", "IPP-000779", "MSG0002", "MSG0099", "LEGOFF^MAELLE^MAELLE ANNE",
                    "PAT-TROIS^DOMINIQUE^DOMINIQUE", "19760305", "19790328")  # fmt: skip
    wire.send(sample("A28-01-create-qualified.hl7"), other)
    dying = holder("IPP-000779")
    assert wire.samples("A40-01-merge.hl7").code == "AA"
    survivor = holder("IPP-000777")
    assert holder("IPP-000779").pk == survivor.pk
    from cercle.people.circles import actions as circles
    from cercle.people.patients.models import MergeDecision
    from tests import factories as make

    circles.unmerge_files(make.viewer(make.role()), decision=MergeDecision.objects.get())
    assert holder("IPP-000779").pk == dying.pk


def test_a_number_is_replaced(wire):
    assert wire.samples("A28-01-create-qualified.hl7", "A47-01-change-identifier.hl7").code == "AA"
    assert holder("IPP-100777").identity.birth_family == "PAT-TROIS"
    assert not PatientIdentifier.objects.current().filter(value="IPP-000777").exists()
    assert Patient.objects.count() == 1


@pytest.mark.parametrize("international, answer", [(False, ("AR", "201")), (True, ("AA", None))])
def test_a_link_is_only_taken_from_a_sender_set_so(wire, sender, international, answer):
    from cercle.doors.hl7v2 import actions

    other = changed(sample("A28-02-create-provisional.hl7"), "IPP-000778", "IPP-000779", "LEGOFF^MAELLE^MAELLE ANNE", "PAT-TROIS^DOMINIQUE^DOMINIQUE",
                    "19760305", "19790328")  # fmt: skip
    wire.send(sample("A28-01-create-qualified.hl7"), other)
    actions.change_sender(actions.MACHINE, sender=sender, international=international)
    ack = wire.samples("A24-01-link-international.hl7")
    assert (ack.code, ack.errors[0][0] if ack.errors else None) == answer
    if international:
        assert PotentialDuplicate.objects.open().count() == 1


def test_a_stay_is_told_from_admission_to_discharge_and_back(wire):
    wire.samples("A28-01-create-qualified.hl7")
    acting = circle_of(holder("IPP-000777"))
    peer = wire.peer()

    def told(name):
        assert peer.send(sample(name)).code == "AA", name
        return Stay.objects.get(circle=acting.circle)

    stay = told("A01-01-admit.hl7")
    visit = Visit.objects.get()
    assert (visit.number.split("|")[0], stay.source, stay.ward, stay.room, stay.is_open) == (
        "2026000101", "hl7v2", "CARDIOLOGIE", "101", True,
    )  # fmt: skip
    stay = told("A02-01-transfer.hl7")
    assert stay.ward == "SSR GERIATRIE"
    assert StayMovement.objects.filter(stay=stay, kind="transfer").exists()
    stay = told("A12-01-cancel-transfer.hl7")
    assert stay.ward == "CARDIOLOGIE"
    assert Movement.objects.get(ref__startswith="MVT-002").is_cancelled
    stay = told("Z99-01-update-movement.hl7")
    assert stay.started_at.isoformat() == "2026-01-11T07:30:00+00:00"
    assert Stay.objects.count() == Visit.objects.count() == 1
    stay = told("A03-01-discharge.hl7")
    assert (stay.ended_at.date().isoformat(), stay.end_kind) == ("2026-01-15", "home")
    stay = told("A13-01-cancel-discharge.hl7")
    assert stay.is_open
    actions = [m.kind for m in stay.movements.order_by("id")]
    assert actions == ["admission", "transfer", "correction", "correction", "discharge", "correction"]


def test_a_cancelled_admission_shows_no_stay(wire):
    wire.samples("A28-01-create-qualified.hl7")
    circle_of(holder("IPP-000777"))
    admitted = changed(sample("A01-01-admit.hl7"), "MVT-001", "MVT-010", "2026000101", "2026000102")
    assert wire.send(admitted).code == "AA"
    assert Stay.objects.open().count() == 1
    assert wire.samples("A11-01-cancel-admit.hl7").code == "AA"
    assert Visit.objects.get(number__startswith="2026000102").state == "cancelled"
    assert not Stay.objects.kept().exists()


def test_a_pre_admission_is_a_planned_visit(wire):
    assert wire.samples("A05-01-preadmit.hl7").code == "AA"
    visit = Visit.objects.get()
    assert (visit.state, visit.expected_start.isoformat()) == ("planned", "2026-02-01T07:00:00+00:00")
    assert not Stay.objects.exists()


@pytest.mark.parametrize(
    "name, code, error, where",
    [
        ("ERR-01-missing-pid32.hl7", "AE", "101", "PID^1^32"),
        ("ERR-02-missing-zbe.hl7", "AE", "100", "ZBE"),
        ("ERR-04-unsupported-event.hl7", "AR", "201", "MSH^1^9^1^2"),
        ("ERR-05-unsupported-version.hl7", "AR", "203", "MSH^1^12"),
        ("ERR-06-production-flag.hl7", "AR", "202", "MSH^1^11"),
    ],
)
def test_what_is_refused_stores_nobody_and_says_why(wire, name, code, error, where):
    ack = wire.samples(name)
    assert (ack.code, *ack.errors[0][:3]) == (code, error, "E", where)
    assert ack.said  # in French, for people
    assert ack.control_id.startswith("MSG09")
    assert not Patient.objects.exists()
    assert Message.objects.get().state == "refused"


def test_an_ins_without_validation_is_not_kept(wire):
    ack = wire.samples("ERR-03-ins-with-prov.hl7")
    assert ack.code == "AA"
    assert "INS" in ack.said
    assert holder("IPP-000780").identity.ins_value == ""
    assert Message.objects.get().state == "warned"


def test_latin_9_is_read_and_answered_in_latin_9(wire):
    ack = wire.samples("ENC-01-iso-8859-15.hl7")
    assert ack.code == "AA" and b"8859/15" in ack.raw
    patient = holder("IPP-000782")
    assert (patient.identity.birth_family, patient.identity.birth_givens) == ("OEUVRE", "HELENE FRANCOISE")
    assert patient.coordinates.address == "3 RUE DE L'ÉGLISE"
