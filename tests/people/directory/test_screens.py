"""The screens, through the test client: signed in by session, as the other apps' tests do."""

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from cercle.base.audit.models import AuditEvent
from cercle.people.directory.models import DirectoryReport, Organization, PracticeRole, Practitioner, Team, TeamMember

pytestmark = pytest.mark.django_db


@pytest.fixture
def users():
    make = get_user_model().objects.create_user
    return {
        kind: make(f"{kind}@example.org", "une phrase assez longue", kind=kind) for kind in ("professional", "operator")
    }


@pytest.fixture
def as_(client, users):
    def sign_in(kind):
        client.force_login(users[kind])
        return client

    return sign_in


@pytest.fixture
def place(communes):
    ssiad = Organization.objects.create(
        name="SSIAD DE QUIMPER", category="354", category_label="SSIAD", commune_code="29232", city="Quimper", finess="290000017",
        postal_code="29000", address="1 RUE DU PORT", phone="0298000000", lat=47.996, lon=-4.1024, source="finess",
    )  # fmt: skip
    who = Practitioner.objects.create(family="TANGUY", given="MAËLLE", civility="MME", rpps="99000000010")
    role = PracticeRole.objects.create(
        practitioner=who, organization=ssiad, profession="60", mode="L", city="Quimper", commune_code="29232", phone="0298111111",
        mss="maelle.tanguy@test.mssante.fr", lat=47.996, lon=-4.1024,
    )  # fmt: skip
    return ssiad, who, role


def test_nobody_reads_the_directory_without_signing_in(client, place):
    for url in (
        reverse("directory:search"),
        reverse("directory:person", args=[place[1].pk]),
        reverse("directory:reports"),
    ):
        assert client.get(url).status_code in (302, 403, 404)


def test_search_shows_people_and_is_traced_without_what_was_typed(as_, place):
    client = as_("professional")
    assert "Qui cherchez-vous" in client.get(reverse("directory:search")).content.decode()
    page = client.post(reverse("directory:search"), {"q": "tangui", "commune": "29000", "km": "10"}).content.decode()
    assert "Maëlle Tanguy" in page and "Infirmière libérale" in page
    event = AuditEvent.objects.get(action="directory.searched")
    assert place[2].pk in event.shown and "tangui" not in str(event.details)
    fragment = client.post(
        reverse("directory:search"), {"q": "tanguy"}, headers={"HX-Request": "true"}
    ).content.decode()
    assert fragment.lstrip().startswith("<section") and "Maëlle Tanguy" in fragment and "<html" not in fragment
    page = client.post(reverse("directory:search"), {"what": "structures", "kind": "ssiad"}).content.decode()
    assert "SSIAD de Quimper" in page
    assert "Commune inconnue" in client.post(reverse("directory:search"), {"commune": "nullepart"}).content.decode()


@pytest.mark.parametrize(
    "data", [{"profession": "x"}, {"km": "999"}, {"q": "é" * 5000}, {"what": "nothing"}, {"q": "' or 1=1 %_\\"}]
)
def test_odd_searches_get_a_page(as_, place, data):
    assert as_("professional").post(reverse("directory:search"), data).status_code == 200


def test_a_person_and_a_structure_have_their_page(as_, place, django_assert_max_num_queries):
    ssiad, who, role = place
    team = Team.objects.create(organization=ssiad, name="Équipe Sud")
    TeamMember.objects.create(team=team, practice_role=role)
    client = as_("professional")
    with django_assert_max_num_queries(12):
        page = client.get(reverse("directory:person", args=[who.pk])).content.decode()
    assert "maelle.tanguy@test.mssante.fr" in page and "99000000010" in page and "Équipe Sud" in page
    assert "Signaler une erreur" in page
    with django_assert_max_num_queries(14):
        page = client.get(reverse("directory:structure", args=[ssiad.pk])).content.decode()
    assert "290000017" in page and "Maëlle Tanguy" in page and "Équipe Sud" in page and "Créer l’équipe" not in page


def test_the_number_of_statements_does_not_depend_on_the_number_of_people(as_, place, django_assert_max_num_queries):
    ssiad, _who, role = place
    team = Team.objects.create(organization=ssiad, name="Grande")
    for i in range(25):
        person = Practitioner.objects.create(family=f"P{i}")
        one = PracticeRole.objects.create(practitioner=person, organization=ssiad, profession="60")
        TeamMember.objects.create(team=team, practice_role=one)
    client = as_("professional")
    with django_assert_max_num_queries(14):
        client.get(reverse("directory:structure", args=[ssiad.pk]))
    with django_assert_max_num_queries(10):
        client.post(reverse("directory:search"), {"q": "p"})


def test_an_error_goes_to_the_operator_and_comes_back(as_, users, place):
    _ssiad, _who, role = place
    url = reverse("directory:report", args=["situations", role.pk])
    client = as_("professional")
    assert client.get(url).status_code == 200
    assert client.post(url, {"field": "phone", "text": "  "}).status_code == 422
    client.post(url, {"field": "phone", "proposed": "0298222222", "text": "Ancien numéro"})
    assert "0298222222" in client.get(reverse("directory:my_reports")).content.decode()
    report = DirectoryReport.objects.get()
    assert client.get(reverse("directory:reports")).status_code == 403
    assert client.post(reverse("directory:answer", args=[report.pk]), {"status": "corrected"}).status_code == 403
    client = as_("operator")
    assert "Ancien numéro" in client.get(reverse("directory:reports")).content.decode()
    page = client.get(reverse("directory:answer", args=[report.pk])).content.decode()
    assert "0298111111" in page
    assert (
        client.post(reverse("directory:answer", args=[report.pk]), {"status": "refused", "answer": ""}).status_code
        == 422
    )
    client.post(
        reverse("directory:answer", args=[report.pk]),
        {"status": "corrected", "value": "0298222222", "answer": "Merci !"},
    )
    role.refresh_from_db()
    assert role.phone == "0298222222"
    page = as_("professional").get(reverse("directory:my_reports")).content.decode()
    assert "Merci !" in page and "Corrigé" in page


def test_teams_are_kept_by_those_who_administer_the_structure(as_, users, place):
    ssiad, _who, role = place
    url = reverse("directory:create_team", args=[ssiad.pk])
    assert as_("professional").post(url, {"name": "X"}).status_code == 403
    client = as_("operator")
    client.post(url, {"name": "Équipe Nord"})
    team = Team.objects.get()
    client.post(reverse("directory:add_member", args=[team.pk]), {"role": str(role.pk)})
    assert team.members.count() == 1
    assert client.post(reverse("directory:add_member", args=[team.pk]), {"role": "x"}).status_code == 404
    client.post(reverse("directory:end_member", args=[team.members.get().pk]))
    client.post(reverse("directory:close_team", args=[team.pk]))
    team.refresh_from_db()
    assert team.closed_at is not None and client.get(url).status_code == 405
    from cercle.people.accounts.models import StructureAdmin

    StructureAdmin.objects.create(user=users["professional"], organization=ssiad)
    assert as_("professional").post(url, {"name": "Équipe Sud"}).status_code == 302
    assert Team.objects.open().get().name == "Équipe Sud"
