"""Files in a circle: kept with their trace, seen by whom they may be, given out safely."""

import io
import json
import socketserver
import struct
import threading

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from cercle.base.audit.models import AuditEvent
from cercle.base.common import blobs
from cercle.base.common.errors import Refused
from cercle.base.common.ids import uuid7
from cercle.care.documents import actions, antivirus, tasks
from cercle.care.documents.models import Document
from cercle.people.circles import actions as circles
from cercle.people.circles.vocabulary import Reader
from tests import factories as make

pytestmark = pytest.mark.django_db
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.FILES_ROOT = tmp_path / "files"
    settings.ANTIVIRUS_ADDRESS = ""


def photo(name="plaie.jpg", size=(800, 600)) -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 120, 90)).save(out, "JPEG")
    return SimpleUploadedFile(name, out.getvalue(), "text/html")  # the declared type is a lie, and ignored


def letter(data=b"%PDF-1.4\nx\n%%EOF\n", name="lettre.pdf"):
    return SimpleUploadedFile(name, data, "application/pdf")


@pytest.fixture
def bruno():
    return make.circle(make.viewer(make.role("Bruno", "Le Roux", civility="M")))


@pytest.fixture
def page(client):
    """Signed in as the person behind an Acting."""

    def enter(acting):
        client.force_login(acting.user)
        return client

    return enter


def jobs(name):
    with connection.cursor() as cursor:
        cursor.execute("SELECT args FROM procrastinate_jobs WHERE task_name = %s ORDER BY id", [name])
        return [json.loads(a) if isinstance(a, str) else a for (a,) in cursor.fetchall()]


def address(document, name="show"):
    return reverse(f"documents:{name}", args=[document.circle_id, document.pk])


def test_an_upload_leaves_the_row_the_file_the_trace_and_the_job(bruno):
    document = actions.store_upload(
        bruno, file=photo(), category="nursing", hidden=int(Reader.CARER), title="  Malléole "
    )
    document.refresh_from_db()
    assert (document.media_type, document.name, document.title) == ("image/jpeg", "plaie.jpg", "Malléole")
    assert (document.width, document.height, document.hidden) == (800, 600, 32)
    assert document.author_user_id == bruno.user_id and document.author_role_id == bruno.practice_role_id
    assert blobs.digest(document.sha256) == blobs.Blob(document.sha256, document.size)
    event = AuditEvent.objects.get(action="documents.document_added")
    assert (event.target_id, event.circle_id, event.hidden, event.kind) == (document.pk, bruno.circle_id, 32, "create")
    assert "plaie" not in str(event.details)
    assert jobs("cercle.care.documents.tasks.make_thumbnail")[-1] == {"document_id": str(document.pk)}
    assert document.scan_state == "not_scanned"


def test_nothing_is_kept_when_the_trace_fails(bruno, monkeypatch):
    def broken(*a, **k):
        raise RuntimeError

    monkeypatch.setattr(actions, "record", broken)
    with pytest.raises(RuntimeError):
        actions.store_upload(bruno, file=photo())
    assert not Document.objects.exists() and not jobs("cercle.care.documents.tasks.make_thumbnail")


def test_a_refused_file_leaves_nothing(bruno):
    with pytest.raises(Refused, match="pas accepté"):
        actions.store_upload(bruno, file=SimpleUploadedFile("x.jpg", b"<html><script>", "image/jpeg"))
    assert not Document.objects.exists() and not list(blobs.iterate())


def test_a_profile_without_the_category_cannot_add(bruno):
    aide = make.join(
        bruno, role=None, contact=make.contact(bruno.patient), person=make.user(kind="relative"), ground="wish"
    )
    with pytest.raises(Refused, match="profil"):
        actions.store_upload(aide, file=letter(), category="documents")


def test_masks_categories_drafts_and_withdrawals_decide_who_sees(bruno):
    carer = make.join(bruno, contact=make.contact(bruno.patient), person=make.user(kind="relative"), ground="wish")
    open_ = actions.store_upload(bruno, file=photo(), category="nursing")
    masked = actions.store_upload(bruno, file=photo(size=(30, 30)), category="nursing", hidden=int(Reader.CARER))
    medical = actions.store_upload(bruno, file=photo(size=(40, 30)), category="medical")
    draft = actions.store_upload(bruno, file=photo(size=(50, 30)), category="nursing", draft=True)
    seen = set(Document.objects.visible_to(carer))
    assert seen == {open_} and medical not in seen
    assert set(Document.objects.visible_to(bruno)) == {open_, masked, medical, draft}
    actions.withdraw(bruno, document=open_)
    assert not Document.objects.visible_to(carer)
    with pytest.raises(Refused):
        actions.withdraw(carer, document=masked)


def test_an_opposition_to_a_note_holds_for_its_files(bruno):
    zed = make.viewer(make.role("Claire", "Kervella", profession="10"))
    circles.add_member(bruno, practice_role=zed.practice_role, ground="recognised")
    note_id = uuid7()
    held = actions.store_upload(bruno, file=photo(), category="nursing", holder_id=note_id)
    from dataclasses import replace

    from cercle.people.circles.access import reach

    acting = reach(zed, bruno.circle_id)
    assert held in Document.objects.visible_to(acting)
    assert held not in Document.objects.visible_to(replace(acting, opposed_targets=frozenset({note_id})))


def test_drafts_are_attached_once_by_their_author_only(bruno):
    carer = make.join(bruno, contact=make.contact(bruno.patient), person=make.user(kind="relative"), ground="wish")
    draft = actions.store_upload(bruno, file=photo(), category="nursing", draft=True)
    with pytest.raises(Refused):
        actions.attach(carer, document_ids=[draft.pk], holder_id=uuid7(), category="nursing")
    note = uuid7()
    assert actions.attach(bruno, document_ids=[draft.pk], holder_id=note, category="medical", hidden=8) == [draft]
    draft.refresh_from_db()
    assert (draft.state, draft.holder_id, draft.category, draft.hidden) == ("kept", note, "medical", 8)
    with pytest.raises(Refused):
        actions.attach(bruno, document_ids=[draft.pk], holder_id=note, category="medical")


@pytest.mark.parametrize(
    "wrong", [{"sha256": "x" * 64}, {"size": 0}, {"category": "other"}, {"state": "withdrawn"}, {"width": 0}]
)
def test_the_database_refuses_what_cannot_be(bruno, wrong):
    fields = {"circle_id": bruno.circle_id, "sha256": "a" * 64, "size": 1, "media_type": "text/plain", "name": "a.txt",
              "category": "documents", "created_at": timezone.now()}  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        Document.objects.create(**{**fields, **wrong})


# --- Serving ------------------------------------------------------------------------------------------------------------
def test_a_picture_is_shown_inline_without_any_power(bruno, page):
    document = actions.store_upload(bruno, file=photo(), category="nursing")
    answer = page(bruno).get(address(document))
    assert answer.status_code == 200 and answer["Content-Type"] == "image/jpeg"
    assert "attachment" not in answer["Content-Disposition"]
    assert answer["X-Content-Type-Options"] == "nosniff" and "sandbox" in answer["Content-Security-Policy"]
    assert answer["Cache-Control"] == "private, no-cache" and answer["ETag"] == f'"{document.sha256}"'
    assert int(answer["Content-Length"]) == document.size == len(b"".join(answer.streaming_content))
    event = AuditEvent.objects.filter(action="documents.shown").latest("id")
    assert event.shown == [document.pk] and event.kind == "read"


def test_a_known_picture_is_not_sent_again_but_still_traced(bruno, page):
    document = actions.store_upload(bruno, file=photo(), category="nursing")
    answer = page(bruno).get(address(document), headers={"If-None-Match": f'"{document.sha256}"'})
    assert answer.status_code == 304 and not answer.content
    assert "sandbox" in answer["Content-Security-Policy"]
    assert AuditEvent.objects.filter(action="documents.shown").count() == 1


def test_everything_else_is_taken_away_never_opened(bruno, page):
    for file, media_type in (
        (letter(), "application/pdf"),
        (SimpleUploadedFile("x.html", b"bonjour"), "text/plain; charset=utf-8"),
    ):
        document = actions.store_upload(bruno, file=file)
        answer = page(bruno).get(address(document))
        assert answer["Content-Disposition"].startswith("attachment") and answer["Content-Type"] == media_type
        assert ".html" not in answer["Content-Disposition"]
        assert "sandbox" in answer["Content-Security-Policy"]


def test_an_outsider_finds_nothing_whatever_she_asks(bruno, page):
    document = actions.store_upload(bruno, file=photo(), category="nursing")
    zoe = make.circle(
        make.viewer(make.role("Zoé", "Autre")),
        birth_given="Marcel",
        birth_family="Autre",
        sex="M",
        birth_date="1950-01-01",
    )
    client = page(zoe)
    for name in ("show", "thumbnail"):
        assert client.get(address(document, name)).status_code == 404
    assert client.get(reverse("record:tab", args=[bruno.circle_id, "documents"])).status_code == 404
    # Nor through her own circle with our document's id.
    assert client.get(reverse("documents:show", args=[zoe.circle_id, document.pk])).status_code == 404
    assert not AuditEvent.objects.filter(action="documents.shown").exists()


def test_a_masked_document_is_not_found_by_those_it_is_masked_to(bruno, page):
    person = make.user(kind="relative")
    make.join(bruno, contact=make.contact(bruno.patient), person=person, ground="wish")
    document = actions.store_upload(bruno, file=photo(), category="nursing", hidden=int(Reader.CARER))
    carer = page(type("A", (), {"user": person}))
    assert carer.get(address(document)).status_code == 404


def test_the_thumbnail_comes_by_a_job_and_a_placeholder_before_it(bruno, page):
    document = actions.store_upload(bruno, file=photo(), category="nursing")
    first = page(bruno).get(address(document, "thumbnail"))
    assert first["Content-Type"] == "image/svg+xml" and first["Cache-Control"] == "no-store"
    tasks.make_thumbnail(document_id=str(document.pk))
    document.refresh_from_db()
    answer = page(bruno).get(address(document, "thumbnail"))
    assert answer["Content-Type"] == "image/webp"
    assert Image.open(io.BytesIO(b"".join(answer.streaming_content))).size == (320, 240)
    tasks.make_thumbnail(document_id=str(document.pk))  # again: harmless
    assert page(bruno).get(address(actions.store_upload(bruno, file=letter()), "thumbnail")).status_code == 404


def test_the_list_shows_what_may_be_seen_and_says_so_in_the_journal(bruno, page):
    first = actions.store_upload(bruno, file=letter(name="Ordonnance.pdf"))
    actions.store_upload(bruno, file=photo(), category="nursing", draft=True)
    answer = page(bruno).get(reverse("record:tab", args=[bruno.circle_id, "documents"]))
    assert "Ordonnance.pdf" in answer.content.decode() and "plaie.jpg" not in answer.content.decode()
    assert AuditEvent.objects.filter(action="documents.listed").latest("id").shown == [first.pk]


def test_a_lost_file_is_a_404_not_a_crash(bruno, page):
    document = actions.store_upload(bruno, file=photo(), category="nursing")
    blobs.delete(document.sha256)
    assert page(bruno).get(address(document)).status_code == 404


def test_the_garbage_finder_knows_documents_and_thumbnails(bruno):
    document = actions.store_upload(bruno, file=photo(), category="nursing")
    tasks.make_thumbnail(document_id=str(document.pk))
    assert not blobs.check().missing
    blobs.delete(document.sha256)
    assert blobs.check().missing == [document.sha256]


# --- Antivirus ----------------------------------------------------------------------------------------------------------
class Daemon(socketserver.BaseRequestHandler):
    """clamd as its protocol is written: zINSTREAM, chunks with their length, a zero, one answer."""

    def handle(self):
        command = b""
        while not command.endswith(b"\0"):
            command += self.request.recv(1)
        assert command == b"zINSTREAM\0"
        data = b""
        while length := struct.unpack(">I", self._exactly(4))[0]:
            data += self._exactly(length)
        found = b"Win.Test.EICAR_HDB-1 FOUND" if b"EICAR-STANDARD" in data else b"OK"
        self.request.sendall(b"stream: " + found + b"\0")

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            data += self.request.recv(n - len(data))
        return data


@pytest.fixture
def clamd(settings):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Daemon) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.ANTIVIRUS_ADDRESS = f"127.0.0.1:{server.server_address[1]}"
        yield server
        server.shutdown()


def test_a_clean_file_waits_for_the_antivirus_then_is_given(bruno, page, clamd):
    document = actions.store_upload(bruno, file=letter())
    assert jobs("cercle.care.documents.tasks.scan")[-1] == {"document_id": str(document.pk)}
    assert page(bruno).get(address(document)).status_code == 409
    tasks.scan(document_id=str(document.pk))
    document.refresh_from_db()
    assert document.scan_state == "clean" and document.scanned_at
    assert page(bruno).get(address(document)).status_code == 200


def test_a_virus_is_never_given_out_and_leaves_a_trace(bruno, page, clamd):
    document = actions.store_upload(bruno, file=SimpleUploadedFile("eicar.txt", EICAR))
    tasks.scan(document_id=str(document.pk))
    document.refresh_from_db()
    assert (document.scan_state, document.scan_detail) == ("infected", "Win.Test.EICAR_HDB-1")
    answer = page(bruno).get(address(document))
    assert answer.status_code == 403 and b"EICAR-STANDARD" not in answer.content
    assert AuditEvent.objects.get(action="documents.infection_found").target_id == document.pk


def test_a_silent_antivirus_is_an_error_that_is_tried_again(bruno, settings):
    settings.ANTIVIRUS_ADDRESS = "127.0.0.1:9"
    document = actions.store_upload(bruno, file=letter())
    with pytest.raises(tasks.AntivirusUnavailable):
        tasks.scan(document_id=str(document.pk))
    document.refresh_from_db()
    assert document.scan_state == "error"
    tasks.catch_up()
    assert len(jobs("cercle.care.documents.tasks.scan")) == 2


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("stream: OK", "clean"),
        ("stream: X FOUND", "infected"),
        ("INSTREAM size limit exceeded. ERROR", "error"),
        ("", "error"),
    ],
)
def test_the_words_of_clamd_are_understood(said, state):
    assert antivirus.read_answer(said).state == state
