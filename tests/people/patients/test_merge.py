import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.people.patients import actions, duplicates, insi
from cercle.people.patients.models import Identity, MergeDecision, Patient, PotentialDuplicate
from cercle.people.patients.traits import CivilTraits
from tests.people.patients.test_statuses import DARK, answer

pytestmark = pytest.mark.django_db


def pointers():
    return dict(Patient.objects.values_list("pk", "merged_into_id"))


def test_a_merge_is_a_recorded_decision_and_moves_no_row(clerk, make_patient):
    survivor, merged = make_patient(), make_patient()
    rows = set(Identity.objects.values_list("pk", "patient_id"))
    decision = actions.merge(clerk, survivor=survivor, merged=merged, reason="même personne")
    assert pointers() == {survivor.pk: None, merged.pk: survivor.pk}
    assert set(Identity.objects.values_list("pk", "patient_id")) == rows
    assert PotentialDuplicate.objects.get().state == "merged"
    event = AuditEvent.objects.get(action="patients.patient_merged")
    assert (event.circle_id, event.target_id, event.reason) == (survivor.pk, decision.pk, "même personne")


def test_an_undone_merge_leaves_everything_as_it_was(clerk, make_patient):
    survivor, merged = make_patient(), make_patient()
    before = pointers()
    decision = actions.merge(clerk, survivor=survivor, merged=merged, reason="x")
    actions.unmerge(clerk, decision=decision, reason="deux sœurs")
    assert pointers() == before
    decision.refresh_from_db()
    assert decision.undone_at and decision.undone_reason == "deux sœurs"
    assert PotentialDuplicate.objects.get().state == "distinct"
    assert AuditEvent.objects.filter(action="patients.patient_unmerged").exists()
    actions.merge(clerk, survivor=survivor, merged=merged, reason="si, finalement")
    assert MergeDecision.objects.count() == 2


def test_chains_are_flat_and_undone_link_by_link(clerk, someone):
    a, b, c = someone(), someone(), someone()
    first = actions.merge(clerk, survivor=b, merged=a, reason="x")
    second = actions.merge(clerk, survivor=c, merged=b, reason="x")
    assert pointers() == {a.pk: c.pk, b.pk: c.pk, c.pk: None}
    actions.unmerge(clerk, decision=second, reason="x")
    assert pointers() == {a.pk: b.pk, b.pk: None, c.pk: None}
    actions.merge(clerk, survivor=c, merged=b, reason="x")
    actions.unmerge(clerk, decision=first, reason="x")
    assert pointers() == {a.pk: None, b.pk: c.pk, c.pk: None}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=8))
def test_pointers_always_follow_the_decisions_in_force(clerk, someone, path):
    with transaction.atomic():
        files = [someone() for _ in range(4)]
        for a, b, undo in path:
            if undo:
                decision = MergeDecision.objects.filter(merged=files[a], undone_at=None).first()
                if decision:
                    actions.unmerge(clerk, decision=decision, reason="x")
            else:
                try:
                    actions.merge(clerk, survivor=files[a], merged=files[b], reason="x")
                except Refused:
                    pass
        links = dict(MergeDecision.objects.filter(undone_at=None).values_list("merged_id", "survivor_id"))
        for file in files:
            end = file.pk
            while end in links:
                end = links[end]
            assert pointers()[file.pk] == (None if end == file.pk else end)
        transaction.set_rollback(True)


def test_what_may_not_be_merged(clerk, make_patient, someone):
    a, b, test_file = someone(), someone(), someone(is_test=True)
    with_ins = make_patient(**DARK)
    actions.recover_ins(clerk, patient=with_ins, answer=answer())
    other = CivilTraits.read(
        birth_family="ADRUN", birth_given="ZOE", sex="F", birth_date="1975-12-31", birth_place_code="63220"
    )
    also = make_patient(birth_family="ADRUN", birth_given="ZOE", birth_givens="", birth_date="1975-12-31")
    actions.recover_ins(clerk, patient=also, answer=insi.Answer("00", other, "275126322074974", "1.2.250.1.213.1.4.8"))
    for survivor, merged, code in [
        (a, a, "same_file"),
        (a, test_file, "test_and_real"),
        (a, with_ins, "survivor_without_ins"),
        (also, with_ins, "ins_conflict"),
    ]:
        with pytest.raises(Refused) as refusal:
            actions.merge(clerk, survivor=survivor, merged=merged, reason="x")
        assert refusal.value.code == code
    with pytest.raises(Refused) as refusal:
        actions.merge(clerk, survivor=a, merged=b, reason=" ")
    assert refusal.value.code == "reason_missing"
    actions.merge(clerk, survivor=a, merged=b, reason="x")
    with pytest.raises(Refused) as refusal:
        actions.merge(clerk, survivor=with_ins, merged=b, reason="x")
    assert refusal.value.code == "already_merged"


def test_a_merged_file_is_read_only(clerk, someone, traits):
    a, b = someone(), someone()
    actions.merge(clerk, survivor=a, merged=b, reason="x")
    with pytest.raises(Refused) as refusal:
        actions.update_identity(clerk, patient=b, traits=traits())
    assert refusal.value.code == "merged_file"


def test_no_merge_is_kept_when_the_trace_fails(clerk, someone, monkeypatch):
    a, b = someone(), someone()

    def broken(*args, **kwargs):
        raise RuntimeError("journal")

    monkeypatch.setattr("cercle.people.patients.actions.duplicates.record", broken)
    with pytest.raises(RuntimeError):
        actions.merge(clerk, survivor=a, merged=b, reason="x")
    assert not MergeDecision.objects.exists()
    assert pointers() == {a.pk: None, b.pk: None}


def test_a_pair_set_apart_is_not_proposed_again(clerk, make_patient, traits):
    make_patient(), make_patient()
    duplicate = PotentialDuplicate.objects.get()
    actions.set_apart(clerk, duplicate=duplicate, reason="jumelles")
    found = duplicates.search_everywhere()
    assert (found.patients, found.pairs, found.filed) == (2, 1, 0)
    assert PotentialDuplicate.objects.get().state == "distinct"
    assert not PotentialDuplicate.objects.open().exists()


def test_the_batch_files_what_creation_did_not_see_and_explains_it(clerk, make_patient):
    make_patient(), make_patient(birth_family="LEGAL")
    make_patient(birth_family="DURAND", birth_givens="", birth_given="PAUL", sex="M", birth_date="1978", used_family="")
    PotentialDuplicate.objects.all().delete()
    found = duplicates.search_everywhere()
    assert (found.patients, found.filed) == (3, 1)
    duplicate = PotentialDuplicate.objects.get()
    assert duplicate.origin == "batch"
    why = {e["field"]: e for e in duplicates.explain(duplicate)}
    assert why["date"]["level"] == "same"
    assert why["date"]["label"] and why["date"]["words"]


def test_a_merged_file_leaves_the_batch_and_speaks_for_its_survivor(clerk, make_patient, someone, traits):
    survivor, merged = someone(), make_patient()
    actions.merge(clerk, survivor=survivor, merged=merged, reason="x")
    assert duplicates.search_everywhere().patients == 1
    (found,) = duplicates.resembling(duplicates.traits_of(traits()))
    assert found.patient_id == survivor.pk
