"""A structure's own pages: its colleagues read, its administrators change, others see nothing."""

import re
from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from cercle.base.common.errors import Refused
from cercle.care.agenda.models import Calendar
from cercle.care.structures import actions, map
from cercle.care.structures.models import Partner, StructureDocument
from cercle.people.accounts.models import Invitation, StructureAdmin
from cercle.people.directory import actions as directory
from cercle.people.directory.models import Commune, Organization, Team, TeamTerritory
from cercle.people.directory.queries import covering, team_for
from tests import factories as make

pytestmark = pytest.mark.django_db
COORDINATOR = {"profession": "42", "system": "JDV_J48", "function": "330"}


@pytest.fixture(autouse=True)
def plain(settings, tmp_path):
    settings.MFA_REQUIRED = False
    settings.FILES_ROOT = tmp_path / "files"
    for code, name, lat, lon, people in (
        ("29170", "Plomelin", 47.93, -4.15, 4200), ("29232", "Quimper", 47.99, -4.10, 63000), ("29039", "Concarneau", 47.87, -3.92, 19800),
    ):  # fmt: skip
        Commune.objects.get_or_create(
            code=code,
            kind="COM",
            defaults={"name": name, "lat": lat, "lon": lon, "population": people, "department": "29"},
        )


@pytest.fixture
def dac():
    return make.organization("DAC de Cornouaille", category="606")


@pytest.fixture
def nolwenn(dac):
    """Coordinates, and administers the structure."""
    person = make.user(make.role("Nolwenn", "Le Bris", profession="60", function="330", mode="S", organization=dac))
    StructureAdmin.objects.create(user=person, organization=dac)
    return person


@pytest.fixture
def colleague(dac):
    return make.user(make.role("Yann", "Morvan", profession="60", mode="S", organization=dac))


def at(client, person):
    client.force_login(person)
    return client


def acting_of(person):
    return make.viewer(person.last_context, person)


def test_a_colleague_reads_and_does_not_change(client, colleague, dac):
    at(client, colleague)
    for name in ("home", "staff", "territory"):
        assert client.get(reverse(f"structures:{name}")).status_code == 200, name
    got = client.post(reverse("structures:change", args=["salles"]), {"name": "Salle bleue"})
    assert got.status_code == 403
    assert not Calendar.objects.exists()


def test_someone_without_a_structure_finds_nothing(client):
    at(client, make.user(make.role()))
    assert client.get(reverse("structures:home")).status_code == 404
    assert client.post(reverse("structures:change", args=["salles"]), {"name": "x"}).status_code == 404


def test_an_administrator_keeps_rooms_partners_hours_and_papers(client, nolwenn, dac):
    at(client, nolwenn)

    def change(what, **data):
        return client.post(reverse("structures:change", args=[what]), data)

    assert change("salles", name="Salle bleue", seats="12").status_code == 302
    assert change("salles", name="Salle bleue").status_code == 422
    assert change("partenaires", name="CHU", kind="convention", until_on="2020-01-01").status_code == 302
    assert change("informations", presentation="Appui", day0="9h-12h30, 14h-17h").status_code == 302
    assert change("informations", presentation="Appui", day0="neuf heures").status_code == 422
    assert change("documents", title="Procédure", file=SimpleUploadedFile("p.txt", b"Une page.")).status_code == 302
    page = client.get(reverse("structures:home")).content.decode()
    assert (
        "Salle bleue" in page
        and "à renouveler" in page
        and "9\u00a0h\u00a0à\u00a012\u00a0h\u00a030, 14\u00a0h\u00a0à\u00a017\u00a0h" in page
    )
    paper = StructureDocument.objects.get()
    got = client.get(reverse("structures:document", args=[paper.pk]))
    assert got.status_code == 200 and b"".join(got.streaming_content) == b"Une page."
    assert change("fin-partenaire", row=str(Partner.objects.get().pk)).status_code == 302
    assert change("retirer-document", row=str(paper.pk)).status_code == 302
    assert client.get(reverse("structures:document", args=[paper.pk])).status_code == 404


def test_a_room_is_written_once_and_booked_from_the_agenda(client, nolwenn, colleague, dac):
    at(client, nolwenn)
    client.post(
        reverse("structures:change", args=["salles"]),
        {"name": "Salle bleue", "seats": "12", "note": "au rez-de-chaussée"},
    )
    room = Calendar.objects.get()
    day = timezone.localdate() + timedelta(days=2)
    meeting = {"kind": "meeting", "title": "Réunion", "on": day, "at": "09:00", "minutes": 60, "room": str(room.pk)}
    assert "Salle bleue, 12 places" in client.get(reverse("agenda:new")).content.decode()
    assert client.post(reverse("agenda:new"), meeting).status_code == 302
    at(client, colleague)
    refused = client.post(reverse("agenda:new"), meeting | {"title": "Autre", "at": "09:30", "anyway": "1"})
    assert refused.status_code == 422 and "Salle bleue est déjà prise" in refused.content.decode()
    assert client.post(reverse("agenda:choose"), {"also": f"s{room.pk}"}).status_code == 302
    page = client.get("/agenda/", {"date": day.isoformat()}).content.decode()
    assert "Réunion" in page and "moi" in client.session["agenda"]
    at(client, nolwenn)
    assert client.post(reverse("structures:change", args=["fermer-salle"]), {"row": str(room.pk)}).status_code == 302
    said = client.get(reverse("structures:home")).content.decode()
    assert (
        "1 rendez-vous y reste posé" in said
        and "Salle bleue, 12 places" not in client.get(reverse("agenda:new")).content.decode()
    )
    assert (
        client.post(reverse("structures:change", args=["salles"]), {"name": "Salle bleue"}).status_code == 302
    )  # the name is free again


def test_no_two_fields_of_a_page_share_a_name(client, nolwenn):
    at(client, nolwenn)
    for name in ("home", "territory"):
        ids = re.findall(r' id="([^"]+)"', client.get(reverse(f"structures:{name}")).content.decode())
        assert len(ids) == len(set(ids)), name


def test_rows_of_another_structure_do_not_exist(client, nolwenn):
    other = make.organization("DAC voisin", category="606")
    room = Calendar.objects.create(kind="room", organization=other, name="Salle")
    paper = StructureDocument.objects.create(
        organization=other,
        title="t",
        sha256="0" * 64,
        media_type="text/plain",
        size=1,
        file_name="t.txt",
        added_by_name="x",
    )
    at(client, nolwenn)
    assert client.post(reverse("structures:change", args=["fermer-salle"]), {"row": str(room.pk)}).status_code == 404
    assert client.get(reverse("structures:document", args=[paper.pk])).status_code == 404
    theirs = Team.objects.create(organization=other, name="Leur équipe")
    got = client.post(reverse("structures:territory"), {"verb": "give", "team": str(theirs.pk), "communes": "29170"})
    assert got.status_code == 422 and not TeamTerritory.objects.exists()


def test_a_commune_has_one_team_and_keeps_its_history(dac, nolwenn):
    acting = acting_of(nolwenn)
    north, south = make.team(dac, name="Nord"), make.team(dac, name="Sud")
    day = date(2026, 1, 1)
    assert directory.give_territory(acting, team=north, communes=["29170", "29232"], on=day) == 2
    assert directory.give_territory(acting, team=south, communes=["29170"], on=date(2026, 6, 1)) == 1
    assert team_for(dac.pk, "29170", date(2026, 5, 31)) == north
    assert team_for(dac.pk, "29170", date(2026, 6, 1)) == south
    assert team_for(dac.pk, "29232", date(2026, 6, 1)) == north
    assert team_for(dac.pk, "29039", day) is None
    with pytest.raises(Refused):
        directory.give_territory(acting, team=north, communes=["99999"])


def test_who_is_away_is_covered_and_two_who_cover_each_other_keep_their_own(dac, nolwenn):
    acting, day = acting_of(nolwenn), date(2026, 8, 1)
    a, b, c = (make.team(dac, name=n) for n in "ABC")
    directory.give_territory(acting, team=a, communes=["29170"], on=date(2026, 1, 1))
    cover = {"from_on": day, "until_on": day + timedelta(days=20)}
    directory.cover_team(acting, team=a, covered_by=b, **cover)
    assert team_for(dac.pk, "29170", day) == b
    assert team_for(dac.pk, "29170", day + timedelta(days=21)) == a
    directory.cover_team(acting, team=b, covered_by=c, **cover)
    assert team_for(dac.pk, "29170", day) == c
    directory.cover_team(acting, team=c, covered_by=a, **cover)
    assert covering(a, day) == c
    with pytest.raises(Refused):
        directory.cover_team(acting, team=a, covered_by=make.team(make.organization("Ailleurs"), name="X"), **cover)


def test_the_map_and_its_table_say_the_same(client, nolwenn, dac):
    directory.give_territory(acting_of(nolwenn), team=make.team(dac, name="Nord"), communes=["29170", "29232"])
    page = at(client, nolwenn).get(reverse("structures:territory")).content.decode()
    assert page.count("</title></circle>") == 2 and "Plomelin\u00a0: Nord" in page and "<td>29170</td>" in page


def test_communes_are_found_by_code_name_or_department():
    assert actions.communes_named("29170\nQuimper (29)") == ["29170", "29232"]
    assert {"29170", "29232", "29039"} <= set(actions.communes_named("29"))
    with pytest.raises(Refused):
        actions.communes_named("Ville qui n’existe pas")


def test_the_region_opens_a_structure_in_one_page(client, django_capture_on_commit_callbacks):
    operator = make.user(kind="operator", email="region@exemple.fr")
    at(client, operator)
    with django_capture_on_commit_callbacks(execute=True):
        got = client.post(reverse("structures:new"), {
            "name": "DAC du Trégor", "commune": "Plomelin", "team": "Équipe Est", "admin_first_name": "Anna",
            "admin_last_name": "Le Goff", "admin_email": "anna@exemple.fr",
        })  # fmt: skip
    made = Organization.objects.get(name="DAC du Trégor")
    assert got.status_code == 302 and made.category == "606" and made.commune_code == "29170"
    assert made.teams.get().name == "Équipe Est"
    assert Invitation.objects.get(organization=made).makes_admin
    assert "DAC du Trégor" in client.get(reverse("structures:region")).content.decode()


def test_nothing_is_opened_when_the_invitation_is_refused(client):
    at(client, make.user(kind="operator"))
    data = {"name": "DAC A", "admin_first_name": "A", "admin_last_name": "B", "admin_email": "a@exemple.fr"}
    assert client.post(reverse("structures:new"), data).status_code == 302
    made = Organization.objects.get(name="DAC A")
    made.finess = "290000017"
    made.save()
    again = client.post(reverse("structures:new"), data | {"finess": "290000017", "team": "Est"})
    assert again.status_code == 422 and not Team.objects.filter(organization=made).exists()


def test_only_the_operator_opens_structures(client, nolwenn):
    at(client, nolwenn)
    assert client.get(reverse("structures:region")).status_code == 404
    assert client.get(reverse("structures:new")).status_code == 404


def test_those_who_left_stay_named(client, nolwenn, dac):
    make.role("Paul", "Parti", organization=dac, ended_at=timezone.now())
    page = at(client, nolwenn).get(reverse("structures:staff")).content.decode()
    assert "Paul Parti" in page


@given(st.lists(st.tuples(st.floats(41, 51), st.floats(-5, 9), st.integers(0, 10**6)), min_size=1, max_size=30))
def test_every_bubble_is_inside_the_map(points):
    drawn = map.draw((lat, lon, weight, "", "", 0) for lat, lon, weight in points)
    for b in drawn.bubbles:
        assert 0 <= b.x - b.r and b.x + b.r <= drawn.width + 0.2
        assert 0 <= b.y - b.r and b.y + b.r <= drawn.height + 0.6


def test_names_are_not_written_over_each_other_on_the_map():
    near = [
        (47.87, -3.92, 20_000, "Concarneau", "", 0),
        (47.865, -3.85, 7_000, "Trégunc", "", 0),
        (48.0, -4.1, 60_000, "Quimper", "", 0),
    ]
    drawn = map.draw([*near, (47.5, -4.8, 1, "Sein", "", 0)])
    assert [b.name for b in drawn.bubbles] == ["Quimper", "Concarneau", "", "Sein"]


@pytest.mark.parametrize("text", ["12h-9h", "25h-26h", "9h-12h, 11h-14h", "lundi"])
def test_hours_that_do_not_follow_are_refused(text):
    with pytest.raises(Refused):
        actions.read_hours(text)
