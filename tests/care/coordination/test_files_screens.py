"""The structure's own screens: who reaches them, what they say, what they cost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cercle.care.coordination.actions import files, sheets
from cercle.care.coordination.models import CoordinationFile, FileDraft, FollowUpSheet, PrivateNote
from cercle.people.circles import actions as circles
from cercle.people.circles.access import reach
from tests import factories as make
from tests.factories import coordination as made

pytestmark = pytest.mark.django_db
SECRET = "Le fils est en conflit avec la mairie"


@pytest.fixture
def world(settings):
    settings.MFA_REQUIRED = False
    dac = made.dac()
    alice, erwan = made.coordinator(dac), made.coordinator(dac, "Erwan", "Kerdreux")
    file = made.followed(alice)
    sheet = sheets.write_sheet(
        alice.desk, file=file, act="call", at=timezone.now(), minutes=15, text="Rappelé la mairie."
    )
    files.add_private_note(alice.desk, file=file, text=SECRET)
    return {"dac": dac, "alice": alice, "erwan": erwan, "file": file, "sheet": sheet}


def _urls(world):
    file, sheet = world["file"], world["sheet"]
    one = [reverse(f"coordination:{n}", args=[file.pk]) for n in
           ("file", "file_sheets", "write_sheet", "administrative", "administrative_version", "synthesis", "private_notes")]  # fmt: skip
    one += [reverse("coordination:change", args=[file.pk, w]) for w in
            ("niveau", "referent", "co-referent", "suspendre", "reprendre", "clore", "rouvrir", "transferer")]  # fmt: skip
    one += [reverse("coordination:sheet", args=[file.pk, sheet.pk])]
    one += [
        reverse("coordination:change_sheet", args=[file.pk, sheet.pk, w]) for w in ("corriger", "retirer", "partager")
    ]
    return one


DESK = ["files", "sheets", "series", "hand_over", "tasks"]


def test_every_screen_opens_for_the_desk_of_the_file(client, world):
    make.sign_in(client, world["alice"].user)
    for url in [*_urls(world), *(reverse(f"coordination:{n}") for n in DESK)]:
        assert client.get(url).status_code == 200, url
        assert client.get(url, headers={"HX-Request": "true"}).status_code == 200, url
    tab = client.get(reverse("record:tab", args=[world["file"].patient_id, "coordination"]))
    assert tab.status_code == 200 and "Rappelé la mairie." in tab.content.decode()


def _outsiders(world):
    other = made.coordinator(made.dac("DAC du Léon"), "Yann", "Morvan")
    acting = reach(world["alice"].viewer, world["file"].patient_id)
    make.join(acting, other.role)  # a coordinator of another DAC, member of the same circle
    nurse = make.role(given="Maëlle")
    make.join(acting, nurse)
    david = make.user(kind="patient")
    circles.add_member(acting, kind="patient", user=david, ground="own_file")
    return other.user, make.user(nurse), david


def test_nobody_outside_the_structure_reaches_the_file_even_from_the_circle(client, world):
    for who in _outsiders(world):
        make.sign_in(client, who)
        for url in _urls(world):
            assert client.get(url).status_code == 404, url
            assert client.post(url, {"text": "x"}).status_code in (404, 405), url
        client.logout()


def test_private_notes_are_never_seen_outside_by_any_page_of_the_circle(client, world):
    """Every tab of the patient's page, her access log and the file's own pages, for each kind of outsider."""
    file = world["file"]
    for who in _outsiders(world):
        make.sign_in(client, who)
        for slug in ("cahier", "cercle", "dossier", "coordination", "plan", "agenda", "grilles", "documents", "acces"):
            page = client.get(f"/patients/{file.patient_id}/{slug}/")
            assert SECRET not in page.content.decode()
            assert "interne" not in page.content.decode().lower() or slug in ("cercle",), slug
        client.logout()


def test_the_access_log_does_not_tell_that_a_private_note_exists(world):
    from cercle.base.audit.models import AuditEvent

    rows = AuditEvent.objects.filter(action__contains="private_note")
    assert rows.exists() and not rows.exclude(circle_id=None).exists()


def test_refusing_the_structure_closes_every_screen(client, world):
    file = world["file"]
    circles.oppose(reach(world["alice"].viewer, file.patient_id), organization=world["dac"])
    make.sign_in(client, world["alice"].user)
    for url in _urls(world):
        assert client.get(url).status_code == 404, url
    for name in ("files", "sheets", "tasks"):
        assert "QUEMENEUR" not in client.get(reverse(f"coordination:{name}")).content.decode()


def test_once_out_of_the_circle_the_structure_still_reads_its_own_file(client, world):
    file = world["file"]
    files.close_file(world["alice"].desk, file=file, exit_reason="goals", leave_circle=True)
    make.sign_in(client, world["alice"].user)
    assert client.get(f"/patients/{file.patient_id}/").status_code == 404
    page = client.get(reverse("coordination:file", args=[file.pk])).content.decode()
    assert "Rappelé la mairie." in page and "n’est plus dans son cercle" in page
    assert SECRET in client.get(reverse("coordination:private_notes", args=[file.pk])).content.decode()


def test_a_sheet_is_written_with_its_draft_gone(client, world):
    file = world["file"]
    make.sign_in(client, world["alice"].user)
    kept = client.post(reverse("coordination:draft", args=[file.pk, "sheet"]), {"text": "Appelé", "act": "call"})
    assert kept.status_code == 200
    assert "Appelé" in client.get(reverse("coordination:write_sheet", args=[file.pk])).content.decode()
    day = timezone.localdate().isoformat()
    answer = client.post(
        reverse("coordination:write_sheet", args=[file.pk]),
        {
            "act": "visit",
            "minutes": "1 h 30",
            "topic": "carer",
            "on": day,
            "time": "",
            "text": "Vue à domicile.",
            "share": "on",
        },
    )
    assert answer.status_code == 302
    row = FollowUpSheet.objects.get(act="visit")
    assert (row.minutes, row.topic, row.note is not None) == (90, "carer", True)
    assert not FileDraft.objects.exists()


def test_a_wrong_sheet_keeps_what_was_typed(client, world):
    make.sign_in(client, world["alice"].user)
    answer = client.post(
        reverse("coordination:write_sheet", args=[world["file"].pk]),
        {"act": "visit", "minutes": "longtemps", "topic": "carer", "on": "2026-01-05", "text": "Une longue visite."},
    )
    assert answer.status_code == 422 and "Une longue visite." in answer.content.decode()
    assert FollowUpSheet.objects.count() == 1


def test_the_second_writer_sees_both_versions_and_saves_knowingly(client, world):
    file, url = world["file"], reverse("coordination:administrative", args=[world["file"].pk])
    files.update_administrative(world["erwan"].desk, file=file, based_on=1, housing="tenant")
    make.sign_in(client, world["alice"].user)
    answer = client.post(url, {"based_on": "1", "housing": "owner"})
    page = answer.content.decode()
    assert answer.status_code == 422 and "Erwan Kerdreux" in page and "Locataire" in page and "Propriétaire" in page
    assert 'name="based_on" value="2"' in page
    assert client.post(url, {"based_on": "2", "housing": "owner"}).status_code == 302
    file.refresh_from_db()
    assert (file.housing, file.version) == ("owner", 3)
    told = client.get(reverse("coordination:administrative_version", args=[file.pk]) + "?vu=1").content.decode()
    assert told == "" or "Alice" not in told
    client.logout()
    make.sign_in(client, world["erwan"].user)
    assert (
        "a enregistré"
        in client.get(reverse("coordination:administrative_version", args=[file.pk]) + "?vu=2").content.decode()
    )


def test_a_handover_on_screen_lists_what_stayed(client, world):
    alice, erwan, file = world["alice"], world["erwan"], world["file"]
    made.followed(alice, birth_family="Riou")
    circles.oppose(reach(alice.viewer, file.patient_id), practitioner=erwan.role.practitioner)
    make.sign_in(client, alice.user)
    answer = client.post(
        reverse("coordination:hand_over"),
        {"from_role": alice.role.pk, "to_role": erwan.role.pk, "kind": "leave",
         "until": (timezone.localdate() + timedelta(days=5)).isoformat()},
    )  # fmt: skip
    page = client.get(answer["Location"]).content.decode()
    assert "Restés où ils étaient" in page and "QUEMENEUR" in page and "RIOU" in page
    client.logout()
    make.sign_in(client, erwan.user)
    page = client.get(answer["Location"]).content.decode()
    assert "QUEMENEUR" not in page and "RIOU" in page and "1 dossier ne vous est pas montré" in page


def test_tasks_say_what_waits(client, world):
    file = world["file"]
    CoordinationFile.objects.filter(pk=file.pk).update(review_on=timezone.localdate())
    make.sign_in(client, world["alice"].user)
    assert "Situations à revoir" in client.get(reverse("coordination:tasks")).content.decode()


def test_the_caseload_costs_the_same_whatever_the_number_of_files(client, world):
    make.sign_in(client, world["alice"].user)
    url = reverse("coordination:files")
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(url)
    for name in ("Riou", "Cariou", "Le Gall", "Pennec"):
        made.followed(world["alice"], birth_family=name)
    with CaptureQueriesContext(connection) as more:
        page = client.get(url).content.decode()
    assert "PENNEC" in page
    assert len(more) == len(few) <= 12


def test_the_file_page_costs_the_same_whatever_the_number_of_sheets(client, world):
    make.sign_in(client, world["alice"].user)
    url = reverse("coordination:file", args=[world["file"].pk])
    client.get(url)
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    for n in range(6):
        sheets.write_sheet(
            world["alice"].desk, file=world["file"], act="call", at=timezone.now(), minutes=n, text="Appel."
        )
    with CaptureQueriesContext(connection) as more:
        client.get(url)
    assert len(more) == len(few) <= 20


def test_nobody_reads_a_private_note_of_another_structure(world):
    other = made.coordinator(made.dac("DAC du Léon"), "Yann", "Morvan")
    second = files.open_file(
        other.desk, patient=world["file"].patient, level=1, referent=other.role, entry_reason="home"
    )
    assert not PrivateNote.objects.filter(organization=second.organization).exists()
