"""Sheets on screen: filters, pages, files joined to them, corrections of one's own in two windows."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cercle.base.common import blobs
from cercle.base.common.errors import Refused
from cercle.care.coordination import queries_files as queries
from cercle.care.coordination.actions import files, sheets
from cercle.care.coordination.models import FollowUpSheet, SheetFile
from cercle.care.documents.models import Document
from tests import factories as make
from tests.factories import coordination as made
from tests.hostile.conftest import picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(settings):
    settings.MFA_REQUIRED = False
    return made.coordinator(made.dac())


@pytest.fixture
def file(alice):
    return made.followed(alice)


def text_file(name="lettre.txt", words=b"Dossier complet."):
    return SimpleUploadedFile(name, words, "text/plain")


def write(who, file, **more):
    given = {"act": "call", "at": timezone.now(), "minutes": 15, "text": "Appel."} | more
    return sheets.write_sheet(who.desk, file=file, **given)


def sent(**more):
    day = timezone.localdate().isoformat()
    return {"act": "visit", "minutes": "1 h", "topic": "carer", "on": day, "time": "", "text": "Vue à domicile."} | more


def test_a_file_is_joined_read_withdrawn_and_named_to_the_store(client, alice, file):
    make.sign_in(client, alice.user)
    url = reverse("coordination:write_sheet", args=[file.pk])
    assert client.post(url, sent(joined=[text_file(), picture()])).status_code == 302
    sheet = FollowUpSheet.objects.get()
    held = sheet.files.get(media_type="text/plain")
    address = reverse("coordination:sheet_file", args=[file.pk, sheet.pk, held.pk])
    got = client.get(address)
    assert b"".join(got.streaming_content) == b"Dossier complet." and "attachment" in got["Content-Disposition"]
    assert held.sha256 in {name for names in blobs._references for name in names()}, (
        "« files check » must not take it away"
    )
    client.post(reverse("coordination:withdraw_sheet_file", args=[file.pk, sheet.pk, held.pk]))
    assert client.get(address).status_code == 404
    assert SheetFile.objects.count() == 2 and blobs.exists(held.sha256)


def test_a_file_that_cannot_be_taken_keeps_the_words_and_nothing_else(client, alice, file):
    make.sign_in(client, alice.user)
    url = reverse("coordination:write_sheet", args=[file.pk])
    got = client.post(url, sent(joined=[SimpleUploadedFile("x.exe", b"MZ\x00\x01" * 40, "application/pdf")]))
    assert got.status_code == 422 and "Vue à domicile." in got.content.decode()
    assert not FollowUpSheet.objects.exists() and not SheetFile.objects.exists()
    with pytest.raises(Refused):
        write(alice, file, files=[text_file(f"{n}.txt") for n in range(11)])


def test_sharing_a_sheet_shares_its_files_and_an_infected_one_is_not_given(alice, file):
    shared = write(alice, file, files=[text_file()], share=True)
    assert Document.objects.get().holder_id == shared.note_id
    bad = write(alice, file, files=[text_file()])
    bad.files.update(scan_state="infected")
    with pytest.raises(Refused) as refusal:
        sheets.share_sheet(alice.desk, sheet=bad)
    assert refusal.value.code == "scan" and Document.objects.count() == 1


def test_two_windows_of_the_same_author_are_compared(client, alice, file):
    row = write(alice, file)
    make.sign_in(client, alice.user)
    url = reverse("coordination:correct_sheet", args=[file.pk, row.pk])
    assert client.post(url, sent(text="Première correction.", based_on="1")).status_code == 302
    page = client.post(url, sent(text="Seconde correction.", based_on="1"))
    words = page.content.decode()
    assert page.status_code == 422 and "Première correction." in words and "Seconde correction." in words
    assert client.post(url, sent(text="Seconde correction.", based_on="2")).status_code == 302
    assert [v.data["text"] for v in row.versions.order_by("number")] == ["Appel.", "Première correction."]


def test_a_withdrawn_sheet_gives_back_the_date_of_the_last_act(alice, file):
    first = write(alice, file, at=timezone.now() - timedelta(days=9))
    second = write(alice, file)
    sheets.withdraw_sheet(alice.desk, sheet=second, reason="mauvais dossier")
    file.refresh_from_db()
    assert file.last_act_at == first.at


def test_filters_narrow_and_words_are_not_in_addresses(client, alice, file):
    erwan = made.coordinator(file.organization, "Erwan", "Kerdreux")
    write(alice, file, text="Rappelé la mairie.", topic="rights")
    write(erwan, file, act="visit", text="Vue à domicile.", at=timezone.now() - timedelta(days=40))
    make.sign_in(client, alice.user)
    url = reverse("coordination:file_sheets", args=[file.pk])
    asked = {
        "q": ({"q": "mairie"}, "Rappelé"), "act": ({"acte": "visit"}, "Vue"), "topic": ({"sujet": "rights"}, "Rappelé"),
        "who": ({"qui": str(erwan.role.pk)}, "Vue"), "mine": ({"qui": "mine"}, "Rappelé"),
        "until": ({"au": (timezone.localdate() - timedelta(days=20)).isoformat()}, "Vue"),
        "since": ({"du": (timezone.localdate() - timedelta(days=20)).isoformat()}, "Rappelé"),
    }  # fmt: skip
    for name, (given, kept) in asked.items():
        page = client.post(url, given).content.decode()
        assert kept in page and {"Rappelé": "Vue à", "Vue": "Rappelé"}[kept] not in page, name
    for nonsense in ({"qui": "x"}, {"du": "0001-01-01"}, {"au": "demain"}, {"apres": "x~y"}, {"acte": "danse"}):
        assert client.post(url, nonsense).status_code == 200
    assert queries.SheetFilters(words="mairie").query() == "?qui=all"


def test_pages_of_sheets_follow_one_another_at_a_constant_cost(client, alice, file):
    now = timezone.now()
    FollowUpSheet.objects.bulk_create(
        FollowUpSheet(
            file=file, organization=file.organization, act="call", at=now - timedelta(hours=n // 2), minutes=5, text=f"fiche {n}",
            author_user=alice.user, author_role=alice.role, author_name="Nolwenn Le Bris",
        )
        for n in range(120)
    )  # fmt: skip
    seen, after = [], ""
    while True:
        rows, after = queries.page_of_sheets(queries.sheets(alice.desk, queries.SheetFilters()), after)
        seen += [r.pk for r in rows]
        if not after:
            break
    assert len(seen) == len(set(seen)) == 120
    make.sign_in(client, alice.user)
    for url in (reverse("coordination:sheets"), reverse("coordination:file_sheets", args=[file.pk])):
        client.get(url)
        with CaptureQueriesContext(connection) as asked:
            page = client.get(url).content.decode()
        assert "Voir les fiches plus anciennes" in page and len(asked) <= 16


def test_a_series_says_when_a_chosen_file_is_no_longer_there(client, alice, file):
    make.sign_in(client, alice.user)
    gone = made.followed(alice, birth_family="Riou")
    files.close_file(alice.desk, file=gone, exit_reason="goals")
    got = client.post(reverse("coordination:series"), sent(files=[file.pk, gone.pk]))
    assert got.status_code == 422 and "n’est plus en cours" in got.content.decode()
    assert not FollowUpSheet.objects.exists()
