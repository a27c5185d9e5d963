"""Ctrl K: what it finds, for whom, and how fast the keyboard gets there."""

import pytest
from django.urls import reverse

from cercle.base.audit.models import AuditEvent
from cercle.care.notebook import actions as notebook
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from tests import factories as make


@pytest.fixture
def bruno(db):
    return make.circle(
        make.viewer(make.role("Bruno", "Le Bris", civility="M", organization=make.organization())),
        used_family="Le Gall",
    )


@pytest.fixture
def ask(client, bruno):
    client.force_login(bruno.user)

    def get(text="", user=None):
        if user:
            client.force_login(user)
        return client.get(reverse("record:palette"), {"q": text})

    return get


def titles(answer) -> dict[str, list[str]]:
    return {code: [o.title for o in options] for code, _label, options in answer.context["groups"]}


def test_a_patient_of_mine_is_found_by_name_and_by_birth_date(ask):
    for text in ("le gall", "legal" if False else "gall", "quém", "12/04/1941"):
        assert titles(ask(text))["patients"] == ["Yvonne LE GALL"], text
    assert "12/04/1941" in ask("gall").content.decode()


def test_somebody_elses_patient_is_not(ask):
    zoe = make.user(make.role("Zoé", "Quidam"))
    assert "patients" not in titles(ask("gall", user=zoe))


def test_people_and_structures_of_the_directory(ask):
    role = make.role("Erwan", "Kervella", profession="10", civility="M")
    found = ask("kerv")
    assert titles(found)["people"] == [role.practitioner.display_name]
    assert reverse("directory:person", args=[role.practitioner_id]) in found.content.decode()
    assert titles(ask("cabinet de la mad"))["structures"] == ["Cabinet de la Madeleine"]


def test_a_misspelt_name_is_found_when_nothing_else_answers(ask):
    make.role("Erwan", "Kervella", profession="10", civility="M")
    assert any("Kervella" in t or "KERVELLA" in t for t in titles(ask("kervela erwan"))["people"])


def test_places_answer_to_the_beginning_of_their_words(ask):
    assert "Annuaire" in titles(ask("annu"))["places"]
    assert "Ouvrir un dossier en urgence" in titles(ask("urg"))["places"]


def test_before_anything_is_typed_the_urgent_ones_come_first(ask, bruno):
    other = make.circle(bruno.viewer, birth_family="Abalain", birth_given="Annick", birth_date="1950-01-01")
    role = make.role("Erwan", "Kervella", profession="10", civility="M")
    circles.add_member(bruno, practice_role=role, ground="recognised")
    erwan = reach(make_viewer(make.user(role), role), bruno.circle_id)
    notebook.add_note(erwan, text="Chute", urgency=2)
    assert titles(ask())["patients"] == ["Yvonne LE GALL", "Annick ABALAIN"]
    assert other.circle_id and "Notifications" in titles(ask())["places"]


def test_nothing_found_still_leads_somewhere(ask):
    page = ask("zzzzqqq").content.decode()
    assert "Rien trouvé pour «\u00a0zzzzqqq\u00a0»" in page and page.count('role="option"') >= 3


def test_a_search_is_traced_without_what_was_typed(ask, bruno):
    ask("gall")
    event = AuditEvent.objects.get(action="record.palette_searched")
    assert (event.kind, event.shown) == ("search", [bruno.circle_id])
    assert "gall" not in str(event.details)


def test_odd_texts_answer_and_are_escaped(ask):
    for text in ("\x00", "%_'\"<script>", "a" * 5000, "1", "１２", "  "):
        answer = ask(text)
        assert answer.status_code == 200 and "<script>" not in answer.content.decode()


def test_a_search_takes_few_statements(ask, django_assert_max_num_queries):
    ask("gall")
    with django_assert_max_num_queries(10):
        ask("gall")


def test_ctrl_k_belongs_to_signed_in_people(client, db):
    assert client.get(reverse("record:palette")).status_code in (302, 401)
