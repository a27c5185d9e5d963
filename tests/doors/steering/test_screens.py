"""The pages: who reads what, the lists behind, what is shared."""

import csv
import io
import zipfile

import pytest
from django.urls import reverse

from cercle.base.audit.models import AuditEvent
from cercle.base.web import limits
from cercle.care.coordination.models import CoordinationFile
from cercle.people.circles.models import Circle
from tests import factories as make

from . import territory

pytestmark = pytest.mark.django_db
DATES = "?p=dates&du=2024-01-01&au=2024-08-01"


@pytest.fixture
def lived(dac, nolwenn):
    files = [
        {"opened": n * 9, "known": n * 9, "level": 1 if n == 0 else 2, "changes": []} for n in range(7)
    ]  # fmt: skip
    sheets = [
        {"file": n % 7, "at": n * 3 + 60, "known": n * 3 + 60, "act": "call", "minutes": 20, "withdrawn": None}
        for n in range(12)
    ]
    territory.load(files, sheets, dac, nolwenn.last_context, make.viewer(nolwenn.last_context, nolwenn))
    return dac


@pytest.fixture
def region(db):
    return make.user(kind="operator", email="region@exemple.fr")


def pages(client):
    for name in ("home", "every", "definitions"):
        yield name, client.get(reverse(f"steering:{name}") + DATES)
    yield "one", client.get(reverse("steering:one", args=["dossiers_suivis"]) + DATES)


def test_the_structure_reads_its_figures_and_their_lists(client, lived, nolwenn):
    client.force_login(nolwenn)
    for name, got in pages(client):
        assert got.status_code == 200, name
    page = client.get(reverse("steering:one", args=["dossiers_suivis"]) + DATES).content.decode()
    assert "Nolwenn Le Bris" in page and "Aucune" not in page
    got = client.get(reverse("steering:rows", args=["dossiers_suivis"]) + DATES + "&par=level&valeur=2")
    assert got.content.decode().count("row-title") == 6
    assert AuditEvent.objects.filter(action="steering.list_read").exists()


def test_a_filter_and_a_past_date_are_taken(client, lived, nolwenn):
    client.force_login(nolwenn)
    page = client.get(reverse("steering:home") + DATES + "&niveau=2&connu=2024-02-01&comparer=an&vue=tableau")
    assert page.status_code == 200 and "tel que connu" in page.content.decode()
    for nonsense in (
        "?p=dates&du=0001-01-01&au=9999-12-31",
        "?niveau=9&equipe=x&commune=zz&connu=hier&p=%00",
        "?p=dates&du=2024-05-01",
    ):
        assert client.get(reverse("steering:home") + nonsense).status_code == 200, nonsense


def test_the_region_reads_all_figures_and_no_list(client, lived, region):
    client.force_login(region)
    for name, got in pages(client):
        assert got.status_code == 200, name
        assert "Famille" not in got.content.decode() and "Nolwenn" not in got.content.decode(), name
    page = client.get(reverse("steering:one", args=["dossiers_suivis"]) + DATES).content.decode()
    assert "*" in page
    assert client.get(reverse("steering:home") + DATES + f"&structure={lived.pk}").status_code == 200
    assert client.get(reverse("steering:rows", args=["dossiers_suivis"]) + DATES).status_code == 404
    assert (
        client.get(reverse("steering:rows", args=["dossiers_suivis"]) + f"{DATES}&structure={lived.pk}").status_code
        == 404
    )
    other = make.organization("Cabinet")
    assert client.get(reverse("steering:home") + f"?structure={other.pk}").status_code == 404


def test_who_works_elsewhere_finds_nothing(client, lived):
    for person in (make.user(make.role()), make.user(kind="relative")):
        client.force_login(person)
        for name, got in pages(client):
            assert got.status_code == 404, name


def test_a_colleague_without_the_right_is_told_so(client, lived, dac):
    client.force_login(make.user(make.role("Yann", "Morvan", profession="60", mode="S", organization=dac)))
    assert client.get(reverse("steering:home")).status_code == 403


def test_who_refused_the_structure_is_in_the_figure_and_not_in_the_list(client, lived, nolwenn):
    from cercle.people.circles.models import Opposition

    file = CoordinationFile.objects.order_by("opened_at").first()
    circle, _made = Circle.objects.get_or_create(patient=file.patient)
    Circle.objects.filter(pk=circle.pk).update(has_oppositions=True)
    fields = {f.name for f in Opposition._meta.fields}
    values = {"circle": circle, "organization": lived}
    for name, value in (("kind", "organization"), ("said_by", "person"), ("decided_name", "x"), ("author_name", "x")):
        if name in fields:
            values[name] = value
    Opposition.objects.create(**values)
    client.force_login(nolwenn)
    page = client.get(reverse("steering:rows", args=["dossiers_suivis"]) + DATES).content.decode()
    assert page.count("row-title") == 6 and "s’y est opposée" in page
    assert page.count("Famillea") == 0


def rows_of(got):
    return list(csv.reader(io.StringIO(got.content.decode("utf-8-sig")), delimiter=";"))


def test_the_csv_and_the_xlsx_say_the_same_and_share_no_small_cell(client, lived, nolwenn, region):
    client.force_login(nolwenn)
    own = rows_of(client.get(reverse("steering:export", args=["csv"]) + DATES))
    level = {r[3]: r[5] for r in own if r[0] == "Dossiers suivis" and r[2] == "Niveau"}
    assert level == {"1 Information": "1,0", "2 Appui": "6,0"}
    shared = rows_of(client.get(reverse("steering:export", args=["csv"]) + DATES + "&partage=1"))
    level = {r[3]: r[5] for r in shared if r[0] == "Dossiers suivis" and r[2] == "Niveau"}
    assert level == {"1 Information": "*", "2 Appui": "*"}
    assert not any("Nolwenn" in cell for line in shared for cell in line)
    limits.forget("export/60", f"user {nolwenn.pk}")
    book = client.get(reverse("steering:export", args=["xlsx"]) + DATES)
    assert zipfile.ZipFile(io.BytesIO(book.content)).testzip() is None
    client.force_login(region)
    assert "*" in client.get(
        reverse("steering:export", args=["csv"]) + DATES + f"&structure={lived.pk}"
    ).content.decode("utf-8-sig")
    assert client.get(reverse("steering:export", args=["pdf"])).status_code == 404


def test_the_yearly_report_is_a_tagged_pdf_without_a_name(client, lived, nolwenn):
    client.force_login(nolwenn)
    got = client.get(reverse("steering:report") + "?annee=2024")
    assert got.status_code == 200 and got.content.startswith(b"%PDF-")
    assert b"/MarkInfo" in got.content or b"/StructTreeRoot" in got.content
    assert client.get(reverse("steering:report") + "?annee=1900").status_code == 404
