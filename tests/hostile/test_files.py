"""Files sent to deceive: each refused in words, or kept harmless; the text beside them is never lost."""

import io
import zipfile
import zlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from cercle.base.common import blobs
from cercle.care.documents.models import Document
from cercle.care.notebook import actions as notebook
from cercle.care.notebook.models import Note
from cercle.people.circles.access import reach
from tests import factories as make
from tests.hostile.conftest import picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_second_factor")]
HTML = b"<!doctype html><script>alert(1)</script>"


def archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, body in members.items():
            made.writestr(name.replace("__", "/"), body)
    return out.getvalue()


def png_that_unfolds(side: int) -> bytes:
    def chunk(kind, body):
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


DECEITS = {
    "empty.pdf": b"",
    "page.html": HTML,
    "photo.jpg": HTML,
    "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "drawing.png": b'\xef\xbb\xbf  <?xml version="1.0"?><svg/>',
    "bomb.png": png_that_unfolds(60_000),
    "bomb.docx": archive(**{"[Content_Types].xml": b"<a/>", "word__document.xml": b"0" * 250_000_000}),
    "macro.docm": archive(
        **{"[Content_Types].xml": b"<a/>", "word__document.xml": b"<a/>", "word__vbaProject.bin": b"x"}
    ),
    "archive.zip": archive(**{"a.txt": b"x"}),
    "both.pdf": b"%PDF-1.4\n%%EOF\n" + archive(**{"a.txt": b"x"}),
    "program.exe": b"MZ\x90\x00" + b"\0" * 100,
    "torn.jpg": b"\xff\xd8\xff\xe0" + b"\0" * 50,
    "\u202egpj.exe": b"MZ\x00\x01",
    "../../../etc/passwd": b"\x00\x01",
}


@pytest.mark.parametrize("name", DECEITS, ids=lambda n: n.encode("ascii", "replace").decode())
def test_a_file_that_deceives_is_refused_and_the_text_kept(client, alice, name):
    make.sign_in(client, alice.user)
    file = SimpleUploadedFile(name, DECEITS[name], "image/jpeg")
    answer = client.post(reverse("notebook:add", args=[alice.circle_id]), {"text": "plaie à revoir", "files": [file]})
    assert answer.status_code == 422 and "plaie à revoir" in answer.text
    assert not Note.objects.exists() and not Document.objects.exists()


def test_a_photo_loses_its_place_and_what_was_glued_behind(alice):
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Appareil de Yvonne"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 0.0, 0.0), 3: "W", 4: (4.0, 6.0, 0.0)})
    Image.new("RGB", (40, 30), "red").save(out, "JPEG", exif=exif, comment=b"secret")
    sent = SimpleUploadedFile("photo.jpg", out.getvalue() + HTML, "image/jpeg")
    notebook.add_note(alice, text="plaie", files=[sent])
    with blobs.open(Document.objects.get().sha256) as kept:
        body = kept.read()
    assert b"<script" not in body and b"Yvonne" not in body and b"secret" not in body
    assert not Image.open(io.BytesIO(body)).getexif()


@pytest.mark.parametrize(
    "name",
    [
        "a\x00b.jpg",
        "a\r\nSet-Cookie: x=1.jpg",
        '"><img src=x>.jpg',
        "é\u202egnp.html",
        "x" * 5000 + ".jpg",
        ".htaccess",
        "con",
    ],
)
def test_a_name_cannot_lie_nor_break_the_answer(client, alice, name):
    make.sign_in(client, alice.user)
    notebook.add_note(alice, text="plaie", files=[picture(name)])
    document = Document.objects.get()
    answer = client.get(reverse("documents:show", args=[alice.circle_id, document.pk]))
    said = answer["Content-Disposition"]
    assert answer.status_code == 200 and document.name.endswith(".jpg") and len(document.name) < 200
    assert "\n" not in said and "Set-Cookie" not in answer.headers and "\u202e" not in document.name


def test_a_pdf_is_taken_away_never_shown_as_a_page_of_ours(client, alice):
    make.sign_in(client, alice.user)
    pdf = SimpleUploadedFile("ordonnance.pdf", b"%PDF-1.4\n1 0 obj<</JavaScript (x)>>endobj\n%%EOF", "text/html")
    notebook.add_note(alice, text="ordonnance", files=[pdf])
    document = Document.objects.get()
    answer = client.get(reverse("documents:show", args=[alice.circle_id, document.pk]))
    assert document.active_content and answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff" and "sandbox" in answer["Content-Security-Policy"]
    assert answer["Content-Type"] == "application/pdf"


def test_the_files_of_a_withdrawn_note_go_out_of_sight_with_it(client, alice):
    role = make.role("Bruno", "Le Bris")
    person = make.user(role)
    make.join(alice, role)
    note = notebook.add_note(alice, text="mauvais cahier", files=[picture()])
    document = Document.objects.get()
    notebook.withdraw_note(alice, note=note, reason="mauvais patient")
    bruno = reach(make.viewer(role, person), alice.circle_id)
    assert not Document.objects.visible_to(bruno).exists()
    make.sign_in(client, person)
    for name in ("documents:show", "documents:thumbnail"):
        assert client.get(reverse(name, args=[alice.circle_id, document.pk])).status_code == 404


def test_a_draft_or_a_file_of_someone_else_cannot_be_joined(client, alice, zoe):
    notebook.add_note(zoe, text="à Zoé", files=[picture()])
    theirs = Document.objects.get()
    make.sign_in(client, alice.user)
    answer = client.post(
        reverse("notebook:add", args=[alice.circle_id]), {"text": "je prends", "documents": str(theirs.pk)}
    )
    assert answer.status_code == 422 and "je prends" in answer.text
    theirs.refresh_from_db()
    assert theirs.circle_id == zoe.circle_id and not Note.objects.filter(circle_id=alice.circle_id).exists()


def test_a_member_of_another_circle_is_not_told(client, alice, zoe):
    make.sign_in(client, alice.user)
    answer = client.post(
        reverse("notebook:add", args=[alice.circle_id]), {"text": "à vous", "recipients": [str(zoe.member.pk)]}
    )
    assert answer.status_code == 422 and not Note.objects.exists()


def test_a_text_of_a_million_letters_is_refused_and_kept_in_the_page(client, alice):
    make.sign_in(client, alice.user)
    answer = client.post(reverse("notebook:add", args=[alice.circle_id]), {"text": "é" * 1_000_000})
    assert answer.status_code == 422 and "caractères" in answer.text and "é" * 1000 in answer.text
