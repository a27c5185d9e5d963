"""RNIV at this door: which word of a sender changes which identity, and what goes to the identity queue instead."""

import pytest

from cercle.doors.hl7v2 import actions
from cercle.doors.hl7v2.models import Message
from cercle.people.circles import actions as circles
from cercle.people.patients import actions as patients
from cercle.people.patients.models import Identity, Patient, PatientIdentifier, PotentialDuplicate
from tests import factories as make

from .conftest import changed, declare, holder, sample

QUALIFIED, PROVISIONAL = "A28-01-create-qualified.hl7", "A28-02-create-provisional.hl7"
INS = "279035121518989^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS^^20101207~"


# (PID-32, an INS?, a document?, an agreement on identities?) -> status here, INS kept?
MATRIX = [
    ("PROV", True, True, True, "PROV", False),
    ("PROV", False, False, True, "PROV", False),
    ("VALI", True, True, True, "QUAL", True),
    ("VALI", True, False, True, "RECUP", True),
    ("VALI", True, True, False, "RECUP", True),
    ("VALI", False, True, True, "VALI", False),
    ("VALI", False, False, True, "VALI", False),  # « tiers de confiance »
    ("VALI", False, True, False, "PROV", False),
    ("VALI~DOUT", True, True, True, "PROV", False),
    ("FICT", True, True, True, "PROV", False),
    ("VALI~HOMA", True, True, True, "PROV", False),
    ("VIDE", True, True, True, "PROV", False),
    ("QUAL", True, True, True, "PROV", False),  # not a code of table 0445 in HL7 v2
]


@pytest.mark.parametrize("event", ["A28", "A31"])
@pytest.mark.parametrize("reliability, ins, document, agreed, status, kept", MATRIX)
def test_status_received_gives_status_here(wire, sender, event, reliability, ins, document, agreed, status, kept):
    actions.change_sender(actions.MACHINE, sender=sender, qualifies=agreed)
    raw = changed(
        sample(QUALIFIED), "ADT^A28", f"ADT^{event}", "VALI|20260105093000\rNK1", f"{reliability}|20260105093000\rNK1"
    )
    raw = raw if ins else changed(raw, INS, "")
    raw = raw if document else changed(raw, "|20260105|CN", "|20260105|")
    if event == "A31":  # known before as provisional
        wire.send(
            changed(
                sample(QUALIFIED), "VALI|20260105093000\rNK1", "PROV|20260105093000\rNK1", INS, "", "MSG0001", "MSG0000"
            )
        )
    assert wire.send(raw).code == "AA"
    identity = holder("IPP-000777").identity
    assert (identity.status, bool(identity.ins_value)) == (status, kept)
    assert identity.markers == [
        m for code, m in (("DOUT", "doubtful"), ("FICT", "fictive"), ("HOMA", "homonym")) if code in reliability
    ]


def test_a_wrong_matricule_is_left_out_and_said_and_the_patient_is_taken(wire):
    ack = wire.send(changed(sample(QUALIFIED), "279035121518989^", "279035121518988^"))
    assert ack.code == "AA" and "clé" in ack.said
    assert (holder("IPP-000777").identity.ins_value, Message.objects.get().state) == ("", "warned")


@pytest.mark.parametrize("oid", ["1.2.250.1.213.1.4.13", "1.2.250.1.213.1.4.2", "1.2.3.4"])
def test_a_number_of_another_domain_is_no_ins(wire, oid):
    assert wire.send(changed(sample(QUALIFIED), "1.2.250.1.213.1.4.10", oid)).code == "AA"
    assert holder("IPP-000777").identity.ins_value == ""


def test_a_test_matricule_does_not_enter_a_real_file(wire, sender):
    real = make.patient(
        make.viewer(make.role()), birth_family="Pat-Trois", birth_given="Dominique", birth_date="1979-03-28"
    )
    patients.add_identifier(
        make.viewer(make.role()), patient=real, kind="IPP", system="1.2.250.1.213.99.1", value="IPP-000777"
    )
    ack = wire.samples(QUALIFIED)
    assert ack.code == "AA" and "test" in ack.said
    real.refresh_from_db()
    assert real.identity.ins_value == ""


def checked(ipp="IPP-000777") -> Patient:
    """Known by this number, and validated by people here."""
    nurse = make.viewer(make.role())
    patient = make.patient(
        nurse, birth_family="Pat-Trois", birth_given="Dominique", birth_date="1979-03-28", birth_place_code="51215"
    )
    patients.add_identifier(nurse, patient=patient, kind="IPP", system="1.2.250.1.213.99.1", value=ipp)
    patients.validate_identity(nurse, patient=patient, document="CN")
    return patient


def test_a_lesser_source_does_not_touch_strict_traits_of_a_checked_identity(wire, sender):
    checked()
    actions.change_sender(actions.MACHINE, sender=sender, qualifies=False)
    raw = changed(
        sample("A31-01-update-address-used-name.hl7"),
        "|19790328|",
        "|19790328|",
        "^^^^^^BDL^^51215",
        "^^^^^^BDL^^63220",
        INS,
        "",
    )
    ack = wire.send(raw)
    identity = holder("IPP-000777").identity
    assert ack.code == "AA" and "traits stricts" in ack.said
    assert (identity.birth_place_code, identity.status, identity.used_family) == ("51215", "VALI", "DURAND")
    assert Message.objects.get().state == "warned"


def test_another_person_under_a_known_number_is_refused_and_waits(wire):
    checked()
    raw = changed(sample("A31-01-update-address-used-name.hl7"), "PAT-TROIS^DOMINIQUE^DOMINIQUE^^^^L~DURAND^DOMINIQUE", "MARTIN^PAUL^PAUL^^^^L~MARTIN^PAUL",
                  "19790328|F", "19500101|M")  # fmt: skip
    ack = wire.send(raw)
    assert (ack.code, ack.errors[0][0]) == ("AE", "207")
    assert (Message.objects.get().state, Patient.objects.count()) == ("quarantine", 1)


def test_its_own_sender_corrects_a_provisional_identity(wire):
    wire.samples(PROVISIONAL)
    raw = changed(
        sample(PROVISIONAL),
        "ADT^A28",
        "ADT^A31",
        "LEGOFF^MAELLE^MAELLE ANNE",
        "LE GOFFIC^GAELLE^GAELLE ANNE",
        "MSG0002",
        "MSG0003",
    )
    assert wire.send(raw).code == "AA"
    patient = holder("IPP-000778")
    assert patient.identity.birth_family == "LE GOFFIC"
    assert Identity.objects.filter(patient=patient).count() == 2


def test_a_status_falls_only_by_the_word_of_who_raised_it(wire):
    wire.samples(QUALIFIED)
    wire.send(changed(sample("A31-01-update-address-used-name.hl7"), "VALI", "PROV"))
    assert (holder("IPP-000777").identity.status, holder("IPP-000777").identity.ins_value) == ("PROV", "")
    mine = checked("IPP-000790")
    wire.send(
        changed(
            sample("A31-01-update-address-used-name.hl7"),
            "VALI",
            "PROV",
            "IPP-000777",
            "IPP-000790",
            INS,
            "",
            "MSG0003",
            "MSG0033",
        )
    )
    mine.refresh_from_db()
    assert mine.identity.status == "VALI"


def test_an_ins_that_another_file_holds_is_a_pair_for_the_queue(wire):
    wire.samples(QUALIFIED)
    raw = changed(
        sample(QUALIFIED),
        "IPP-000777",
        "IPP-000888",
        "PAT-TROIS^DOMINIQUE^DOMINIQUE",
        "LE BRAS^YVES^YVES",
        "|19790328|F|",
        "|19500328|M|",
    )
    assert wire.send(raw).code == "AA"
    assert holder("IPP-000888").identity.ins_value == ""
    assert PotentialDuplicate.objects.open().count() == 1


def test_the_same_ins_from_another_hospital_is_the_same_person(wire):
    declare(facility="CH-SUD")
    wire.samples(QUALIFIED)
    other = changed(
        sample(QUALIFIED),
        "CHU-TEST|CERCLE",
        "CH-SUD|CERCLE",
        "IPP-000777",
        "S-55",
        "1.2.250.1.213.99.1",
        "1.2.250.1.213.98.1",
    )
    assert wire.send(other).code == "AA"
    assert Patient.objects.count() == 1
    assert holder("S-55").pk == holder("IPP-000777").pk


def test_the_same_number_of_two_hospitals_is_two_numbers(wire):
    declare(facility="CH-SUD")
    wire.samples(PROVISIONAL)
    other = changed(sample(PROVISIONAL), "CHU-TEST|CERCLE", "CH-SUD|CERCLE", "1.2.250.1.213.99.1", "1.2.250.1.213.98.1", "LEGOFF^MAELLE^MAELLE ANNE",
                    "RIOU^ANNE^ANNE")  # fmt: skip
    assert wire.send(other).code == "AA"
    assert PatientIdentifier.objects.filter(value="IPP-000778").values("patient").distinct().count() == 2


def test_two_persons_are_not_merged_by_a_message(wire):
    wire.samples(QUALIFIED)
    wire.send(changed(sample(PROVISIONAL), "IPP-000778", "IPP-000779"))
    ack = wire.samples("A40-01-merge.hl7")
    assert (ack.code, Message.objects.order_by("-id").first().state) == ("AE", "quarantine")
    assert holder("IPP-000779").pk != holder("IPP-000777").pk
    assert PotentialDuplicate.objects.open().count() == 1


def test_the_file_with_the_ins_survives_whatever_the_order(wire):
    other = changed(
        sample(PROVISIONAL),
        "IPP-000778",
        "IPP-000779",
        "LEGOFF^MAELLE^MAELLE ANNE",
        "PAT-TROIS^DOMINIQUE^DOMINIQUE",
        "19760305",
        "19790328",
    )
    wire.send(sample(QUALIFIED), other)
    swapped = changed(
        sample("A40-01-merge.hl7"),
        INS,
        "",
        "IPP-000777",
        "IPP-X",
        "IPP-000779",
        "IPP-000777",
        "IPP-X",
        "IPP-000779",
        "VALI",
        "PROV",
    )
    assert wire.send(swapped).code == "AA"
    assert holder("IPP-000779").pk == holder("IPP-000777").pk
    assert holder("IPP-000777").identity.ins_value


def test_a_merge_joins_the_circles_under_review(wire):
    other = changed(
        sample(PROVISIONAL),
        "IPP-000778",
        "IPP-000779",
        "LEGOFF^MAELLE^MAELLE ANNE",
        "PAT-TROIS^DOMINIQUE^DOMINIQUE",
        "19760305",
        "19790328",
    )
    wire.send(sample(QUALIFIED), other)
    a, b = make.viewer(make.role()), make.viewer(make.role())
    circles.open_circle(a, patient=holder("IPP-000777"))
    absorbed, _m = circles.open_circle(b, patient=holder("IPP-000779"))
    assert wire.samples("A40-01-merge.hl7").code == "AA"
    absorbed.refresh_from_db()
    assert absorbed.canon_id == holder("IPP-000777").pk and absorbed.crossed_at is None


def test_a_number_taken_by_another_file_is_not_changed_into(wire):
    wire.samples(QUALIFIED)
    wire.send(changed(sample(PROVISIONAL), "IPP-000778", "IPP-100777"))
    assert wire.samples("A47-01-change-identifier.hl7").code == "AE"


def test_relatives_entered_here_are_completed_not_overwritten(wire):
    patient = checked()
    patients.add_contact(
        make.viewer(make.role()), patient=patient, family="Pat-Trois", given="Camille", phone="0298000000"
    )
    wire.send(changed(sample(QUALIFIED), INS, ""))
    contact = patient.contacts.filter(until=None).get()
    assert (contact.phone, contact.relationship, contact.is_trusted) == ("0298000000", "SIGOTHR", True)


def test_a_death_told_in_an_identity_message_is_recorded_once(wire):
    wire.samples(PROVISIONAL)
    raw = changed(
        sample(PROVISIONAL),
        "ADT^A28",
        "ADT^A31",
        "MSG0002",
        "MSG0009",
        "||||||||||||||||||||PROV",
        "|||||||||||||||||20260110|Y||PROV",
    )
    ack = wire.send(raw)
    assert (ack.code, ack.said) == ("AA", "")
    assert holder("IPP-000778").deceased == "2026-01-10"
