import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.people.patients import actions, duplicates
from cercle.people.patients.models import Identity, MatchKey, Patient, PotentialDuplicate
from cercle.people.patients.traits import CivilTraits, strict_name

pytestmark = pytest.mark.django_db


def test_a_created_patient_is_provisional_has_her_row_and_her_trace(clerk, traits):
    created = actions.create_patient(
        clerk, traits=traits(), coordinates={"phone": "+33 6 12 34 56 78", "postal_code": "29200"}
    )
    patient = Patient.objects.get(pk=created.patient.pk)
    assert patient.identity.status == "PROV"
    assert patient.identity.ins_value == ""
    assert patient.identity.decided_name == "Alice Identité"
    assert patient.coordinates.phone == "0612345678"
    assert MatchKey.objects.filter(patient=patient).exists()
    event = AuditEvent.objects.get(action="patients.patient_created")
    assert (event.target_id, event.circle_id) == (patient.pk, patient.pk)
    assert created.resembling == []


def test_nothing_is_kept_when_the_trace_fails(clerk, traits, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("journal")

    monkeypatch.setattr("cercle.people.patients.actions.identity.record", broken)
    with pytest.raises(RuntimeError):
        actions.create_patient(clerk, traits=traits(), identifiers=[("IPP", "1.2.3", "77")])
    assert not Patient.objects.exists()
    assert not Identity.objects.exists()
    assert not MatchKey.objects.exists()


def test_creating_a_patient_takes_few_statements_whatever_resembles_her(clerk, traits, make_patient):
    for n in range(12):
        make_patient(birth_givens="JEANNE" if n % 2 else "JEANNE MARIE")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        created = actions.create_patient(clerk, traits=traits(), coordinates={"phone": "0612345678"})
    assert len(created.resembling) == 12
    written = [q["sql"] for q in queries if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(written) <= 9, "\n".join(s[:100] for s in written)


def test_the_online_search_takes_two_statements(make_patient, traits, django_assert_num_queries):
    make_patient()
    with django_assert_num_queries(2):
        (found,) = duplicates.resembling(duplicates.traits_of(traits()))
    assert found.level == "auto"
    assert {"family", "given", "date"} <= {w["field"] for w in found.why}


def test_a_resembling_file_becomes_a_potential_duplicate_without_personal_data(make_patient):
    first, second = make_patient(), make_patient(birth_date="12/04/1942")
    duplicate = PotentialDuplicate.objects.get()
    assert {duplicate.first_id, duplicate.second_id} == {first.pk, second.pk}
    assert duplicate.state == "open"
    assert "GALL" not in str(duplicate.explanation)


def test_a_namesake_of_another_age_is_no_warning(make_patient):
    make_patient()
    make_patient(birth_date="03/09/1978", birth_givens="JEANNE ALICE", birth_place_code="75112", used_family="")
    assert not PotentialDuplicate.objects.filter(level="auto").exists()


def test_keys_follow_what_changes(clerk, make_patient, traits):
    patient = make_patient()
    before = set(MatchKey.objects.filter(patient=patient).values_list("key", flat=True))
    actions.update_identity(clerk, patient=patient, traits=traits(birth_family="PENVERN"))
    after = set(MatchKey.objects.filter(patient=patient).values_list("key", flat=True))
    assert before != after
    wanted = duplicates.keys(duplicates.traits_of(traits(birth_family="PENVERN")))
    assert after == wanted


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("D’Æion", "D'AEION"),
        ("cœur", "COEUR"),
        ("  Le   Gall ", "LE GALL"),
        ("jean - pierre", "JEAN-PIERRE"),
        ("D’Artagnan de l’Hérault", "D'ARTAGNAN DE L'HERAULT"),
        ("Müller–Weiß", "MULLER-WEISS"),
        ("Łukasz", "LUKASZ"),
    ],
)
def test_strict_names_are_kept_as_the_national_rules_write_them(typed, kept):
    assert strict_name(typed, "le nom") == kept


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "name_missing"),
        ("J3anne", "name_unreadable"),
        ("<b>", "name_unreadable"),
        ("A" * 101, "name_too_long"),
        ("王", "name_unreadable"),
    ],
)
def test_a_name_that_is_none_is_refused(typed, code):
    with pytest.raises(Refused) as refusal:
        strict_name(typed, "le nom")
    assert refusal.value.code == code


def test_the_birth_date_keeps_its_precision(make_patient):
    identity = make_patient(birth_date="193900").identity
    identity.refresh_from_db()
    assert (identity.birth_date, identity.birth_earliest.isoformat(), identity.birth_latest.isoformat()) == (
        "1939",
        "1939-01-01",
        "1939-12-31",
    )


def test_an_identity_row_is_never_changed_nor_two_current(make_patient, traits):
    patient = make_patient()
    for change in ({"birth_family": "AUTRE"}, {"superseded_at": None}, {"status": "VALI", "document": "PA"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Identity.objects.filter(patient=patient).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Identity(patient=patient, **traits().columns()).save(force_insert=True)


def test_the_database_refuses_what_no_verb_would_write(make_patient, traits):
    patient = make_patient()
    columns = traits().columns()
    for wrong in (
        {"status": "QUAL", "document": "PA"},  # no INS
        {"status": "PROV", "ins_value": "260058815400233", "ins_oid": "1.2.250.1.213.1.4.8"},
        {"status": "VALI"},  # no document
        {"status": "VALI", "document": "PA", "is_doubtful": True},
        {"status": "RECUP", "ins_value": "26005", "ins_oid": "x"},
        {"sex": "X"},
        {"birth_earliest": columns["birth_latest"].replace(year=2000)},
        {"birth_family": ""},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Identity.objects.filter(patient=patient, superseded_at=None).update(superseded_at="2026-01-01T00:00Z")
            Identity(patient=patient, **columns | wrong).save(force_insert=True)


def test_an_unknown_sex_is_said_so():
    traits = CivilTraits.read(birth_family="A", birth_given="B", sex="", birth_date="1939")
    assert traits.sex == "I"
