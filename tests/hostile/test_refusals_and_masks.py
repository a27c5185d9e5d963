"""What the person refused, and what an author masked, by every path that could still tell it."""

import pytest
from django.urls import reverse
from django.utils import timezone

from cercle.care.notebook import actions as notebook
from cercle.care.notebook import printing
from cercle.care.notebook import queries as notebook_queries
from cercle.care.notebook.measures import parse
from cercle.care.notebook.models import Note
from cercle.care.record import lists
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from cercle.people.circles.models import Circle, Opposition
from cercle.people.circles.vocabulary import Reader
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return make.circle(make.viewer(make.role("Alice", "Le Goff", profession="10")))


@pytest.fixture
def bruno(alice):
    role = make.role("Bruno", "Le Bris")
    make.join(alice, role)
    return make.viewer(role)


@pytest.fixture
def chloe(alice):
    """Her daughter: reads what carers read."""
    contact = make.contact(alice.patient)
    return make.join(alice, contact=contact, person=make.user(kind="relative"), ground="wish")


def again(acting):
    return reach(acting.viewer, acting.circle_id)


def points(acting):
    """What the trends of the notebook's page are drawn with, for this reader."""
    page = notebook_queries.page(again(acting))
    return [c for e in page.entries if e.kind == "note" for c in e.cells]


# --- Masks --------------------------------------------------------------------------------------------------------------


def test_a_trend_is_not_drawn_with_measures_of_masked_notes(alice, bruno):
    for kilos, hidden in (("70", 0), ("50", Reader.HEALTH), ("71", 0)):
        notebook.add_note(alice, text="pesée", measures=[parse("weight", kilos, "")], hidden=int(hidden))
    seen = repr(points(reach(bruno, alice.circle_id)))
    assert "71" in seen and "70" in seen and "50" not in seen


def test_a_trend_keeps_to_the_categories_one_reads(alice):
    social = make.role("Solenn", "Kerdraon", profession="322", system="JDV_J48")
    make.join(alice, social)
    solenn = reach(make.viewer(social), alice.circle_id)
    notebook.add_note(alice, text="pesée", category="medical", measures=[parse("weight", "51", "")])
    shared = next(iter(set(solenn.readable) & set(alice.writable)))
    notebook.add_note(alice, text="pesée", category=shared, measures=[parse("weight", "70", "")])
    assert "medical" not in solenn.readable
    assert "51" not in repr(points(solenn)) and "70" in repr(points(solenn))


def test_a_former_version_under_another_mask_or_category_is_not_told(alice, bruno):
    note = notebook.add_note(alice, text="avant : zinzolin", hidden=int(Reader.HEALTH))
    notebook.correct_note(alice, note=note, based_on=1, text="après", hidden=0)
    reader = reach(bruno, alice.circle_id)
    data, _shown = printing.notebook(reader, note.written_at.date(), note.written_at.date())
    assert "après" in repr(data) and "zinzolin" not in repr(data)


def test_a_former_version_in_a_category_one_does_not_read_is_not_told(alice, client, settings):
    settings.MFA_REQUIRED = False
    role = make.role("Solenn", "Kerdraon", profession="322", system="JDV_J48")
    person = make.user(role)
    make.join(alice, role)
    solenn = reach(make_viewer(person, role), alice.circle_id)
    shared = next(iter(set(solenn.readable) & set(alice.writable)))
    note = notebook.add_note(alice, text="avant : zinzolin", category="medical")
    notebook.correct_note(alice, note=note, based_on=1, text="après", category=shared)
    make.sign_in(client, person)
    answer = client.get(reverse("notebook:history", args=[alice.circle_id, note.pk]))
    assert answer.status_code == 200 and "zinzolin" not in answer.text
    data, _shown = printing.notebook(solenn, note.written_at.date(), note.written_at.date())
    assert "zinzolin" not in repr(data)


def test_a_masked_note_lights_nothing_and_is_nobodys_last_word(alice, bruno):
    notebook.add_note(alice, text="bonjour")
    notebook.mark_read(reach(bruno, alice.circle_id), up_to=99)
    notebook.add_note(alice, text="entre nous", hidden=int(Reader.HEALTH), urgency=2)
    [mark] = lists.marks(bruno)
    line = lists.lines(bruno, [alice.circle_id])[alice.circle_id]
    assert (mark.unread, mark.urgent, line.unread, line.urgency, line.last_text) == (False, False, 0, 0, "bonjour")
    assert notebook_queries.page(reach(bruno, alice.circle_id)).counts == {"GEN": 1}


# --- Oppositions --------------------------------------------------------------------------------------------------------


def test_an_opposition_to_a_note_covers_its_answers_everywhere(alice, bruno):
    notebook.add_note(alice, text="bonjour")
    root = notebook.add_note(alice, text="sujet délicat")
    answer = notebook.add_note(alice, text="suite délicate", reply_to=root)
    practitioner = bruno.practice_role.practitioner
    circles.oppose(alice, practitioner=practitioner, target_id=root.pk)
    reader = reach(bruno, alice.circle_id)
    assert set(Note.objects.visible_to(reader).values_list("text", flat=True)) == {"bonjour"}
    assert not reader.sees(hidden=0, category=answer.category, target_id=answer.pk)
    assert lists.lines(bruno, [alice.circle_id])[alice.circle_id].last_text == "bonjour"
    assert "délicat" not in repr(printing.notebook(reader, root.written_at.date(), root.written_at.date())[0])


def test_a_closed_team_opens_nothing_even_in_lists(alice):
    role = make.role("Tifenn", "Riou", organization=make.organization("SSIAD"))
    team = make.team(role.organization, role)
    make.join(alice, team=team)
    tifenn = make.viewer(role)
    assert lists.my_circles(tifenn) == [alice.circle_id]
    type(team).objects.filter(pk=team.pk).update(closed_at=timezone.now())
    assert reach(tifenn, alice.circle_id) is None
    assert lists.my_circles(tifenn) == [] and lists.marks(tifenn) == []


def two_files(alice, bruno):
    """Bruno follows both files of the same person; Alice only the first."""
    other = make.circle(make.viewer(make.role("Zoé", "Cariou")), birth_given="Yvonne", birth_date="1941-04-13")
    make.join(other, bruno.practice_role)
    return other


def test_a_refusal_said_in_one_file_holds_in_both_once_they_are_brought_together(alice, bruno):
    other = two_files(alice, bruno)
    circles.oppose(other, practitioner=bruno.practice_role.practitioner)
    assert reach(bruno, other.circle_id) is None and reach(bruno, alice.circle_id) is not None
    decision = circles.merge_files(alice.viewer, survivor=alice.patient, merged=other.patient, reason="même personne")
    assert reach(bruno, alice.circle_id) is None
    assert lists.my_circles(bruno) == []
    circles.review_crossing(again(alice), absorbed=Circle.objects.get(pk=other.circle_id), keep=[])
    assert reach(bruno, alice.circle_id) is None and reach(bruno, other.circle_id) is None
    assert lists.my_circles(bruno) == []
    # Lifted from the surviving file, it ends in both.
    circles.lift_opposition(again(alice), opposition=Opposition.objects.get())
    assert reach(bruno, alice.circle_id) is not None
    assert not Circle.objects.filter(has_oppositions=True).exists()
    circles.unmerge_files(alice.viewer, decision=decision)


def test_a_refusal_said_after_a_merge_holds_before_the_review_too(alice, bruno):
    other = two_files(alice, bruno)
    circles.merge_files(alice.viewer, survivor=alice.patient, merged=other.patient, reason="même personne")
    circles.oppose(again(alice), practitioner=bruno.practice_role.practitioner)
    assert reach(bruno, other.circle_id) is None and reach(bruno, alice.circle_id) is None
    assert lists.my_circles(bruno) == []


def test_undoing_a_merge_leaves_each_file_its_own_refusals(alice, bruno):
    other = two_files(alice, bruno)
    circles.oppose(other, practitioner=bruno.practice_role.practitioner)
    decision = circles.merge_files(alice.viewer, survivor=alice.patient, merged=other.patient, reason="même personne")
    circles.unmerge_files(alice.viewer, decision=decision)
    assert reach(bruno, alice.circle_id) is not None and reach(bruno, other.circle_id) is None
    assert lists.my_circles(bruno) == [alice.circle_id]


def test_a_refused_category_is_no_longer_in_lists_counts_or_print(alice, bruno):
    notebook.add_note(alice, text="social ok", category="social")
    note = notebook.add_note(alice, text="médical refusé", category="medical")
    circles.oppose(alice, practitioner=bruno.practice_role.practitioner, category="medical")
    reader = reach(bruno, alice.circle_id)
    page = notebook_queries.page(reader)
    assert page.counts == {"GEN": 1} and [c.note.text for c in page.entries] == ["social ok"]
    assert lists.lines(bruno, [alice.circle_id])[alice.circle_id].last_text == "social ok"
    assert "refusé" not in repr(printing.notebook(reader, note.written_at.date(), note.written_at.date())[0])


def test_a_refused_person_finds_no_path_left(client, settings, alice, bruno):
    settings.MFA_REQUIRED = False
    notebook.add_note(alice, text="dernier mot")
    make.sign_in(client, bruno.user)
    assert "QUEMENEUR" in client.get("/patients/").text.upper()
    circles.oppose(alice, practitioner=bruno.practice_role.practitioner)
    for url in ("/patients/", "/notifications/", reverse("record:palette")):
        answer = client.get(url)
        assert answer.status_code == 200
        assert "QUEMENEUR" not in answer.text.upper() and "dernier mot" not in answer.text, url
    for body in (
        client.post("/patients/", {"q": "quemeneur"}),
        client.post(reverse("record:palette"), {"q": "quemeneur"}),
    ):
        assert "dernier mot" not in body.text and f"/patients/{alice.circle_id}" not in body.text
    with pytest.raises(Exception, match="urgence"):
        circles.break_glass(bruno, circle_id=alice.circle_id, reason="chute grave à domicile, seule")
