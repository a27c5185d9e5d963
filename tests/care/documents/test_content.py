"""What a file really is: sniffed, cleaned, or refused in French."""

import io
import struct
import zipfile
import zlib

import pytest
from PIL import Image, ImageCms

from cercle.base.common.errors import Refused
from cercle.care.documents import content


def picture(kind="JPEG", size=(80, 60), mode="RGB", **options) -> bytes:
    out = io.BytesIO()
    image = Image.new(mode, size, 0 if mode in ("1", "L", "P", "I;16") else None)
    if mode == "RGB":
        image.paste((200, 30, 30), (0, 0, size[0] // 2, size[1]))
    image.save(out, kind, **options)
    return out.getvalue()


def located() -> bytes:
    """A photo as a phone takes it: place, device, owner, and lying on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation
    exif[0x010F], exif[0x0110], exif[0x013B] = "Marque", "Modèle secret", "Yvonne Le Gall"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (47.0, 59.0, 45.0), "W", (4.0, 6.0, 0.0)
    return picture(size=(80, 60), exif=exif, comment=b"chez Yvonne")


def check(data: bytes):
    return content.check(io.BytesIO(data))


def refusal(data: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        check(data)
    return caught.value


def test_a_photo_is_upright_and_says_nothing_of_its_place_or_owner():
    before = located()
    assert b"Yvonne" in before
    found = check(before)
    after = found.stream.read()
    assert (found.media_type, found.width, found.height) == ("image/jpeg", 60, 80)
    image = Image.open(io.BytesIO(after))
    assert image.size == (60, 80)
    assert not image.getexif() and not image.getexif().get_ifd(0x8825)
    for word in (b"Exif", b"Yvonne", b"Mod", b"Marque", b"http://ns.adobe"):
        assert word not in after
    red = image.getpixel((30, 10))
    assert red[0] > 150 and image.getpixel((30, 70))[0] < 60  # turned the right way


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_pictures_lose_their_words_and_keep_their_pixels(kind):
    from PIL import PngImagePlugin

    words = PngImagePlugin.PngInfo()
    words.add_text("Author", "Yvonne Le Gall")
    options = {"pnginfo": words} if kind == "PNG" else {"xmp": b"<x>Yvonne Le Gall</x>", "lossless": True}
    found = check(picture(kind, **options))
    after = found.stream.read()
    assert found.media_type == f"image/{kind.lower()}" and b"Yvonne" not in after
    assert Image.open(io.BytesIO(after)).convert("RGB").getpixel((5, 5))[0] > 180


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("PNG", "1"), ("PNG", "L"), ("PNG", "I;16"), ("PNG", "LA"),
                                            ("JPEG", "L"), ("JPEG", "CMYK"), ("WEBP", "RGBA")])  # fmt: skip
def test_every_common_sort_of_pixels_is_taken(kind, mode):
    found = check(picture(kind, mode=mode))
    Image.open(found.stream).load()


def test_a_colour_profile_is_applied_and_dropped():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    after = check(picture(icc_profile=profile)).stream.read()
    assert "icc_profile" not in Image.open(io.BytesIO(after)).info


def test_an_animation_keeps_its_first_picture():
    out = io.BytesIO()
    frames = [Image.new("RGB", (40, 40), c) for c in ((255, 0, 0), (0, 255, 0))]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    found = check(out.getvalue())
    image = Image.open(found.stream)
    assert getattr(image, "n_frames", 1) == 1 and image.convert("RGB").getpixel((5, 5))[0] > 200


def test_what_was_glued_behind_a_picture_is_gone():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("evil.html", "<script>alert(1)</script>")
    for tail in (archive.getvalue(), b"<?php echo 1 ?>", b"<html><script>alert(1)</script>"):
        after = check(picture() + tail).stream.read()
        assert b"script" not in after and b"php" not in after and b"PK\x05\x06" not in after


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_cut_picture_is_refused(kind, share):
    import random

    noise = Image.frombytes("RGB", (120, 90), random.Random(1).randbytes(120 * 90 * 3))
    out = io.BytesIO()
    noise.save(out, kind)
    data = out.getvalue()
    assert refusal(data[: int(len(data) * share)]).code in {"damaged", "type"}


def test_a_picture_bomb_is_refused_from_its_header():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    assert refusal(bomb).code == "pixels"
    assert "millions" in str(refusal(bomb))


def test_too_large_is_said_with_both_sizes_before_reading(settings):
    settings.MAX_UPLOAD_BYTES = 20 * 1024 * 1024

    class Huge(io.BytesIO):
        def read(self, *a):
            raise AssertionError("it was read")

    with pytest.raises(Refused) as caught:
        content.check(Huge(), 50 * 1024 * 1024)
    assert "50\u00a0Mo" in str(caught.value) and "20\u00a0Mo" in str(caught.value)


PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\nstartxref\n0\n%%EOF\n"


def test_a_pdf_is_kept_as_it_is():
    found = check(PDF)
    assert found.media_type == "application/pdf" and found.stream.read() == PDF and not found.active_content


@pytest.mark.parametrize("word", [b"/JavaScript", b"/JS (x)", b"/EmbeddedFile", b"/Launch"])
def test_a_pdf_with_scripts_or_files_is_marked(word):
    assert check(PDF.replace(b"/Catalog", b"/Catalog/OpenAction<<" + word + b" >>")).active_content


def test_a_cut_pdf_and_one_that_is_also_an_archive_are_refused():
    assert refusal(PDF[:60]).code == "damaged"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("a.txt", "x")
    assert refusal(PDF + archive.getvalue() + b"%%EOF").code == "type"


def office(**parts) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in parts.items():
            z.writestr(name.replace("__", "/").replace("_ct_", "[Content_Types].xml"), data)
    return out.getvalue()


def test_office_documents_are_known_by_their_parts():
    assert check(office(**{"_ct_": "<x/>", "word__document.xml": "<x/>"})).media_type.endswith(
        "wordprocessingml.document"
    )
    assert check(office(**{"_ct_": "<x/>", "xl__workbook.xml": "<x/>"})).media_type.endswith("spreadsheetml.sheet")
    odt = office(mimetype="application/vnd.oasis.opendocument.text", **{"content.xml": "<x/>"})
    assert check(odt).media_type == "application/vnd.oasis.opendocument.text"


def test_archives_bombs_macros_and_old_formats_are_refused():
    assert refusal(office(**{"a.txt": "x"})).code == "type"
    bomb = office(**{"_ct_": "<x/>", "word__document.xml": b"\0" * 150_000_000})
    assert len(bomb) < 1_000_000 and refusal(bomb).code == "zip_bomb"
    macro = office(**{"_ct_": "<x/>", "word__document.xml": "<x/>", "word__vbaProject.bin": "x"})
    assert refusal(macro).code == "macros"
    climbing = office(**{"_ct_": "<x/>", "word__document.xml": "<x/>", "..__..__evil": "x"})
    assert refusal(climbing).code == "type"
    assert refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600).code == "old_office"
    assert refusal(b"PK\x03\x04 not an archive").code == "type"


@pytest.mark.parametrize("data", ["Bonjour, œdème.".encode(), "Bonjour, œdème.".encode("cp1252"), "Bonjour, œdème.".encode("utf-16"),
                                  "\ufeffBonjour, œdème.".encode()])  # fmt: skip
def test_text_is_kept_as_utf8(data):
    found = check(data)
    assert found.media_type == "text/plain" and found.stream.read().decode() == "Bonjour, œdème."


@pytest.mark.parametrize(
    "data",
    [b"<!DOCTYPE html><script>alert(1)</script>", b"  <svg xmlns='x' onload='y'/>", b"<?xml version='1.0'?><x/>", b"<HTML>",
     b"{\\rtf1 x}", b"MZ\x90\x00\x03", b"\x7fELF\x02\x01", b"GIF89a" + b"\0" * 20, b"\0" * 100, b"#!/bin/sh\x00"],
)  # fmt: skip
def test_pages_programs_and_unknown_things_are_refused(data):
    assert refusal(data).code == "type"


def test_an_empty_file_is_refused():
    assert refusal(b"").code == "empty"


def test_a_heic_photo_is_read_or_explained():
    data = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100
    assert refusal(data).code in {"heic", "damaged"}


@pytest.mark.parametrize(
    ("name", "media_type", "clean"),
    [
        ("C:\\photos\\plaie<1>.HTML", "image/jpeg", "plaie1.jpg"),
        ("../../etc/passwd", "text/plain", "passwd.txt"),
        ("ordonnance\u202efdp.exe", "application/pdf", "ordonnancefdp.pdf"),
        ("", "image/png", "photo.png"),
        ("...", "application/pdf", "document.pdf"),
        ("compte rendu du 3.03.2026", "application/pdf", "compte rendu du 3.03.pdf"),
        ("é" * 300 + ".pdf", "application/pdf", "é" * 140 + ".pdf"),
        ("a\r\nSet-Cookie: x.pdf", "application/pdf", "aSet-Cookie x.pdf"),
    ],
)
def test_names_are_cleaned_and_end_as_what_they_are(name, media_type, clean):
    assert content.clean_name(name, media_type) == clean


def test_a_thumbnail_fits_its_square():
    image = Image.open(content.thumbnail(io.BytesIO(picture(size=(4000, 3000)))))
    assert image.format == "WEBP" and image.size == (320, 240)


def test_random_bytes_never_break_the_door():
    import random

    draw = random.Random(3)
    heads = [
        b"",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\0\0\0\0WEBP",
        b"%PDF-1.4",
        b"PK\x03\x04",
        b"\0\0\0\x18ftypheic",
    ]
    whole = [picture(), picture("PNG"), picture("WEBP"), located(), office(**{"_ct_": "x", "word__document.xml": "x"})]
    for i in range(400):
        if i % 2:
            data = bytearray(draw.choice(whole))
            for _ in range(draw.randrange(1, 20)):
                data[draw.randrange(len(data))] = draw.randrange(256)
        else:
            data = draw.choice(heads) + draw.randbytes(draw.randrange(0, 400))
        try:
            check(bytes(data))
        except Refused:
            pass
