"""Episodes, sheets, private notes, handovers: rows, traces, rights."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.utils import timezone

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.care.coordination import tasks
from cercle.care.coordination.actions import files, sheets
from cercle.care.coordination.actions import handover as handovers
from cercle.care.coordination.gates import at_work, is_opposed
from cercle.care.coordination.models import (
    CoordinationFile,
    FileEvent,
    FollowUpSheet,
    Handover,
    PrivateNote,
)
from cercle.care.notebook.models import Note
from cercle.people.circles import actions as circles
from cercle.people.circles.access import reach
from cercle.people.circles.models import Circle, Member
from tests import factories as make
from tests.factories import coordination as made

pytestmark = pytest.mark.django_db


@pytest.fixture
def dac():
    return made.dac()


@pytest.fixture
def alice(dac):
    return made.coordinator(dac)


@pytest.fixture
def erwan(dac):
    return made.coordinator(dac, "Erwan", "Kerdreux")


@pytest.fixture
def file(alice):
    return made.followed(alice)


def sheet(who, file, **more):
    given = {"act": "call", "at": timezone.now(), "minutes": 15, "text": "Rappelé la mairie."} | more
    return sheets.write_sheet(at_work(who.desk, file), file=file, **given)


def test_opening_puts_the_referent_in_the_circle_and_keeps_event_version_and_trace(alice, file):
    assert Member.objects.filter(
        circle_id=file.patient_id, practice_role=alice.role, ended_at=None, ground="establishment"
    ).exists()
    assert file.events.get().kind == "opened"
    assert file.administrative_versions.get().number == 1
    assert AuditEvent.objects.filter(
        action="coordination.file_opened", target_id=file.pk, circle_id=file.patient_id
    ).exists()


def test_a_person_without_a_circle_gets_one(alice):
    patient = make.patient(alice.viewer)
    file = files.open_file(
        alice.desk, patient=patient, level=3, referent=alice.role, entry_reason="home", informed_on=date(2026, 1, 5)
    )
    assert reach(alice.viewer, patient.pk).may("coordinate")
    assert file.episode == 1


def test_nobody_is_followed_without_having_been_told(alice):
    circle = make.circle(make.viewer(make.role()))
    with pytest.raises(Refused) as refusal:
        made.followed(alice, circle=circle, informed_on=None)
    assert refusal.value.code == "information"
    assert not CoordinationFile.objects.exists()
    assert not Member.objects.filter(circle_id=circle.circle_id, practice_role=alice.role).exists()


def test_one_living_episode_per_dac_and_several_dacs_at_once(alice, file):
    with pytest.raises(Refused) as refusal:
        files.open_file(alice.desk, patient=file.patient, level=1, referent=alice.role, entry_reason="home")
    assert refusal.value.code == "already_open"
    with pytest.raises(IntegrityError), transaction.atomic():
        CoordinationFile.objects.create(
            patient=file.patient,
            organization=file.organization,
            episode=2,
            level=1,
            referent=alice.role,
            entry_reason="home",
        )
    other = made.coordinator(made.dac("DAC du Léon"), "Yann", "Morvan")
    second = files.open_file(other.desk, patient=file.patient, level=1, referent=other.role, entry_reason="home")
    assert second.episode == 1


def test_an_opposed_dac_opens_nothing(alice, dac):
    circle = make.circle(make.viewer(make.role()))
    circles.oppose(circle, organization=dac)
    with pytest.raises(Refused) as refusal:
        made.followed(alice, circle=circle)
    assert refusal.value.code == "opposed"


def test_states_move_with_their_events(alice, erwan, file):
    desk = alice.desk
    files.set_level(desk, file=file, level=3, reason="chutes")
    files.add_co_referent(desk, file=file, practice_role=erwan.role)
    files.suspend_file(desk, file=file, reason="hospitalisation", until=timezone.localdate() + timedelta(days=9))
    files.resume_file(desk, file=file)
    files.change_referent(desk, file=file, referent=erwan.role)
    files.close_file(desk, file=file, exit_reason="goals", text="Tout est en place.")
    row = CoordinationFile.objects.get(pk=file.pk)
    assert (row.state, row.exit_reason, row.level, row.referent_id) == ("closed", "goals", 3, erwan.role.pk)
    kinds = list(file.events.order_by("id").values_list("kind", flat=True))
    assert kinds == [
        "opened",
        "level",
        "co_referent",
        "suspended",
        "resumed",
        "co_referent_ended",
        "referent",
        "closed",
    ]
    assert not row.co_referents.filter(ended_at=None).exists()


def test_a_closed_file_is_not_written_in(alice, file):
    files.close_file(alice.desk, file=file, exit_reason="death")
    with pytest.raises(Refused) as refusal:
        sheet(alice, file)
    assert refusal.value.code == "closed"


def test_reopening_keeps_the_same_episode_or_begins_another(alice, file):
    files.update_administrative(alice.desk, file=file, based_on=1, housing="tenant")
    files.close_file(alice.desk, file=file, exit_reason="goals")
    same = files.reopen_file(alice.desk, file=file, reason="clos trop tôt", new_episode=False)
    assert (same.pk, same.state, same.exit_reason) == (file.pk, "open", "")
    files.close_file(alice.desk, file=same, exit_reason="goals")
    other = files.reopen_file(alice.desk, file=same, reason="nouvelle chute", new_episode=True)
    assert (other.episode, other.housing) == (2, "tenant")
    assert other.events.get().kind == "reopened"


def test_a_transfer_is_kept_on_both_sides_without_sheets_nor_private_notes(alice, file):
    there = made.dac("DAC du Léon")
    yann = made.coordinator(there, "Yann", "Morvan")
    sheet(alice, file)
    files.add_private_note(alice.desk, file=file, text="Le fils est en conflit avec la mairie.")
    files.update_administrative(alice.desk, file=file, based_on=1, housing="owner")
    new = files.transfer_file(
        alice.desk,
        file=file,
        to=there,
        referent=yann.role,
        text="Déménage à Morlaix.",
        informed_on=timezone.localdate(),
    )
    file.refresh_from_db()
    assert (file.state, file.exit_reason, new.organization, new.housing) == ("closed", "transfer", there, "owner")
    assert file.events.filter(kind="transferred_out").exists() and new.events.get().kind == "transferred_in"
    assert not new.sheets.exists()
    assert not PrivateNote.objects.filter(organization=there).exists()
    assert reach(alice.viewer, file.patient_id) is None
    assert reach(yann.viewer, file.patient_id) is not None


def test_what_happened_is_never_changed(file):
    with pytest.raises(ProgrammingError), transaction.atomic():
        FileEvent.objects.filter(file=file).update(kind="closed")


def test_a_sheet_belongs_to_its_files_structure(alice, file):
    row = sheet(alice, file)
    elsewhere = made.dac("DAC du Léon")
    with pytest.raises(IntegrityError), transaction.atomic():
        FollowUpSheet.objects.filter(pk=row.pk).update(organization=elsewhere)


def test_a_sheet_its_trace_and_the_shared_note_are_kept_together(alice, file, monkeypatch):
    row = sheet(alice, file, act="visit", minutes=90, share=True)
    file.refresh_from_db()
    assert row.note.text == row.text and file.last_act_at == row.at
    assert AuditEvent.objects.filter(action="coordination.sheet_added", target_id=row.pk).exists()

    def broken(*args, **kwargs):
        raise RuntimeError("the journal is full")

    monkeypatch.setattr(sheets, "record", broken)
    with pytest.raises(RuntimeError), transaction.atomic():
        sheet(alice, file, share=True)
    assert FollowUpSheet.objects.count() == Note.objects.count() == 1


def test_a_sheet_that_cannot_be_shared_is_not_kept(alice, file):
    circles.end_member(reach(alice.viewer, file.patient_id), member=Member.objects.get(practice_role=alice.role))
    with pytest.raises(Refused) as refusal, transaction.atomic():
        sheet(alice, file, share=True)
    assert refusal.value.code == "outside"
    assert not FollowUpSheet.objects.exists()


def test_a_shared_sheet_is_said_once(alice, file):
    row = sheet(alice, file, share=True)
    assert sheets.share_sheet(alice.desk, sheet=row).pk == row.note_id
    assert Note.objects.count() == 1


def test_correcting_and_withdrawing_keep_what_was_said(alice, erwan, file):
    row = sheet(alice, file)
    fixed = sheets.correct_sheet(
        alice.desk, sheet=row, based_on=1, act="call", at=row.at, minutes=20, topic="rights", text="Rappelé le CCAS."
    )
    assert fixed.versions.get().data["text"] == "Rappelé la mairie."
    with pytest.raises(Refused):
        sheets.withdraw_sheet(erwan.desk, sheet=row, reason="pas moi")
    sheets.withdraw_sheet(alice.desk, sheet=row, reason="mauvais dossier")
    assert row.versions.count() == 2
    assert not FollowUpSheet.objects.filter(state="current").exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [({"text": "  "}, "empty"), ({"minutes": 1441}, "minutes"), ({"act": "danse"}, "vocabulary"), ({"text": "x" * 20_001}, "long"),
     ({"at": timezone.now() + timedelta(days=2)}, "future")],
)  # fmt: skip
def test_a_sheet_that_makes_no_sense_is_refused_and_nothing_is_kept(alice, file, change, code):
    with pytest.raises(Refused) as refusal:
        sheet(alice, file, **change)
    assert refusal.value.code == code
    assert not FollowUpSheet.objects.exists()


def test_a_series_is_written_whole_or_not_at_all(alice, file):
    second = made.followed(alice, birth_family="Riou")
    sheets.write_series(
        alice.desk,
        files=[file, second],
        act="meeting",
        at=timezone.now(),
        minutes=30,
        text="Atelier prévention des chutes.",
    )
    assert FollowUpSheet.objects.filter(series__isnull=False).count() == 2
    files.close_file(alice.desk, file=second, exit_reason="goals")
    with pytest.raises(Refused):
        sheets.write_series(
            alice.desk, files=[file, second], act="meeting", at=timezone.now(), minutes=30, text="Encore."
        )
    assert FollowUpSheet.objects.count() == 2


def test_two_writers_of_the_administrative_file_are_both_told_and_nothing_is_lost(alice, erwan, file):
    files.update_administrative(
        erwan.desk, file=file, based_on=1, housing="tenant", people_note="Voisine : Mme Cariou."
    )
    with pytest.raises(files.AdministrativeConflict) as conflict:
        files.update_administrative(alice.desk, file=file, based_on=1, housing="owner")
    assert conflict.value.file.housing == "tenant" and conflict.value.mine == {"housing": "owner"}
    assert "Erwan Kerdreux" in str(conflict.value)
    row = files.update_administrative(alice.desk, file=file, based_on=2, housing="owner")
    assert (row.version, row.people_note) == (3, "Voisine : Mme Cariou.")
    assert [v.data["housing"] for v in row.administrative_versions.order_by("number")] == ["", "tenant", "owner"]


def test_a_handover_with_an_end_comes_back_by_itself(alice, erwan, file):
    until = timezone.localdate() + timedelta(days=7)
    handover = handovers.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role, until=until)
    file.refresh_from_db()
    assert file.referent == erwan.role
    member = Member.objects.get(circle_id=file.patient_id, practice_role=erwan.role)
    assert timezone.localdate(member.until) == until + timedelta(days=1)
    tasks.end_handovers()
    file.refresh_from_db()
    assert file.referent == erwan.role, "not before its end"
    Handover.objects.update(until=timezone.localdate() - timedelta(days=1))
    tasks.end_handovers()
    file.refresh_from_db()
    assert file.referent == alice.role
    assert handover.lines.get().given_back_at is not None
    assert reach(alice.viewer, file.patient_id) is not None


def test_a_replacement_of_a_replacement_comes_back_to_the_first(alice, erwan, dac, file):
    third = made.coordinator(dac, "Lenaïg", "Cosquer")
    until = timezone.localdate() + timedelta(days=7)
    first = handovers.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role, until=until)
    handovers.hand_over(erwan.desk, from_role=erwan.role, to_role=third.role, until=until + timedelta(days=7))
    assert handovers.end_handover(first, by=alice.desk) == 1
    file.refresh_from_db()
    assert file.referent == alice.role


def test_a_file_given_to_someone_else_meanwhile_stays_with_her(alice, erwan, dac, file):
    third = made.coordinator(dac, "Lenaïg", "Cosquer")
    handover = handovers.hand_over(
        alice.desk, from_role=alice.role, to_role=erwan.role, until=timezone.localdate() + timedelta(days=7)
    )
    files.change_referent(erwan.desk, file=file, referent=third.role)
    assert handovers.end_handover(handover, by=alice.desk) == 0
    file.refresh_from_db()
    assert file.referent == third.role


def test_a_handover_yields_to_the_persons_refusal_and_says_so(alice, erwan, file):
    second = made.followed(alice, birth_family="Riou")
    circles.oppose(reach(alice.viewer, file.patient_id), practitioner=erwan.role.practitioner)
    handover = handovers.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role)
    file.refresh_from_db()
    second.refresh_from_db()
    assert (file.referent, second.referent) == (alice.role, erwan.role)
    assert {x.file_id: x.kept for x in handover.lines.all()} == {file.pk: "opposed", second.pk: ""}
    assert reach(erwan.viewer, file.patient_id) is None
    assert reach(alice.viewer, second.patient_id) is None, "she left: her place in the circle ended"


def test_the_person_and_the_new_referent_are_told_without_personal_data(alice, erwan, file):
    from cercle.base.notifications.models import Notification
    from cercle.base.notifications.rules import LABELS

    david = make.user(kind="patient")
    circles.add_member(reach(alice.viewer, file.patient_id), kind="patient", user=david, ground="own_file")
    files.change_referent(alice.desk, file=file, referent=erwan.role)
    tasks.tell_referent(str(file.pk), str(alice.user.pk))
    tasks.tell_referent(str(file.pk), str(alice.user.pk))
    told = Notification.objects.filter(kind="referent_changed")
    assert {n.user_id for n in told} == {david.pk, erwan.user.pk}
    assert not any(n.params for n in told)
    assert "Quéméneur" not in str(LABELS["referent_changed"][1])


def test_refusing_the_structure_hides_its_file_which_stays_kept(alice, dac, file):
    files.add_private_note(alice.desk, file=file, text="À garder.")
    assert not is_opposed(alice.desk, file)
    circles.oppose(reach(alice.viewer, file.patient_id), organization=dac)
    assert is_opposed(alice.desk, CoordinationFile.objects.get(pk=file.pk))
    assert not CoordinationFile.objects.of(dac).not_opposed(alice.desk).exists()
    assert CoordinationFile.objects.filter(pk=file.pk).exists() and PrivateNote.objects.exists()


def test_a_refusal_said_in_a_file_brought_together_holds_too(alice, dac, file):
    other = make.circle(make.viewer(make.role(given="Chloé")), birth_family="Quemeneur")
    circles.oppose(other, organization=dac)
    Circle.objects.filter(pk=file.patient_id).update(canon_id=other.circle_id, has_oppositions=True)
    assert is_opposed(alice.desk, CoordinationFile.objects.get(pk=file.pk))
    assert not CoordinationFile.objects.of(dac).not_opposed(alice.desk).exists()
