import pytest
from django.db import transaction

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.care.notebook import actions, queries
from cercle.care.notebook.measures import parse
from cercle.care.notebook.models import Note
from cercle.care.record import lists
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from cercle.people.circles.models import CircleCounter
from cercle.people.circles.vocabulary import Reader
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def bruno():
    """Nurse, opened the circle."""
    return make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")))


@pytest.fixture
def alice(bruno):
    """Coordinator of a DAC, member by her practice."""
    role = make.role("Alice", "Morvan", profession="309", system="JDV_J48")
    person = make.user(role)
    circles.add_member(bruno, practice_role=role, ground="establishment")
    return reach(make_viewer(person, role), bruno.circle_id)


def test_a_note_is_kept_with_its_version_its_trace_and_its_place(bruno):
    note = actions.add_note(bruno, text="Pansement refait, plaie propre.", type="INTERV")
    assert note.seq == 1 and note.category == "nursing" and note.versions.count() == 1
    assert CircleCounter.objects.get(circle=bruno.circle).open_seq == 1
    event = AuditEvent.objects.get(action="notebook.note_added")
    assert event.target_id == note.pk and event.circle_id == bruno.circle_id


def test_nothing_is_kept_when_the_trace_fails(bruno, monkeypatch):
    monkeypatch.setattr(actions, "record", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        actions.add_note(bruno, text="Perdue ?")
    assert not Note.objects.exists()
    assert CircleCounter.objects.get(circle=bruno.circle).note_seq == 0


def test_the_same_send_twice_is_kept_once(bruno):
    first = actions.add_note(bruno, text="Une fois", client_ref="téléphone-1")
    again = actions.add_note(bruno, text="Une fois", client_ref="téléphone-1")
    assert first.pk == again.pk and Note.objects.count() == 1
    assert CircleCounter.objects.get(circle=bruno.circle).note_seq == 1


def test_an_empty_note_and_a_huge_one_are_refused_in_words(bruno):
    with pytest.raises(Refused, match="quelques mots"):
        actions.add_note(bruno, text="  ")
    with pytest.raises(Refused, match="20000"):
        actions.add_note(bruno, text="x" * 30_000)


def test_an_answer_is_never_looser_than_its_thread(bruno, alice):
    root = actions.add_note(
        bruno, text="Suspicion de maltraitance", category="social", hidden=int(Reader.PATIENT | Reader.CARER)
    )
    answer = actions.add_note(alice, text="Je passe demain.", reply_to=root, hidden=0)
    assert answer.hidden == root.hidden and answer.category == "social"


def test_the_author_of_a_masked_note_reads_the_answers(bruno, alice):
    root = actions.add_note(alice, text="Entre soignants", category="social", hidden=int(Reader.SOCIAL))
    actions.add_note(bruno, text="Vu.", reply_to=root)
    assert {n.text for n in Note.objects.visible_to(alice)} == {"Entre soignants", "Vu."}


def test_a_correction_keeps_the_former_words(bruno):
    note = actions.add_note(bruno, text="Doliprane 1 g x 4")
    actions.correct_note(bruno, note=note, based_on=1, text="Doliprane 1 g x 3", reason="faute de frappe")
    assert [v.text for v in note.versions.order_by("number")] == ["Doliprane 1 g x 4", "Doliprane 1 g x 3"]


def test_two_corrections_at_once_lose_nothing_and_tell_both(bruno):
    note = actions.add_note(bruno, text="un")
    actions.correct_note(bruno, note=note, based_on=1, text="deux")
    with pytest.raises(actions.Conflict) as conflict:
        actions.correct_note(bruno, note=note, based_on=1, text="trois")
    assert conflict.value.text == "trois" and conflict.value.note.text == "deux"


def test_only_the_author_corrects_or_withdraws(bruno, alice):
    note = actions.add_note(bruno, text="Selles normales", category="social")
    with pytest.raises(Refused, match="auteur"):
        actions.correct_note(alice, note=note, based_on=1, text="autre chose")
    with pytest.raises(Refused, match="auteur"):
        actions.withdraw_note(alice, note=note, reason="erreur")


def test_a_withdrawn_note_leaves_search_and_keeps_its_history(bruno):
    note = actions.add_note(bruno, text="Chute dans la salle de bains")
    actions.withdraw_note(bruno, note=note, reason="mauvais cahier")
    assert not Note.objects.visible_to(bruno).matching("chute").exists()
    assert note.versions.order_by("-number").first().reason == "mauvais cahier"


@pytest.mark.parametrize(
    ("typed", "found"), [("pansements", 1), ("oedeme", 1), ("ŒDÈME", 1), ("chuter", 1), ("fracture", 0)]
)
def test_french_search_forgets_accents_and_endings(bruno, typed, found):
    actions.add_note(bruno, text="Œdème des chevilles, pansement refait après sa chute.")
    assert Note.objects.visible_to(bruno).matching(typed).count() == found


def test_measures_are_kept_with_the_note(bruno):
    note = actions.add_note(bruno, text="", measures=[parse("weight", "74,1"), parse("bp", "15/8")])
    assert [(m.kind, str(m.value)) for m in note.measure_rows.order_by("kind")] == [
        ("bp", "150.00"),
        ("weight", "74.10"),
    ]


def test_the_page_asks_few_statements_whatever_the_number_of_notes(bruno, alice, django_assert_max_num_queries):
    for n in range(45):
        root = actions.add_note(bruno, text=f"note {n}", category="social", measures=[parse("weight", "70")])
        actions.add_note(alice, text=f"réponse {n}", reply_to=root)
    acting = reach(bruno.viewer, bruno.circle_id)
    with django_assert_max_num_queries(5):
        page = queries.page(acting)
    assert len(page.entries) == 20 and page.more
    assert page.entries[0].replies[0].text == "réponse 44"


def test_reading_moves_the_cursor_only_over_what_was_shown(bruno, alice):
    for n in range(30):
        actions.add_note(bruno, text=f"note {n}", category="social")
    acting = reach(alice.viewer, alice.circle_id)
    page = queries.page(acting)
    assert page.read_up_to == 0  # ten older ones were not shown
    older = queries.page(acting, queries.Filters(before=page.more))
    assert older.read_up_to == 30


def test_receipts_leave_out_whom_the_person_refused():
    """A refusal by category or by note: neither reader nor awaited."""
    me = make.circle(make.viewer(make.role("Bruno", "Le Bris")))
    pharmacist = make.role("Anne-Sophie", "Bourhis", profession="21")
    doctor = make.role("Erwan", "Kervella", profession="10")
    for role in (pharmacist, doctor):
        make.user(role)
        make.join(me, role)
    medical = actions.add_note(me, text="Ordonnance changée.", category="medical")
    nursing = actions.add_note(me, text="Pansement fait.", category="nursing")

    def awaited() -> dict:
        fresh = reach(me.viewer, me.circle_id)
        return {c.note.pk: {f.name for f in c.waiting} for c in queries.page(fresh).entries}

    assert {len(names) for names in awaited().values()} == {2}
    circles.oppose(
        reach(me.viewer, me.circle_id), practitioner=pharmacist.practitioner, category="medical", reason="non"
    )
    circles.oppose(reach(me.viewer, me.circle_id), practitioner=doctor.practitioner, target_id=nursing.pk, reason="non")
    left = awaited()
    assert left[medical.pk] == {doctor.practitioner.display_name}
    assert left[nursing.pk] == {pharmacist.practitioner.display_name}


def test_a_masked_note_between_my_reading_and_my_words_leaves_no_mark():
    me = make.circle(make.viewer(make.role("Bruno", "Le Bris")))
    aid = make.role("Katell", "Riou", profession="318", system="JDV_J48")
    make.user(aid)
    make.join(me, aid)
    other = reach(make.viewer(aid, aid.practitioner.user), me.circle_id)
    actions.add_note(me, text="Vue ce matin.")
    actions.add_note(other, text="Entre nous.", category="social", hidden=int(Reader.HEALTH))
    actions.add_note(reach(me.viewer, me.circle_id), text="Revue ce soir.")
    assert [m.unread for m in lists.marks(me.viewer)] == [False]
    actions.add_note(other, text="Pour tous.", category="social")
    actions.add_note(reach(me.viewer, me.circle_id), text="Bonne nuit.")
    assert [m.unread for m in lists.marks(me.viewer)] == [True]


def test_an_answer_may_bring_a_photo_where_one_may_answer_but_not_write():
    import io

    from PIL import Image

    me = make.circle(make.viewer(make.role("Nolwenn", "Le Bris", profession="309", system="JDV_J48")))
    assert "medical" in me.readable and "medical" not in me.writable
    doctor = make.role("Erwan", "Kervella", profession="10")
    make.user(doctor)
    make.join(me, doctor)
    asked = actions.add_note(
        reach(make.viewer(doctor, doctor.practitioner.user), me.circle_id), text="La plaie ?", category="medical"
    )
    photo = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(photo, "JPEG")
    photo.seek(0)
    photo.name = "plaie.jpg"
    with pytest.raises(Refused):
        actions.add_note(me, text="Seule", category="medical", files=[photo])
    photo.seek(0)
    answer = actions.add_note(reach(me.viewer, me.circle_id), text="La voici.", reply_to=asked, files=[photo])
    assert answer.attachments == 1
    assert queries.page(reach(me.viewer, me.circle_id)).documents == 1
