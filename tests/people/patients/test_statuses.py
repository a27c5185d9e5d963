"""The identity statuses against a small model written apart: two facts, three markers."""

from dataclasses import dataclass, field

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.people.patients import actions, insi
from cercle.people.patients.actions import InsOutcome
from cercle.people.patients.models import Identity, PotentialDuplicate
from cercle.people.patients.status import MOVES, Origin, move
from cercle.people.patients.traits import CivilTraits

pytestmark = pytest.mark.django_db

DARK = {
    "birth_family": "DARK",
    "birth_given": "JEANNE",
    "birth_givens": "JEANNE",
    "sex": "F",
    "birth_date": "1960-05-30",
    "birth_place_code": "88154",
    "used_family": "",
}
DARK_INS = ("260058815400233", "1.2.250.1.213.1.4.8")


def answer(**changes) -> insi.Answer:
    return insi.Answer(insi.ONE, CivilTraits.read(**DARK | changes), *DARK_INS)


@dataclass
class Model:
    """What RNIV says, without looking at the code: INS recovered or not, document checked or not, markers."""

    insi: bool = False
    checked: bool = False
    markers: set = field(default_factory=set)

    @property
    def status(self) -> str:
        return {(0, 0): "PROV", (1, 0): "RECUP", (0, 1): "VALI", (1, 1): "QUAL"}[self.insi, self.checked]

    def recover(self) -> bool:
        if self.insi:
            return True  # verified again, nothing changes
        if self.markers & {"doubtful", "fictive"} or (self.checked and self.markers):
            return False
        self.insi = True
        return True

    def validate(self, document) -> bool:
        if self.checked or self.markers or (self.insi and document not in ("PA", "CN", "AN", "LE")):
            return False
        self.checked = True
        return True

    def lower(self, to) -> bool:
        insi_left, checked_left = to in ("RECUP", "QUAL"), to in ("VALI", "QUAL")
        if (
            (insi_left, checked_left) == (self.insi, self.checked)
            or insi_left > self.insi
            or checked_left > self.checked
        ):
            return False
        self.insi, self.checked = insi_left, checked_left
        return True

    def mark(self, marker, on) -> bool:
        if on:
            self.markers.add(marker)
            if self.checked or marker != "homonym":
                self.insi = self.checked = False
        else:
            self.markers.discard(marker)
        return True


steps = st.one_of(
    st.tuples(st.just("recover")),
    st.tuples(st.just("validate"), st.sampled_from(["PA", "CN", "AN", "LE"])),
    st.tuples(st.just("lower"), st.sampled_from(["PROV", "RECUP", "VALI", "QUAL"])),
    st.tuples(st.just("mark"), st.sampled_from(["doubtful", "fictive", "homonym"]), st.booleans()),
)


def apply(clerk, patient, step) -> bool:
    match step:
        case ("recover",):
            do = lambda: actions.recover_ins(clerk, patient=patient, answer=answer())  # noqa: E731
        case ("validate", document):
            do = lambda: actions.validate_identity(clerk, patient=patient, document=document)  # noqa: E731
        case ("lower", to):
            do = lambda: actions.lower_status(clerk, patient=patient, to=to, reason="essai")  # noqa: E731
        case ("mark", marker, on):
            do = lambda: actions.mark(clerk, patient=patient, marker=marker, on=on, reason="essai")  # noqa: E731
    try:
        do()
    except Refused:
        return False
    return True


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=8))
def test_any_path_ends_where_the_national_rules_say(clerk, make_patient, path):
    with transaction.atomic():
        patient = make_patient(**DARK)
        model = Model()
        for step in path:
            expected = getattr(model, step[0])(*step[1:])
            assert apply(clerk, patient, step) is expected, (path, step)
            identity = Identity.objects.current().get(patient=patient)
            assert identity.status == model.status, (path, step)
            assert set(identity.markers) == model.markers
            assert bool(identity.ins_value) is model.insi
            assert bool(identity.document) is model.checked
        transaction.set_rollback(True)


def test_the_table_knows_no_shortcut():
    assert move("PROV", "QUAL") is None
    assert move("RECUP", "VALI") is None
    assert move("VALI", "RECUP") is None
    assert len(MOVES) == len({(m.start, m.end) for m in MOVES}) == 9


def test_a_driving_licence_validates_but_does_not_qualify(clerk, make_patient):
    patient = make_patient(**DARK)
    actions.validate_identity(clerk, patient=patient, document="PC")
    with pytest.raises(Refused) as refusal:
        actions.recover_ins(clerk, patient=patient, answer=answer())
    assert refusal.value.code == "document_not_qualifying"


def test_who_decided_on_what_document_and_when_stays(clerk, make_patient):
    patient = make_patient(**DARK)
    actions.validate_identity(clerk, patient=patient, document="CN", reason="vue au domicile")
    actions.recover_ins(clerk, patient=patient, answer=answer())
    rows = list(Identity.objects.history_of(patient.pk))
    assert [r.status for r in rows] == ["QUAL", "VALI", "PROV"]
    assert [r.superseded_at is None for r in rows] == [True, False, False]
    assert (rows[1].document, rows[1].reason, rows[1].decided_name) == ("CN", "vue au domicile", "Alice Identité")
    assert rows[0].method == "INSI"
    event = AuditEvent.objects.get(action="patients.ins_recovered")
    assert event.details == {"from": "VALI", "to": "QUAL"}


def test_recovery_takes_the_national_traits_and_keeps_the_name_in_use(clerk, make_patient):
    patient = make_patient(**DARK | {"birth_givens": "", "used_family": "Martin", "birth_place_code": ""})
    actions.recover_ins(clerk, patient=patient, answer=answer(birth_givens="JEANNE MARIE"))
    patient.refresh_from_db()
    identity = patient.identity
    assert (identity.birth_givens, identity.birth_place_code, identity.used_family) == (
        "JEANNE MARIE",
        "88154",
        "Martin",
    )


def test_a_validated_identity_is_not_qualified_when_insi_says_otherwise(clerk, make_patient):
    patient = make_patient(**DARK)
    actions.validate_identity(clerk, patient=patient, document="CN")
    with pytest.raises(Refused) as refusal:
        actions.recover_ins(clerk, patient=patient, answer=answer(birth_date="1960-05-31"))
    assert refusal.value.code == "insi_differs"
    patient.refresh_from_db()
    assert patient.identity.status == "VALI"


@pytest.mark.parametrize(("code", "refusal_code"), [(insi.NONE, "insi_none"), (insi.SEVERAL, "insi_several")])
def test_no_answer_or_several_change_nothing(clerk, make_patient, code, refusal_code):
    patient = make_patient(**DARK)
    with pytest.raises(Refused) as refusal:
        actions.recover_ins(clerk, patient=patient, answer=insi.Answer(code))
    assert refusal.value.code == refusal_code


# --- Traits of a controlled identity ---------------------------------------------------------------------------------
def qualified(clerk, make_patient):
    patient = make_patient(**DARK)
    actions.recover_ins(clerk, patient=patient, answer=answer())
    actions.validate_identity(clerk, patient=patient, document="PA")
    patient.refresh_from_db()
    return patient


@pytest.mark.parametrize(
    ("origin", "document", "left"),
    [(Origin.FEED, "", "PROV"), (Origin.MANUAL, "", "PROV"), (Origin.DOCUMENT, "CN", "VALI")],
)
def test_a_lesser_source_never_overwrites_a_qualified_identity(clerk, make_patient, origin, document, left):
    patient = qualified(clerk, make_patient)
    wrong = CivilTraits.read(**DARK | {"birth_date": "1961-05-30"})
    with pytest.raises(Refused) as refusal:
        actions.update_identity(clerk, patient=patient, traits=wrong, origin=origin, document=document)
    assert refusal.value.code == "lesser_source"
    patient.refresh_from_db()
    assert (patient.identity.status, patient.identity.birth_date) == ("QUAL", "1960-05-30")
    identity = actions.update_identity(
        clerk, patient=patient, traits=wrong, origin=origin, document=document, reason="erreur", accept_lower=True
    )
    assert (identity.status, identity.birth_date, identity.ins_value) == (left, "1961-05-30", "")


def test_the_name_in_use_changes_without_touching_the_status(clerk, make_patient):
    patient = qualified(clerk, make_patient)
    traits = CivilTraits.read(**DARK | {"used_family": "D'ARC"})
    identity = actions.update_identity(clerk, patient=patient, traits=traits, origin=Origin.FEED)
    assert (identity.status, identity.used_family, identity.ins_value) == ("QUAL", "D'ARC", DARK_INS[0])


def test_the_same_traits_again_write_nothing(clerk, make_patient):
    patient = make_patient(**DARK)
    before = patient.identity.pk
    assert actions.update_identity(clerk, patient=patient, traits=CivilTraits.read(**DARK)).pk == before
    assert Identity.objects.filter(patient=patient).count() == 1


def test_accents_and_hyphens_are_no_change_of_a_strict_trait():
    a = CivilTraits.read(**DARK | {"birth_given": "Anne-Marie", "birth_givens": ""})
    b = CivilTraits.read(**DARK | {"birth_given": "ANNE MARIE", "birth_givens": ""})
    assert a.strict_changes(b) == []


# --- One holder ------------------------------------------------------------------------------------------------------
def test_an_ins_held_by_another_file_makes_a_potential_duplicate_without_ins(clerk, make_patient):
    holder = qualified(clerk, make_patient)
    second = make_patient(**DARK)
    PotentialDuplicate.objects.all().delete()
    assert actions.recover_ins(clerk, patient=second, answer=answer()) == InsOutcome.HELD
    second.refresh_from_db()
    assert (second.identity.status, second.identity.ins_value) == ("PROV", "")
    duplicate = PotentialDuplicate.objects.get()
    assert {duplicate.first_id, duplicate.second_id} == {holder.pk, second.pk}
    assert (duplicate.origin, duplicate.level) == ("ins", "auto")
    assert Identity.objects.current().filter(ins_value=DARK_INS[0]).count() == 1


def test_the_two_domains_of_an_ins_are_apart(clerk, make_patient):
    qualified(clerk, make_patient)
    test_file = make_patient(is_test=True, **DARK)
    in_test = insi.Answer(insi.ONE, CivilTraits.read(**DARK), DARK_INS[0], "1.2.250.1.213.1.4.10")
    assert actions.recover_ins(clerk, patient=test_file, answer=in_test) == InsOutcome.ATTACHED


def test_a_test_ins_never_lands_on_a_real_file(clerk, make_patient):
    patient = make_patient(**DARK)
    in_test = insi.Answer(insi.ONE, CivilTraits.read(**DARK), DARK_INS[0], "1.2.250.1.213.1.4.10")
    with pytest.raises(Refused) as refusal:
        actions.recover_ins(clerk, patient=patient, answer=in_test)
    assert refusal.value.code == "ins_test_domain"


# --- The port --------------------------------------------------------------------------------------------------------
def test_without_a_contract_the_answer_is_clear():
    assert insi.service().is_connected is False
    with pytest.raises(Refused) as refusal:
        insi.service().by_traits(CivilTraits.read(**DARK))
    assert refusal.value.code == "insi_not_connected"
    assert "n’est pas raccordé" in str(refusal.value.message)


def test_the_double_answers_as_the_test_plan_says():
    double = insi.OfficialTestIdentities()
    found = double.by_traits(CivilTraits.read(**DARK))
    assert (found.code, found.ins_value) == (insi.ONE, DARK_INS[0])
    assert double.verify(CivilTraits.read(**DARK), *DARK_INS)
    assert not double.verify(CivilTraits.read(**DARK | {"birth_date": "1960"}), *DARK_INS)
    unknown = CivilTraits.read(birth_family="HOUILLES", birth_given="PIERRE", sex="M", birth_date="1993-01-27")
    assert double.by_traits(unknown).code == insi.NONE
    catarina = {"birth_family": "TCHITCHI", "sex": "F", "birth_date": "1936-06-21"}
    assert double.by_traits(CivilTraits.read(birth_given="OLA", **catarina)).code == insi.NONE
    assert double.by_traits(CivilTraits.read(birth_given="CATARINA", **catarina)).code == insi.ONE
