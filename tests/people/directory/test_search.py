import pytest

from cercle.people.directory import geo
from cercle.people.directory.models import Commune, Organization, PracticeRole, Practitioner

pytestmark = pytest.mark.django_db
QUIMPER = (47.9960, -4.1024)


@pytest.fixture
def people(communes):
    places = {c.name: c for c in Commune.objects.all()}

    def person(family, given, profession="60", city="Quimper", **fields):
        home = places[city]
        who = Practitioner.objects.create(family=family, given=given, civility=fields.pop("civility", "MME"))
        return PracticeRole.objects.create(
            practitioner=who,
            profession=profession,
            city=city,
            commune_code=home.code,
            lat=home.lat,
            lon=home.lon,
            **fields,
        )

    return {
        "legall": person("LE GALL-KERVELLA", "Émilie"),
        "legallic": person("LE GALLIC", "Marie", profession="70", city="Brest"),
        "dupont": person("DUPONT", "Jean-Pierre", profession="10", city="Concarneau", specialty="SM04"),
        "etienne": person("ÉTIENNE", "Zoé", city="Pluguffan"),
        "oeuvrard": person("Œuvrard", "Anne", profession="41", profession_system="JDV_J48", city="Brest"),
    }


def found(*args, **kwargs):
    return [r.practitioner.family for r in PracticeRole.objects.search(*args, **kwargs)]


def test_a_name_is_found_without_accents_hyphens_or_order(people):
    assert found("le gall") == ["LE GALL-KERVELLA", "LE GALLIC"]
    assert found("LE GALL KERVELLA emilie") == ["LE GALL-KERVELLA"]
    assert found("Émilie Le Gall-Kervella") == ["LE GALL-KERVELLA"]
    assert (
        found("jean pierre dupont") == ["DUPONT"] and found("etienne") == ["ÉTIENNE"] and found("oeuvr") == ["Œuvrard"]
    )


def test_a_misspelt_name_is_found(people):
    assert (
        found("dupond") == ["DUPONT"]
        and "LE GALL-KERVELLA" in found("legal kervela")
        and found("oeuvrart") == ["Œuvrard"]
    )
    assert found("xyzxyz") == [] and found("qq") == []


def test_filters_add_up(people):
    assert found(profession="60") == ["ÉTIENNE", "LE GALL-KERVELLA"]
    assert found(profession="JDV_J48:41") == ["Œuvrard"] and found(profession="TRE_G15:41") == []
    assert found("le gall", profession="70") == ["LE GALLIC"] and found("le gall", commune="29232") == [
        "LE GALL-KERVELLA"
    ]
    assert found(specialty="SM04", commune="29039") == ["DUPONT"] and found(specialty="SM04", commune="29232") == []


def test_the_nearest_come_first_and_none_beyond(people):
    near = PracticeRole.objects.search(near=QUIMPER, km=30)
    assert [r.practitioner.family for r in near] == ["LE GALL-KERVELLA", "ÉTIENNE", "DUPONT"]
    for role in near:
        assert role.distance == pytest.approx(geo.distance_km(*QUIMPER, role.lat, role.lon), abs=0.01)
    assert found("gall", near=QUIMPER, km=30) == ["LE GALL-KERVELLA"] and found("oeuvrard", near=QUIMPER, km=10) == []


def test_numbers_find_their_holder(people):
    Practitioner.objects.filter(family="DUPONT").update(rpps="99000000010")
    assert found("99000000010") == ["DUPONT"] and found("99000000028") == []
    Organization.objects.create(name="CHU", finess="010780195", siret="26010004500012")
    assert [o.name for o in Organization.objects.search("010780195")] == ["CHU"]
    assert [o.name for o in Organization.objects.search("26010004500012")] == ["CHU"]


def test_ended_situations_are_not_found(people, django_assert_num_queries):
    PracticeRole.objects.filter(practitioner__family="DUPONT").update(ended_at="2026-01-01T00:00Z")
    assert found("dupont") == []


def test_the_number_of_statements_does_not_grow(people, django_assert_max_num_queries):
    with django_assert_max_num_queries(1):
        assert len({r.organization_id for r in PracticeRole.objects.search("le gall")}) == 1
    with django_assert_max_num_queries(1):
        PracticeRole.objects.search(profession="60")
    with django_assert_max_num_queries(6):  # savepoint, threshold, look-up, release
        PracticeRole.objects.search("dupomd")
    with django_assert_max_num_queries(4):
        PracticeRole.objects.search(near=QUIMPER, km=50)


def test_structures_by_word_kind_and_place(communes):
    make = Organization.objects.create
    make(
        name="CHIC QUIMPER",
        long_name="CENTRE HOSPITALIER DE CORNOUAILLE",
        category="355",
        commune_code="29232",
        lat=48.0,
        lon=-4.1,
    )
    make(name="PHARMACIE DU PORT", category="620", commune_code="29039", lat=47.87, lon=-3.92)
    make(name="CABINET INFIRMIER DE LA MADELEINE", sector="SA08", commune_code="29232", lat=48.0, lon=-4.1)
    make(name="ANCIENNE CLINIQUE", category="365", closed_on="2001-01-01")

    def names(*args, **kwargs):
        return [o.name for o in Organization.objects.search(*args, **kwargs)]

    assert (
        names("chic") == ["CHIC QUIMPER"]
        and names("cornouaille") == ["CHIC QUIMPER"]
        and names("pharmacie port") == ["PHARMACIE DU PORT"]
    )
    assert names("madelaine") == ["CABINET INFIRMIER DE LA MADELEINE"] and names("ancienne") == []
    assert names(kind="pharmacy") == ["PHARMACIE DU PORT"] and names(kind="practice") == [
        "CABINET INFIRMIER DE LA MADELEINE"
    ]
    assert names(kind="hospital", near=QUIMPER, km=5) == ["CHIC QUIMPER"] and names(commune="29039") == [
        "PHARMACIE DU PORT"
    ]


def test_communes_by_name_and_postal_code(communes):
    assert [c.code for c in Commune.objects.find("quimp")] == ["29232"]
    assert [c.code for c in Commune.objects.find("29200")] == ["29019"] and Commune.objects.find("99999") == []
    assert Commune.objects.find("") == [] and Commune.objects.find("2") == []
