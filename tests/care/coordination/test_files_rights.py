"""Rule 4 in every verb, the structure's secrets behind every door, files brought together, deaths, departures."""

import re
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.care.coordination import queries_files as queries
from cercle.care.coordination.actions import files, handover, sheets
from cercle.care.coordination.models import CoordinationFile, PrivateNote
from cercle.care.documents.models import Document
from cercle.care.notebook.models import Note
from cercle.people.accounts.models import StructureAdmin
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from cercle.people.circles.desks import desk_of
from cercle.people.circles.models import Circle, Member
from cercle.people.patients import actions as patients
from tests import factories as make
from tests.factories import coordination as made
from tests.hostile import routes

pytestmark = pytest.mark.django_db
SECRET, ASKED = (
    "ZZKERGUELEN",
    "ZZKERG",
)  # said in a private note, in a sheet that was not shared, and in the file joined to it


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


def now_and(**more):
    return {"act": "call", "at": timezone.now(), "minutes": 15, "text": "Rappelé la mairie."} | more


# --- An opposition, whichever verb ---------------------------------------------------------------------------------------


def oppose(alice, file, erwan, how: str):
    """The person refuses Erwan: himself, or his profession, or (said of Yann) another DAC."""
    at = reach(alice.viewer, file.patient_id)
    if how == "himself":
        circles.oppose(at, practitioner=erwan.role.practitioner)
    else:
        circles.oppose(at, profession=f"{erwan.role.profession_system}:{erwan.role.profession}")


@pytest.fixture
def other_profession(dac):
    """A social worker of the same DAC, so that refusing a profession leaves somebody."""
    role = make.role("Solenn", "Guivarch", system="JDV_J48", profession="304", organization=dac, mode="S")
    user = make.user(role)
    viewer = make_viewer(user, role)
    return SimpleNamespace(role=role, user=user, viewer=viewer, desk=desk_of(viewer))


def takes_over(who, file, erwan):
    return {
        "change_referent": lambda: files.change_referent(who.desk, file=file, referent=erwan.role),
        "co_referent": lambda: files.add_co_referent(who.desk, file=file, practice_role=erwan.role),
    }


@pytest.mark.parametrize("verb", ["change_referent", "co_referent"])
def test_nobody_refused_is_made_referent_or_co_referent(alice, erwan, file, verb):
    oppose(alice, file, erwan, "himself")
    with pytest.raises(Refused) as refusal:
        takes_over(alice, file, erwan)[verb]()
    assert refusal.value.code == "opposed"
    assert reach(erwan.viewer, file.patient_id) is None


def test_nobody_refused_writes_through_any_verb(alice, erwan, file):
    """The gate hides the file; the verbs refuse too, whatever door calls them."""
    erwans = sheets.write_sheet(erwan.desk, file=file, **now_and())
    second = made.followed(alice, birth_family="Riou")
    oppose(alice, file, erwan, "himself")
    desk = erwan.desk
    for verb in (
        lambda: sheets.write_sheet(desk, file=file, **now_and()),
        lambda: sheets.write_series(desk, files=[file, second], **now_and()),
        lambda: sheets.correct_sheet(desk, sheet=erwans, based_on=1, topic="rights", **now_and()),
        lambda: sheets.withdraw_sheet(desk, sheet=erwans, reason="erreur"),
        lambda: sheets.share_sheet(desk, sheet=erwans),
        lambda: files.set_level(desk, file=file, level=3),
        lambda: files.suspend_file(desk, file=file, reason="x"),
        lambda: files.resume_file(desk, file=file),
        lambda: files.close_file(desk, file=file, exit_reason="goals"),
        lambda: files.write_synthesis(desk, file=file, synthesis="x", wish=""),
        lambda: files.update_administrative(desk, file=file, based_on=1, housing="owner"),
        lambda: files.add_private_note(desk, file=file, text="x"),
        lambda: files.change_referent(desk, file=file, referent=erwan.role),
        lambda: files.open_file(
            desk, patient=file.patient, level=1, referent=alice.role, entry_reason="home", informed_on=date(2026, 1, 5)
        ),
    ):
        with pytest.raises(Refused) as refusal:
            verb()
        assert refusal.value.code in ("opposed", "outside", "already_open")
    assert second.sheets.count() == 0 and not Note.objects.exists()


def test_a_refusal_holds_through_closing_and_reopening(alice, erwan, file):
    oppose(alice, file, erwan, "himself")
    files.close_file(alice.desk, file=file, exit_reason="goals", leave_circle=True)
    for new_episode in (False, True):
        with pytest.raises(Refused) as refusal:
            files.reopen_file(alice.desk, file=file, reason="reprise", new_episode=new_episode, referent=erwan.role)
        assert refusal.value.code == "opposed"
    file.refresh_from_db()
    assert file.is_closed and CoordinationFile.objects.count() == 1


def test_a_refused_dac_does_not_take_a_transfer_and_nothing_is_closed(alice, file):
    there = made.dac("DAC du Léon")
    yann = made.coordinator(there, "Yann", "Morvan")
    circles.oppose(reach(alice.viewer, file.patient_id), organization=there)
    with pytest.raises(Refused) as refusal:
        files.transfer_file(
            alice.desk, file=file, to=there, referent=yann.role, text="Déménage.", informed_on=timezone.localdate()
        )
    assert refusal.value.code == "opposed"
    file.refresh_from_db()
    assert not file.is_closed and not CoordinationFile.objects.of(there).exists()
    assert reach(yann.viewer, file.patient_id) is None


def test_a_refused_profession_is_skipped_by_a_handover(alice, erwan, other_profession, file):
    free = made.followed(alice, birth_family="Riou")
    role = other_profession.role
    circles.oppose(reach(alice.viewer, file.patient_id), profession=f"{role.profession_system}:{role.profession}")
    row = handover.hand_over(alice.desk, from_role=alice.role, to_role=role, until=timezone.localdate())
    assert {x.file_id: x.kept for x in row.lines.all()} == {file.pk: "opposed", free.pk: ""}
    assert reach(other_profession.viewer, file.patient_id) is None


def test_a_refusal_said_during_a_replacement_keeps_the_file_with_the_replacement_for_good(alice, erwan, file):
    row = handover.hand_over(
        alice.desk, from_role=alice.role, to_role=erwan.role, until=timezone.localdate() + timedelta(days=5)
    )
    circles.oppose(reach(erwan.viewer, file.patient_id), practitioner=alice.role.practitioner)
    assert handover.end_handover(row) == 0
    file.refresh_from_db()
    assert file.referent == erwan.role and row.lines.get().ended_as == "stayed"
    place = Member.objects.get(circle_id=file.patient_id, practice_role=erwan.role, ended_at=None)
    assert place.until is None, "a referent is in the circle for as long as she answers for the person"
    assert reach(alice.viewer, file.patient_id) is None


# --- Another DAC on the same person --------------------------------------------------------------------------------------


def test_two_dacs_do_not_see_each_others_files_lists_or_notes(alice, file):
    yann = made.coordinator(made.dac("DAC du Léon"), "Yann", "Morvan")
    theirs = files.open_file(
        yann.desk, patient=file.patient, level=1, referent=yann.role, entry_reason="home", informed_on=date(2026, 1, 5)
    )
    sheets.write_sheet(alice.desk, file=file, **now_and(text=SECRET))
    files.add_private_note(alice.desk, file=file, text=SECRET)
    assert not queries.private_notes(yann.desk, theirs)
    assert not queries.sheets(yann.desk, queries.SheetFilters()).exists()
    assert [f.pk for f in queries.page_of(*both(queries.caseload, yann.desk))[0]] == [theirs.pk]
    assert not queries.other_episodes(theirs)
    with pytest.raises(CoordinationFile.DoesNotExist):
        files.close_file(yann.desk, file=file, exit_reason="goals")


def both(find, desk):
    filters = queries.Filters(whose="all")
    return find(desk, filters), filters


# --- Files brought together, deaths --------------------------------------------------------------------------------------


@pytest.fixture
def twin(alice, file):
    """The same person entered twice, her second file absorbed by the first."""
    found = make.circle(make.viewer(make.role(given="Chloé")), birth_family="Quemeneur")
    circles.merge_files(make.viewer(make.role()), survivor=file.patient, merged=found.patient, reason="même personne")
    found.patient.refresh_from_db()
    return found


def test_an_absorbed_person_has_no_second_living_episode(alice, file, twin):
    with pytest.raises(Refused) as refusal:
        files.open_file(
            alice.desk,
            patient=twin.patient,
            level=1,
            referent=alice.role,
            entry_reason="home",
            informed_on=date(2026, 1, 5),
        )
    assert refusal.value.code == "already_open"


def test_a_file_on_the_absorbed_side_still_counts(alice):
    """Opened before the merge: neither a second episode, nor private notes lost from sight."""
    first = made.followed(alice)
    survivor = make.circle(make.viewer(make.role(given="Chloé")), birth_family="Quemeneur")
    files.add_private_note(alice.desk, file=first, text="À garder.")
    circles.merge_files(
        make.viewer(make.role()), survivor=survivor.patient, merged=first.patient, reason="même personne"
    )
    with pytest.raises(Refused) as refusal:
        made.followed(alice, circle=survivor)
    assert refusal.value.code == "already_open"
    files.close_file(alice.desk, file=CoordinationFile.objects.get(pk=first.pk), exit_reason="goals")
    second = made.followed(alice, circle=survivor)
    assert second.episode == 2 and [f.pk for f in queries.other_episodes(second)] == [first.pk]
    assert [n.text for n in queries.private_notes(alice.desk, second)] == ["À garder."]


def test_a_referent_changed_on_an_absorbed_file_enters_the_circle_that_is_read(alice, erwan):
    first = made.followed(alice)
    survivor = make.circle(make.viewer(make.role(given="Chloé")), birth_family="Quemeneur")
    circles.merge_files(
        make.viewer(make.role()), survivor=survivor.patient, merged=first.patient, reason="même personne"
    )
    survivor = reach(survivor.viewer, survivor.circle_id)
    circles.review_crossing(survivor, absorbed=Circle.objects.get(pk=first.patient_id), keep=[])
    files.change_referent(alice.desk, file=CoordinationFile.objects.get(pk=first.pk), referent=erwan.role)
    assert reach(erwan.viewer, survivor.circle_id) is not None


def test_no_file_opens_for_someone_who_died_and_nobody_writes_to_her(alice, erwan, file):
    patients.record_death(alice.viewer, patient=file.patient, on="2026-02-03")
    other = made.coordinator(made.dac("DAC du Léon"), "Yann", "Morvan")
    with pytest.raises(Refused) as refusal:
        files.open_file(
            other.desk,
            patient=file.patient,
            level=1,
            referent=other.role,
            entry_reason="home",
            informed_on=date(2026, 1, 5),
        )
    assert refusal.value.code == "deceased"
    row = handover.hand_over(alice.desk, from_role=alice.role, to_role=erwan.role)
    passed = queries.handover_lines(erwan.desk, row)
    assert passed.passed and not passed.to_tell, "nobody writes to a person who died"
    files.close_file(erwan.desk, file=file, exit_reason="death")
    with pytest.raises(Refused):
        files.reopen_file(erwan.desk, file=file, reason="erreur", new_episode=True)
    same = files.reopen_file(erwan.desk, file=file, reason="les proches rappellent", new_episode=False)
    assert same.state == "open"


# --- The structure's secrets behind every door -----------------------------------------------------------------------------


@pytest.fixture
def world(alice, erwan, file, settings, tmp_path):
    settings.MFA_REQUIRED = False
    joined = SimpleUploadedFile(f"{SECRET}.txt", SECRET.encode(), "text/plain")
    sheet = sheets.write_sheet(alice.desk, file=file, files=[joined], **now_and(text=f"Dit à part : {SECRET}"))
    files.add_private_note(alice.desk, file=file, text=SECRET)
    files.keep_draft(alice.desk, file=file, slot="private", data={"text": SECRET})
    row = handover.hand_over(
        alice.desk, from_role=alice.role, to_role=erwan.role, until=timezone.localdate() + timedelta(days=3)
    )
    acting = reach(alice.viewer, file.patient_id)
    yann = made.coordinator(made.dac("DAC du Léon"), "Yann", "Morvan")
    theirs = files.open_file(
        yann.desk, patient=file.patient, level=1, referent=yann.role, entry_reason="home", informed_on=date(2026, 1, 5)
    )
    nurse, doctor = make.role(given="Maëlle"), make.role(given="Paul", profession="10")
    for role in (nurse, doctor):
        make.join(acting, role)
    people = {"yann": yann.user, "nurse": make.user(nurse), "doctor": make.user(doctor)}
    people["person"] = make.user(kind="patient")
    circles.add_member(acting, kind="patient", user=people["person"], ground="own_file")
    people["daughter"] = make.user(kind="relative")
    make.join(acting, contact=make.contact(acting.patient), person=people["daughter"])
    people["operator"], people["support"] = make.user(kind="operator"), make.user(kind="support")
    # Keeps the structure's information, holds no file: of the house, and not of its desk.
    clerk = make.role("Anne", "Clech", system="JDV_J48", profession="999", organization=file.organization, mode="S")
    people["clerk"] = make.user(clerk)
    StructureAdmin.objects.create(user=people["clerk"], organization=file.organization)
    ids = {"circle_id": file.patient_id, "file_id": file.pk, "sheet_id": sheet.pk, "piece_id": sheet.files.get().pk,
           "handover_id": row.pk, "organization_id": file.organization_id, "plan_id": theirs.pk}  # fmt: skip
    return people, ids


OUTSIDERS = [
    "yann", "nurse", "person", "clerk", *(pytest.param(w, marks=pytest.mark.slow) for w in ("doctor", "daughter", "operator", "support"))
]  # fmt: skip


@pytest.mark.parametrize("who", OUTSIDERS)
def test_what_the_structure_keeps_is_told_by_no_address_of_the_site(client, world, who):
    """Every route, with the real ids: pages, fragments, PDF, exports, feeds, FHIR, palette, the person's log, the figures."""
    people, ids = world
    client.force_login(people[who])
    leaks, asked = [], 0
    urls = [
        (r.name, r.url(**ids | words))
        for r in routes.every()
        if r.name not in ("account_logout", "circles:leave")
        for words in (r.variants() if r.parameters else [{}])
    ]
    # All is read before anything is sent: a form may take her out of the circle.
    for method in ("get", "post"):
        for name, url in urls:
            got = getattr(client, method)(url, {"q": ASKED, "filter": "1"})
            asked += 1
            said = b"".join(got.streaming_content) if got.streaming else got.content
            if SECRET.encode() in said:
                leaks.append((method, name))
    assert asked > 300 and leaks == []


def test_the_desk_itself_does_read_them(client, world):
    """The walk above would see a leak: the same words do stand on these pages for who may read them."""
    people, ids = world
    erwan = make_viewer_of(ids)
    client.force_login(erwan)
    for name in ("coordination:private_notes", "coordination:file_sheets", "coordination:sheet"):
        route = next(r for r in routes.every() if r.name == name)
        assert SECRET in client.get(route.url(**ids)).content.decode(), name
    route = next(r for r in routes.every() if r.name == "coordination:sheet_file")
    assert SECRET.encode() in b"".join(client.get(route.url(**ids)).streaming_content)


def make_viewer_of(ids):
    return CoordinationFile.objects.get(pk=ids["file_id"]).referent.practitioner.user


def test_nothing_of_a_private_note_is_in_the_persons_log_in_notices_or_in_documents(world):
    _people, ids = world
    about = AuditEvent.objects.filter(circle_id=ids["circle_id"])
    assert about.exists() and not about.filter(action__contains="private_note").exists()
    notes = PrivateNote.objects.values_list("pk", flat=True)
    assert not about.filter(target_id__in=notes).exists() and not about.filter(shown__overlap=list(notes)).exists()
    assert not Document.objects.exists(), "a sheet's file is no document of the circle until it is shared"
    assert not any(SECRET in str(e.details) + e.reason for e in AuditEvent.objects.all())


def test_no_other_app_knows_of_private_notes():
    """No import, no foreign key, no hand-written SQL: the only way in is the structure's own gate."""
    root = Path(__file__).parents[3] / "cercle"
    named = [
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(r"PrivateNote|privatenote|private_notes?\b", path.read_text())
        and "care/coordination/" not in str(path) and path.name != "sentences.py"
    ]  # fmt: skip
    assert named == []
    pointing: list[type[Model]] = [
        m for m in apps.get_models() if m is not PrivateNote
        and any(f.related_model is PrivateNote for f in m._meta.get_fields() if f.is_relation and not f.auto_created)
    ]  # fmt: skip
    assert pointing == []
    fields = {f.name for f in PrivateNote._meta.get_fields()}
    assert not fields & {"circle", "category", "hidden"}, "nothing that a circle's queries select by"


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["leave", "close", "reopen", "transfer", "oppose", "lift", "hand", "share"]), max_size=5),
    st.sampled_from(["yann", "nurse", "person", "clerk"]),
)
def test_whatever_happens_to_the_file_its_notes_stay_inside(client, who_follows, steps, who):
    """After any life of the file, no member of the circle and no other structure reads them; the desk does, unless refused."""
    alice, erwan, file, people = who_follows
    with transaction.atomic():
        point = transaction.savepoint()
        for step in steps:
            try:
                with transaction.atomic():
                    _live(step, alice, erwan, people["yann_role"], file)
            except Refused:
                continue
        client.force_login(people[who])
        for name in ("private_notes", "file_sheets", "file"):
            assert client.get(f"/dossiers/{file.pk}/{PAGES[name]}").status_code in (403, 404)
        for tab in ("coordination", "cahier", "acces", "documents"):
            assert SECRET not in client.get(f"/patients/{file.patient_id}/{tab}/").content.decode()
        assert PrivateNote.objects.filter(organization=file.organization).count() == 1
        transaction.savepoint_rollback(point)


PAGES = {"private_notes": "notes-internes/", "file_sheets": "fiches/", "file": ""}


@pytest.fixture
def who_follows(alice, erwan, file, settings):
    settings.MFA_REQUIRED = False
    files.add_private_note(alice.desk, file=file, text=SECRET)
    acting = reach(alice.viewer, file.patient_id)
    yann = made.coordinator(made.dac("DAC du Léon"), "Yann", "Morvan")
    nurse = make.role(given="Maëlle")
    make.join(acting, nurse)
    people = {"yann": yann.user, "nurse": make.user(nurse), "person": make.user(kind="patient"), "yann_role": yann.role}
    circles.add_member(acting, kind="patient", user=people["person"], ground="own_file")
    clerk = make.role("Anne", "Clech", system="JDV_J48", profession="999", organization=file.organization, mode="S")
    people["clerk"] = make.user(clerk)
    StructureAdmin.objects.create(user=people["clerk"], organization=file.organization)
    return alice, erwan, file, people


def _live(step, alice, erwan, yann, file) -> None:
    desk = alice.desk
    at = reach(alice.viewer, file.patient_id) or reach(erwan.viewer, file.patient_id)
    file = CoordinationFile.objects.get(pk=file.pk)
    if step == "leave":
        files.close_file(desk, file=file, exit_reason="goals", leave_circle=True)
    elif step == "close":
        files.close_file(desk, file=file, exit_reason="lost")
    elif step == "reopen":
        files.reopen_file(desk, file=file, reason="reprise", new_episode=False)
    elif step == "transfer":
        files.transfer_file(
            desk, file=file, to=yann.organization, referent=yann, text="Déménage.", informed_on=timezone.localdate()
        )
    elif step == "oppose" and at:
        circles.oppose(at, organization=file.organization)
    elif step == "lift" and at and (row := at.circle.oppositions.filter(lifted_at=None).first()):
        circles.lift_opposition(at, opposition=row)
    elif step == "hand":
        handover.hand_over(desk, from_role=alice.role, to_role=erwan.role)
    elif step == "share":
        sheets.write_sheet(desk, file=file, share=True, **now_and())
