"""What a sent file really is, and the version of it that we keep. The type its sender declares is not even read.

Pictures are decoded and written anew: upright, without place, date, device or any other hidden word, and without
whatever was glued behind them. Other kinds are looked at and kept as they are, to be downloaded only.
"""

import contextlib
import io
import os
import re
import tempfile
import unicodedata
import zipfile
from dataclasses import dataclass, field
from typing import BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from cercle.base.common.blobs import TooLarge
from cercle.base.common.errors import Refused

PICTURES = {"image/jpeg", "image/png", "image/webp"}
PDF, TEXT = "application/pdf", "text/plain"
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
ENDINGS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    PDF: ".pdf",
    TEXT: ".txt",
    _OFFICE + "wordprocessingml.document": ".docx",
    _OFFICE + "spreadsheetml.sheet": ".xlsx",
    _OFFICE + "presentationml.presentation": ".pptx",
    _OPEN + "text": ".odt",
    _OPEN + "spreadsheet": ".ods",
    _OPEN + "presentation": ".odp",
}
# For the `accept` of file fields.
ACCEPTED = "image/jpeg,image/png,image/webp,image/heic,.heic,.pdf,.txt,.docx,.xlsx,.pptx,.odt,.ods,.odp"

JPEG_QUALITY = 92
MAX_PIXELS = 64_000_000
MAX_SIDE = 20_000
ZIP_ENTRIES = 5_000
ZIP_TOTAL = 200 * 1024 * 1024
ZIP_RATIO = 200


@dataclass
class Checked:
    """The content to store, from its start, and what it is."""

    stream: BinaryIO
    media_type: str
    width: int | None = None
    height: int | None = None
    active_content: bool = False
    notes: list[str] = field(default_factory=list)


def label(media_type: str) -> str:
    if media_type in PICTURES:
        return _("Photo")
    if media_type == PDF:
        return "PDF"
    if media_type == TEXT:
        return _("Texte")
    ending = ENDINGS.get(media_type, "")
    if ending in (".docx", ".odt"):
        return _("Document texte")
    if ending in (".xlsx", ".ods"):
        return _("Tableur")
    if ending in (".pptx", ".odp"):
        return _("Présentation")
    return _("Fichier")


def check(file: BinaryIO, size: int | None = None) -> Checked:
    """Reads, sniffs, cleans. Raises `Refused` with a sentence for the person; nothing is stored here."""
    limit = settings.MAX_UPLOAD_BYTES
    if size is None:
        file.seek(0, os.SEEK_END)
        size = file.tell()
    if size > limit:
        raise TooLarge(limit, size)
    if size == 0:
        raise Refused(_("Ce fichier est vide. Vérifiez-le, puis envoyez-le de nouveau."), "empty")
    file.seek(0)
    head = file.read(4096)
    file.seek(0)
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return _picture(file)
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
        return _heic(file)
    if head.startswith(b"%PDF-"):
        return _pdf(file, size)
    if head.startswith(b"PK\x03\x04"):
        return _office(file)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise Refused(
            _(
                "Les anciens formats Word, Excel et PowerPoint ne sont pas acceptés. "
                "Enregistrez le fichier en PDF, puis envoyez-le."
            ),
            "old_office",
        )
    return _text(file)


def _unknown() -> Refused:
    return Refused(
        _(
            "Ce type de fichier n’est pas accepté. "
            "Envoyez une photo (JPEG, PNG, WebP), un PDF, un texte ou un document bureautique."
        ),
        "type",
    )


def _damaged() -> Refused:
    return Refused(
        _("Cette image est abîmée ou incomplète. Reprenez la photo, ou envoyez-la de nouveau."),
        "damaged",
    )


# --- Pictures -------------------------------------------------------------------------------------------------------
def _picture(file: BinaryIO) -> Checked:
    try:
        # Only these readers: the library knows dozens, each one a door.
        with Image.open(file, formats=("JPEG", "PNG", "WEBP")) as image:
            return _rebuild(image)
    except Refused:
        raise
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as e:
        if isinstance(e, Image.DecompressionBombError):
            raise _too_many_pixels() from e
        raise _damaged() from e


def _heic(file: BinaryIO) -> Checked:
    try:
        import pillow_heif  # optional extra `cercle[heic]`
    except ImportError:
        raise Refused(
            _(
                "Les photos HEIC ne peuvent pas être lues ici. Sur l’iPhone : Réglages, Appareil photo, Formats, "
                "« Le plus compatible » ; ou envoyez la photo en JPEG."
            ),
            "heic",
        ) from None
    try:
        opened = pillow_heif.open_heif(file, convert_hdr_to_8bit=True)
        _few_enough(opened.size)
        return _rebuild(opened.to_pillow(), as_format="JPEG")
    except Refused:
        raise
    except Exception as e:  # the binding raises what its C library makes of a broken file
        raise _damaged() from e


def _too_many_pixels() -> Refused:
    return Refused(
        _("Cette image a trop de pixels (%(n)d millions au plus). Réduisez-la, puis envoyez-la de nouveau.")
        % {"n": MAX_PIXELS // 1_000_000},
        "pixels",
    )


def _few_enough(size: tuple[int, int]) -> None:
    """From the header, before anything is decoded."""
    if size[0] * size[1] > MAX_PIXELS or max(size) > MAX_SIDE:
        raise _too_many_pixels()


def _rebuild(image: Image.Image, as_format: str | None = None) -> Checked:
    """Same pixels, upright, sRGB, nothing else. An animation keeps its first picture."""
    _few_enough(image.size)
    kind = as_format or ("JPEG" if image.format in ("JPEG", "MPO") else image.format)
    image.seek(0)
    image.load()
    upright = ImageOps.exif_transpose(image)
    if profile := image.info.get("icc_profile"):
        # A colour profile can carry words too: apply it, then drop it.
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            alpha = upright.mode in ("RGBA", "LA", "PA")
            upright = ImageCms.profileToProfile(
                upright, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"),
                outputMode="RGBA" if alpha else "RGB",
            )  # fmt: skip
    if upright.mode.startswith("I"):  # 16 bits a point (scanners): plain conversion would burn the picture white
        upright = upright.convert("I").point(lambda v: v * (1 / 256)).convert("L")
    has_alpha = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
    if kind == "JPEG":
        mode = "L" if upright.mode in ("1", "L") else "RGB"
    else:
        mode = "RGBA" if has_alpha else "L" if upright.mode in ("1", "L") else "RGB"
    # A new image: no field of the old one can follow.
    clean = Image.new(mode, upright.size)
    clean.paste(upright if upright.mode == mode else upright.convert(mode))
    out = tempfile.SpooledTemporaryFile(max_size=8 * 1024 * 1024)
    if kind == "JPEG":
        clean.save(out, "JPEG", quality=JPEG_QUALITY, optimize=True)
    elif kind == "PNG":
        clean.save(out, "PNG")
    else:
        clean.save(out, "WEBP", quality=JPEG_QUALITY, method=4)
    out.seek(0)
    return Checked(out, f"image/{kind.lower()}", *clean.size)


def thumbnail(file: BinaryIO, side: int = 320) -> io.BytesIO:
    """A WebP that fits a square of `side` pixels. For pictures that `check` rebuilt."""
    with Image.open(file, formats=("JPEG", "PNG", "WEBP")) as image:
        image.draft("RGB", (side * 2, side * 2))  # JPEG only: decodes smaller, ten times cheaper
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        if image.mode not in ("RGB", "RGBA"):
            image = image.convert("RGBA" if "A" in image.mode else "RGB")
        out = io.BytesIO()
        image.save(out, "WEBP", quality=80, method=4)
    out.seek(0)
    return out


# --- PDF ------------------------------------------------------------------------------------------------------------
_ACTIVE = re.compile(rb"/(JavaScript|JS|EmbeddedFiles?|Launch|RichMedia|XFA|SubmitForm|ImportData)\b")


def _pdf(file: BinaryIO, size: int) -> Checked:
    file.seek(max(0, size - 4096))
    tail = file.read()
    if b"%%EOF" not in tail:
        raise Refused(_("Ce PDF est incomplet. Reprenez-le à sa source, puis envoyez-le de nouveau."), "damaged")
    if b"PK\x05\x06" in tail:
        raise _unknown()  # also an archive: two files in one
    file.seek(0)
    active, before = False, b""
    while chunk := file.read(1024 * 1024):
        active = active or bool(_ACTIVE.search(before + chunk))
        before = chunk[-64:]
    file.seek(0)
    return Checked(file, PDF, active_content=active)


# --- Office files ---------------------------------------------------------------------------------------------------
def _office(file: BinaryIO) -> Checked:
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            packed = sum(e.compress_size for e in entries)
            total = sum(e.file_size for e in entries)
            if len(entries) > ZIP_ENTRIES or total > ZIP_TOTAL or total > ZIP_RATIO * max(packed, 1024):
                raise Refused(_("Ce fichier, une fois ouvert, serait beaucoup trop gros : il est refusé."), "zip_bomb")
            names = {e.filename for e in entries}
            if any(n.startswith("/") or ".." in n.split("/") or "\\" in n for n in names) or any(
                e.flag_bits & 1 for e in entries
            ):
                raise _unknown()
            if any(
                n.lower().endswith(("vbaproject.bin", ".exe", ".dll", ".js")) or n.startswith("Basic/") for n in names
            ):
                raise Refused(
                    _("Ce document contient des macros : enregistrez-le sans macros ou en PDF, puis envoyez-le."),
                    "macros",
                )
            media_type = _office_type(archive, names)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as e:
        raise _unknown() from e
    if media_type is None:
        raise _unknown()
    file.seek(0)
    return Checked(file, media_type)


def _office_type(archive: zipfile.ZipFile, names: set[str]) -> str | None:
    if "[Content_Types].xml" in names:
        for part, kind in (
            ("word/document.xml", "wordprocessingml.document"),
            ("xl/workbook.xml", "spreadsheetml.sheet"),
            ("ppt/presentation.xml", "presentationml.presentation"),
        ):
            if part in names:
                return _OFFICE + kind
    if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
        found = archive.read("mimetype").decode("ascii", "replace").strip()
        if found in ENDINGS and found.startswith(_OPEN):
            return found
    return None


# --- Text -----------------------------------------------------------------------------------------------------------
_MARKUP = re.compile(r"^\s*(<!doctype|<\?xml|<html|<svg|<script|<head|<body|<!--|\{\\rtf)", re.IGNORECASE)


def _text(file: BinaryIO) -> Checked:
    """UTF-8, UTF-16 with its mark, or Windows-1252; kept as UTF-8. Markup is not text: a browser could run it."""
    raw = file.read()
    for encoding in ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        with contextlib.suppress(UnicodeDecodeError):
            text = raw.decode(encoding)
            break
    else:
        raise _unknown()
    if _MARKUP.match(text[:2000]) or any(unicodedata.category(c) == "Cc" and c not in "\r\n\t\f" for c in text):
        raise _unknown()
    return Checked(io.BytesIO(text.encode()), TEXT)


# --- Names ----------------------------------------------------------------------------------------------------------
def clean_name(name: str, media_type: str) -> str:
    """« C:\\photos\\plaie<1>.HTML » to « plaie1.jpg »: no folder, control or direction mark; the real type's ending."""
    name = unicodedata.normalize("NFC", re.split(r"[/\\]", name or "")[-1])
    name = "".join(c for c in name if unicodedata.category(c)[0] != "C" and c not in '<>:"|?*;`$')
    name = re.sub(r"\s+", " ", name).strip(" .")
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 5 or not ending.isalnum():
        stem = name
    stem = stem.strip(" .")[:140] or ("photo" if media_type in PICTURES else "document")
    return stem + ENDINGS[media_type]
