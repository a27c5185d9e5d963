import pytest

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.care.record import essentials
from cercle.care.record.models import Essential
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from cercle.people.directory.reference import load_codes
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def bruno():
    return make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")))


def joined(acting, role):
    person = make.user(role)
    circles.add_member(acting, practice_role=role, ground="recognised")
    return reach(make_viewer(person, role), acting.circle_id)


@pytest.fixture
def katell(bruno):
    """Home care: nursing and social, nothing medical."""
    return joined(bruno, make.role("Katell", "Riou", profession="318", system="JDV_J48"))


def group(acting, kind):
    return next((g for g in essentials.groups(acting) if g.kind == kind), None)


def test_unknown_and_none_are_two_answers(bruno):
    assert group(bruno, "allergy").none is None and group(bruno, "allergy").rows == []
    essentials.say_none(bruno, kind="allergy")
    assert group(bruno, "allergy").none.author_name == "Bruno Le Bris"


def test_an_allergy_ends_the_word_none_and_forbids_it(bruno):
    essentials.say_none(bruno, kind="allergy")
    essentials.add(bruno, kind="allergy", label="Pénicilline")
    assert group(bruno, "allergy").none is None
    assert [r.label for r in group(bruno, "allergy").rows] == ["Pénicilline"]
    with pytest.raises(Refused, match="Retirez d’abord"):
        essentials.say_none(bruno, kind="allergy")


def test_none_said_twice_is_one_current_row(bruno):
    essentials.say_none(bruno, kind="treatment")
    essentials.say_none(bruno, kind="treatment")
    assert Essential.objects.current().count() == 1


def test_a_change_replaces_and_the_former_words_stay(bruno):
    first = essentials.add(bruno, kind="treatment", label="Insuline lente", detail="18 unités le soir")
    second = essentials.change(bruno, essential=first, label="Insuline lente", detail="20 unités le soir", since="2026")
    first.refresh_from_db()
    assert first.ended_at and first.detail == "18 unités le soir" and second.replaces_id == first.pk
    assert [r.pk for r in essentials.history(bruno, "treatment")] == [second.pk, first.pk]
    assert (
        essentials.change(bruno, essential=second, label="Insuline lente", detail="20 unités le soir", since="2026").pk
        == second.pk
    )


def test_a_row_changed_meanwhile_is_said(bruno):
    first = essentials.add(bruno, kind="treatment", label="Paracétamol")
    essentials.change(bruno, essential=first, label="Paracétamol 1 g")
    with pytest.raises(Refused, match="entre-temps"):
        essentials.change(bruno, essential=first, label="Paracétamol 500 mg")


def test_what_ends_is_no_longer_shown(bruno):
    row = essentials.add(bruno, kind="home", label="Clé chez la voisine")
    essentials.end(bruno, essential=row, reason="déménagement")
    assert group(bruno, "home").rows == []
    assert AuditEvent.objects.filter(action="record.essential_ended", target_id=row.pk).exists()


def test_home_care_reads_the_way_in_and_nothing_medical(bruno, katell):
    essentials.add(bruno, kind="home", label="Code du portail : 1941", detail="Le chien est gentil")
    essentials.add(bruno, kind="allergy", label="Pénicilline")
    assert [g.kind for g in essentials.groups(katell)] == ["home"]
    assert [r.label for r in group(katell, "home").rows] == ["Code du portail : 1941"]
    assert essentials.history(katell, "allergy") == []


def test_home_care_does_not_write_essentials(katell):
    with pytest.raises(Refused, match="profil"):
        essentials.add(katell, kind="home", label="Clé sous le pot")


def test_coordination_reads_medical_without_writing_it(bruno):
    nolwenn = joined(bruno, make.role("Nolwenn", "Le Bris", profession="309", system="JDV_J48"))
    essentials.add(bruno, kind="allergy", label="Pénicilline")
    assert group(nolwenn, "allergy").rows and not group(nolwenn, "allergy").may_write
    assert group(nolwenn, "home").may_write


def test_an_opposition_to_a_category_closes_it_here_too(bruno):
    role = make.role("Erwan", "Kervella", profession="10", civility="M")
    viewer = joined(bruno, role).viewer
    essentials.add(bruno, kind="problem", label="Diabète de type 2")
    circles.oppose(bruno, practitioner=role.practitioner, category="medical")
    assert group(reach(viewer, bruno.circle_id), "problem") is None


def test_a_problem_may_bear_a_code_of_the_loaded_table(bruno):
    load_codes("CIM10", [{"code": "E11", "label": "Diabète sucré de type 2"}], oid="2.16.840.1.113883.6.3")
    assert [c.code for c in essentials.codes("problem", "diabète type")] == ["E11"]
    row = essentials.add(bruno, kind="problem", label="", code="E11")
    assert (row.label, row.code_system) == ("Diabète sucré de type 2", "2.16.840.1.113883.6.3")
    with pytest.raises(Refused, match="pas dans la table"):
        essentials.add(bruno, kind="problem", label="Autre", code="Z99")
