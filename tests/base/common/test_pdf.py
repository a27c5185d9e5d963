"""The printed notebook: whole, tagged, and deaf to what people type."""

import io
import random
import re
import subprocess
import unicodedata

import pypdf
import pytest
from PIL import Image

from cercle.base.common import pdf
from cercle.base.common.errors import Refused


def picture(kind="WEBP", colour=(200, 150, 120)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(out, kind)
    return out.getvalue()


def note(**more):
    return {"kind": "note", "time": "8 h 52", "author": "Nolwenn Le Bris", "role": "coordinatrice DAC", "type": "Transmission",
            "urgency": "", "text": "Rien à signaler.", **more}  # fmt: skip


def data(*items, **more):
    return {
        "title": "Cahier de liaison", "region": "Région de démonstration", "running": "Yvonne LE GALL",
        "patient": {"name": "Yvonne LE GALL", "birth_name": "née Quéméneur", "born": "12 avril 1941", "sex": "Femme"},
        "period": "du 1er février au 5 mars 2026", "asked_by": "Maëlle Tanguy", "asked_at": "jeudi 5 mars 2026 à 10 h 42",
        "days": [{"label": "Jeudi 5 mars 2026", "items": list(items)}] if items else [], **more,
    }  # fmt: skip


def read(content: bytes) -> tuple[pypdf.PdfReader, str]:
    reader = pypdf.PdfReader(io.BytesIO(content))
    return reader, "\n".join(p.extract_text() for p in reader.pages)


def flat(text: str) -> str:
    return re.sub(r"\s+", "", text.replace("\u200b", ""))


def test_a_notebook_prints_what_it_is_given():
    content = pdf.render(
        "notebook.typ",
        data(
            note(
                urgency="urgent", urgency_label="Urgent", text="Sortie confirmée.\n\nLit livré ?\nOui.",
                measures=[{"name": "Poids", "value": "74,1", "unit": "kg", "remark": "stable"}],
                photos=[{"image": picture(), "alt": "Plaie", "caption": "Malléole"}, {"image": picture("JPEG"), "alt": ""}],
                files=["Ordonnance.pdf"], replies=[{"author": "Dr Kervella", "role": "médecin", "time": "9 h", "text": "Vu."}],
                state="corrected", state_text="Corrigée à 9 h 10", receipts="Lu par 6 sur 8",
                earlier=[{"when": "5 mars", "author": "Nolwenn Le Bris", "text": "Sortie prévue."}],
            ),
            {"kind": "event", "time": "11 h 26", "text": "Entrée au CH de Quimper", "source": "annoncé par l’hôpital"},
        ),
    )  # fmt: skip
    reader, text = read(content)
    for said in ("Yvonne LE GALL", "Sortie confirmée.", "Lit livré ?", "74,1", "Dr Kervella", "Corrigée", "Sortie prévue", "Urgent",
                 "Entrée au CH de Quimper", "Malléole", "page 1 sur 1", "Ordonnance.pdf", "Maëlle Tanguy"):  # fmt: skip
        assert flat(said) in flat(text), said
    assert len(reader.pages[0].images) == 2


def test_the_document_is_tagged_titled_and_in_french():
    reader, _text = read(pdf.render("notebook.typ", data(note())))
    root = reader.trailer["/Root"]
    assert root["/Lang"].startswith("fr")
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert reader.metadata.title == "Cahier de liaison"
    said = reader.xmp_metadata.rdf_root.toxml()
    assert re.search(r"pdfuaid:part[=>\"]*1", said) and re.search(r"pdfaid:part[=>\"]*2", said)


def test_headings_tables_and_pictures_have_their_tags():
    measures = [{"name": "Poids", "value": "74", "unit": "kg", "remark": ""}]
    photos = [{"image": picture(), "alt": "La plaie, de face"}]
    reader, _text = read(pdf.render("notebook.typ", data(note(measures=measures, photos=photos))))
    kinds, alts = [], []

    def walk(element):
        element = element.get_object()
        if isinstance(element, list):
            for e in element:
                walk(e)
        elif isinstance(element, dict):
            kinds.append(element.get("/S"))
            alts.append(element.get("/Alt"))
            if "/K" in element:
                walk(element["/K"])

    walk(reader.trailer["/Root"]["/StructTreeRoot"])
    assert {"/H1", "/H2", "/Table", "/TH", "/TD", "/Figure"} <= set(kinds)
    assert "La plaie, de face" in alts


def test_an_empty_period_says_so():
    _reader, text = read(pdf.render("notebook.typ", data(empty="Rien n’a été écrit pendant cette période.")))
    assert flat("Rien n’a été écrit") in flat(text)


def test_a_document_without_a_title_is_a_mistake_of_ours():
    with pytest.raises(ValueError, match="title"):
        pdf.render("notebook.typ", data(title="  "))


HOSTILE = [
    '#panic("x")', "#read(\"/etc/passwd\")", "$ x^2 $ *gras* _it_ `code` = titre @ref <label> \\ #let x = 1", '"]; #eval("1")',
    "\x00\x07\x1b[31m\u202eretourné\u2066x\u2069", "\ud800 seul", "😀👨‍👩‍👧 ❤️ 🏥", "שלום עולם مرحبا é", "日本語 中文", "\u0300\u0301\u0302a",
    "A" * 5000, "mot " * 3000, "\n" * 500, "{{7*7}} ${x} %s <script>", "\ufeff\u200b\u200d", "\u202f\u2011 12\u202f000", "a\u2028b\u2029c",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_printed_as_text(text):
    everywhere = data(
        note(text=text, author=text[:60] or "x", type=text[:30], state_text=text[:50], files=[text[:40]],
             measures=[{"name": text[:20], "value": text[:10], "unit": text[:5], "remark": text[:50]}],
             replies=[{"author": text[:20], "role": "", "time": "", "text": text}]),
        title="Cahier " + text[:30], running=text[:50], period=text[:40],
    )  # fmt: skip
    everywhere["patient"]["name"] = text[:40] or "x"
    content = pdf.render("notebook.typ", everywhere)
    reader, shown = read(content)
    assert reader.pages
    assert "root:" not in shown
    if text.startswith("#"):
        assert flat(text)[:12] in flat(shown)


def test_any_mixture_of_scripts_gives_a_document_or_a_sentence():
    draw = random.Random(7)
    printable = sorted(pdf._printable()[1])
    for _round in range(60):
        pool = printable if draw.random() < 0.6 else [chr(draw.randrange(1, 0x1FFFF)) for _ in range(60)]
        text = "".join(draw.choice(pool) for _ in range(draw.randrange(1, 200)))
        text = "".join(c for c in text if unicodedata.category(c) != "Cs")
        try:
            assert pdf.render("notebook.typ", data(note(text=text))).startswith(b"%PDF")
        except Refused:
            pytest.fail(ascii(text))


def test_an_unknown_character_is_seen_not_lost():
    assert pdf.clean("dort bien 😀👍 ce matin") == "dort bien □ ce matin"
    assert pdf.clean("12\u202f000 œdème\u2011s\x00") == "12\u00a0000 œdème-s"


def test_a_word_without_end_stays_on_the_page():
    _reader, shown = read(pdf.render("notebook.typ", data(note(text="B" * 900))))
    assert flat(shown).count("B") >= 900


def test_a_template_reads_no_file_of_the_server(tmp_path):
    bad = tmp_path / "bad.typ"
    bad.write_text('#set document(title: "x")\n#read("/../../etc/passwd")\n#read("../../../etc/passwd")')
    with pytest.raises(Refused):
        pdf.render(bad, {"title": "x"})


def test_a_picture_that_is_none_is_left_out():
    photos = [{"image": b"not a picture", "alt": "x"}]
    reader, _text = read(pdf.render("notebook.typ", data(note(photos=photos))))
    assert not reader.pages[0].images


def test_many_notes_make_many_numbered_pages():
    reader, text = read(pdf.render("notebook.typ", data(*(note(text=f"Passage {i}. " * 20) for i in range(120)))))
    n = len(reader.pages)
    assert n > 5
    assert flat(f"page {n} sur {n}") in flat(text)


def test_the_log_never_quotes_what_people_wrote(caplog, monkeypatch):
    monkeypatch.setattr(pdf, "clean", lambda text, allowed=None: text)
    with pytest.raises(Refused):
        pdf.render("notebook.typ", data(note(text="secret 日本")))
    assert "secret" not in caplog.text and "日" not in caplog.text


def test_the_sample_looks_like_a_page(tmp_path):
    """Rendered by another program: fonts are inside, text is not blank."""
    (tmp_path / "x.pdf").write_bytes(pdf.render("notebook.typ", data(note())))
    try:
        done = subprocess.run(["pdffonts", tmp_path / "x.pdf"], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("poppler-utils is not installed")
    assert "Atkinson" in done.stdout
    assert all(line.split()[-5] == "yes" for line in done.stdout.splitlines()[2:])
