import pytest
from django.db import connection

from cercle.people.patients import actions, search
from cercle.people.patients.models import Identity, Patient
from cercle.people.patients.names import squeeze
from tests.people.patients.test_statuses import DARK, DARK_INS, answer

pytestmark = pytest.mark.django_db

PEOPLE = {
    "legall": {
        "birth_family": "LE GALL",
        "birth_given": "JEANNE",
        "birth_date": "12/04/1941",
        "used_family": "Kervella",
    },
    "gall": {"birth_family": "GALL", "birth_given": "YVES", "sex": "M", "birth_date": "1939", "used_family": ""},
    "artagnan": {
        "birth_family": "D'ARTAGNAN DE L'HERAULT",
        "birth_given": "PIERRE-ALAIN",
        "sex": "M",
        "used_family": "",
    },
    "emile": {"birth_family": "PÉRON", "birth_given": "ÉMILE", "sex": "M", "birth_date": "04/1950", "used_family": ""},
    "zoe": {
        "birth_family": "GUIVARCH",
        "birth_given": "ZOE",
        "birth_date": "03/1990",
        "used_given": "Zoé",
        "used_family": "",
    },
}


@pytest.fixture
def people(make_patient):
    return {name: make_patient(**{"birth_givens": "", **traits}) for name, traits in PEOPLE.items()}


@pytest.fixture
def find(people):
    names = {p.pk: name for name, p in people.items()}

    def found(text, among=None):
        ids = None if among is None else [people[name].pk for name in among]
        return [names[p.pk] for p in search.find(text, among=ids)]

    return found


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("le gall", {"legall", "gall"}),
        ("legall", {"legall"}),
        ("LE-GALL", {"legall", "gall"}),
        ("Gall", {"legall", "gall"}),
        ("kervel", {"legall"}),
        ("kervella jeanne", {"legall"}),
        ("jeanne kervella", {"legall"}),
        ("jeanne le gall", {"legall"}),
        ("le gall jea", {"legall"}),
        ("peron emile", {"emile"}),
        ("Emile Péron", {"emile"}),
        ("dartagnan", {"artagnan"}),
        ("D’Artagnan de l’Hérault", {"artagnan"}),
        ("pierre alain", {"artagnan"}),
        ("zoé", {"zoe"}),
        ("gall 1939", {"gall"}),
        ("le gall 12/04/1941", {"legall"}),
        ("le gall 13/04/1941", set()),
        ("12/04/1941", {"legall", "artagnan"}),
        ("04/1950", {"emile"}),
        ("1939", {"gall"}),
        ("guivarc 1990", {"zoe"}),
        ("gyvarch 03/1990", {"zoe"}),  # a slip of the pen is forgiven with the birth date
        ("gyvarch", set()),  # and not over the whole territory without it
        ("inconnu", set()),
        ("", set()),
        ("%", set()),
        ("g", set()),
    ],
)
def test_the_territory_is_searched_by_the_beginning_of_names_and_by_birth_date(find, typed, expected):
    assert set(find(typed)) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("herault", {"artagnan"}),
        ("vella", {"legall"}),
        ("gyvarch", {"zoe"}),
        ("kerveila", {"legall"}),
        ("gall", {"legall", "gall"}),
    ],
)
def test_among_mine_a_part_of_the_name_or_a_slip_is_enough(find, typed, expected):
    assert set(find(typed, among=PEOPLE)) == expected


def test_nobody_outside_the_set_is_found(find):
    for typed in ("le gall", "1939", "12/04/1941", "gyvarch 03/1990", "kerveila"):
        assert find(typed, among=["emile"]) == []


def test_a_matricule_finds_its_holder_with_or_without_key_and_spaces(clerk, make_patient):
    patient = make_patient(**DARK)
    assert search.find(DARK_INS[0]) == []
    actions.recover_ins(clerk, patient=patient, answer=answer())
    for typed in (DARK_INS[0], DARK_INS[0][:13], "2 60 05 88 154 002 33"):
        assert [p.pk for p in search.find(typed)] == [patient.pk]
    assert search.find(DARK_INS[0], among=[]) == []
    assert [p.pk for p in search.find(DARK_INS[0], among=[patient.pk])] == [patient.pk]


def test_a_hospital_number_finds_its_patient(clerk, someone):
    patient = someone()
    actions.add_identifier(clerk, patient=patient, kind="IPP", system="1.2.3", value="IPP-000777")
    assert [p.pk for p in search.find("IPP-000777")] == [patient.pk]


def test_a_merged_file_is_found_through_its_survivor(clerk, make_patient, someone):
    survivor, merged = someone(), make_patient()
    actions.merge(clerk, survivor=survivor, merged=merged, reason="x")
    assert [p.pk for p in search.find("le gall")] == [survivor.pk]
    assert search.find("le gall", among=[merged.pk]) == []


def test_the_former_name_no_longer_finds(clerk, make_patient, traits):
    patient = make_patient()
    actions.update_identity(clerk, patient=patient, traits=traits(birth_family="PENVERN"))
    assert search.find("le gall") == []
    assert [p.pk for p in search.find("penvern")] == [patient.pk]


@pytest.mark.parametrize("name", ["Le Gall", "D’Æion-Müller", "ŒUVRE", "O'Neil  de la Tour", "ÇAĞLAR"])
def test_python_and_the_database_squeeze_alike(make_patient, name):
    identity = make_patient(birth_given="A", birth_givens="", used_family=name, used_given="B").identity
    identity.refresh_from_db()
    assert identity.used_key == squeeze(name) + "b"


def test_lists_sort_as_people_expect(people):
    names = [p.identity.family for p in Patient.objects.with_identity().by_name()]
    assert names == ["D'ARTAGNAN DE L'HERAULT", "GALL", "GUIVARCH", "Kervella", "PERON"]


def test_each_search_walks_an_index(make_patient):
    make_patient()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("SET LOCAL enable_sort = off")  # three rows: any other index read whole would do too
    current = Identity.objects.current()
    for rows, index in [
        (search.by_ins(DARK_INS[0]), "identity_ins_one_holder"),
        (current.filter(used_key__startswith="legall").order_by("used_key")[:20], "identity_used_key"),
        (current.filter(birth_key_rev__startswith="jeanne").order_by("birth_key_rev")[:20], "identity_birth_key_rev"),
    ]:
        plan = rows.explain()
        assert index in plan and "Index Cond" in plan, plan
