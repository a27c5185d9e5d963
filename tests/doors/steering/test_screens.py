"""The pages: who reads what, the lists behind, what is shared."""

import csv
import io
import zipfile

import pytest
from django.urls import reverse
from django.utils import timezone

from cercle.base.audit.models import AuditEvent
from cercle.base.web import limits
from cercle.care.coordination.models import CoordinationFile
from cercle.doors.steering import forms
from cercle.people.circles.models import Circle
from tests import factories as make

from . import territory

pytestmark = pytest.mark.django_db
DATES = "?p=dates&du=2024-01-01&au=2024-08-01"
SHARED = "?p=2024"  # a year that has ended: what is shared goes by quarters and years


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


def pages(client, dates=DATES):
    for name in ("home", "every", "definitions"):
        yield name, client.get(reverse(f"steering:{name}") + dates)
    yield "one", client.get(reverse("steering:one", args=["dossiers_suivis"]) + dates)


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
    for name, got in pages(client, SHARED):
        assert got.status_code == 200, name
        assert "Famille" not in got.content.decode() and "Nolwenn" not in got.content.decode(), name
    page = client.get(reverse("steering:one", args=["dossiers_suivis"]) + SHARED).content.decode()
    assert "*" in page
    home = client.get(reverse("steering:home") + SHARED + f"&structure={lived.pk}")
    assert home.status_code == 200 and "la région entière" in home.content.decode()
    for address in (SHARED, f"{SHARED}&structure={lived.pk}", f"{SHARED}&partage=1", f"{DATES}&structure={lived.pk}"):
        for part in ("", "&par=level&valeur=2", "&par=referent"):
            assert client.get(reverse("steering:rows", args=["dossiers_suivis"]) + address + part).status_code == 404
    for address in ("?annee=2024", f"?annee=2024&structure={lived.pk}"):
        assert client.get(reverse("steering:report") + address).status_code == 404
    other = make.organization("Cabinet")
    assert client.get(reverse("steering:home") + f"?structure={other.pk}").status_code == 404


def test_who_is_told_no_small_cell_cannot_ask_for_less(client, lived, nolwenn, region):
    """A shorter period, a level, a team, a commune, another day known: what two answers differ by would be a small cell."""
    asked = [
        SHARED, "?p=2024&niveau=1", "?p=2024&commune=29232", "?p=2024&connu=2024-03-01", "?p=2024&du=2024-01-02&au=2024-01-03",
    ]  # fmt: skip
    for person, more in ((region, ""), (nolwenn, "&partage=1")):
        client.force_login(person)
        told = [client.get(reverse("steering:export", args=["csv"]) + address + more) for address in asked]
        limits.forget("export/60", f"user {person.pk}")
        assert {got.status_code for got in told} == {200} and len({got.content for got in told}) == 1
        days = client.get(reverse("steering:export", args=["csv"]) + "?p=dates&du=2024-01-02&au=2024-01-03" + more)
        period = rows_of(days)[1][7:9]
        assert period == [
            str(day)
            for day in (
                forms.shared_periods(timezone.localdate())[0][2].start,
                forms.shared_periods(timezone.localdate())[0][2].end,
            )
        ]
        limits.forget("export/60", f"user {person.pk}")


def test_pages_and_exports_of_a_year_tell_the_same_cells_as_its_quarters(client, lived, nolwenn):
    """Told in one place and hidden in another is told."""
    client.force_login(nolwenn)
    told: dict = {}
    for period in ("2024", "2024-1", "2024-2"):
        for got in (
            exported(client, nolwenn, f"?p={period}&partage=1"),
            exported(client, nolwenn, f"?p={period}&partage=1&comparer=an"),
        ):
            for line in got[1:]:
                told.setdefault((*line[:4], *line[7:9]), set()).add(line[5])
    assert {key: values for key, values in told.items() if len(values) > 1} == {}
    by_level = {
        key[3]: values
        for key, values in told.items()
        if key[0] == "Entrées" and key[2] == "Niveau" and key[4:] == ("2024-01-01", "2024-12-31")
    }
    assert by_level["1 Information"] == {"*"} and by_level["2 Appui"] == {"*"}


def exported(client, person, address: str) -> list[list[str]]:
    got = client.get(reverse("steering:export", args=["csv"]) + address)
    limits.forget("export/60", f"user {person.pk}")
    return rows_of(got)


def test_a_name_is_no_formula(client, lived, nolwenn):
    lived.teams.create(name="=HYPERLINK(1)")
    CoordinationFile.objects.filter(organization=lived).update(team=lived.teams.get())
    client.force_login(nolwenn)
    names = {line[3] for line in exported(client, nolwenn, DATES)}
    assert "'=HYPERLINK(1)" in names and not any(name.startswith(("=", "+", "-", "@", "\t", "\r")) for name in names)


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
    shared = rows_of(client.get(reverse("steering:export", args=["csv"]) + SHARED + "&partage=1"))
    level = {r[3]: r[5] for r in shared if r[0] == "Dossiers suivis" and r[2] == "Niveau"}
    assert level == {"1 Information": "*", "2 Appui": "*"}
    assert not any("Nolwenn" in cell for line in shared for cell in line)
    limits.forget("export/60", f"user {nolwenn.pk}")
    book = client.get(reverse("steering:export", args=["xlsx"]) + DATES)
    assert zipfile.ZipFile(io.BytesIO(book.content)).testzip() is None
    client.force_login(region)
    assert "*" in client.get(
        reverse("steering:export", args=["csv"]) + SHARED + f"&structure={lived.pk}"
    ).content.decode("utf-8-sig")
    assert client.get(reverse("steering:export", args=["pdf"])).status_code == 404


def test_the_yearly_report_is_a_tagged_pdf_without_a_name(client, lived, nolwenn):
    client.force_login(nolwenn)
    got = client.get(reverse("steering:report") + "?annee=2024")
    assert got.status_code == 200 and got.content.startswith(b"%PDF-")
    assert b"/MarkInfo" in got.content or b"/StructTreeRoot" in got.content
    assert client.get(reverse("steering:report") + "?annee=1900").status_code == 404
