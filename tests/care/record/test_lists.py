import pytest
from django.db import connection

from cercle.care.notebook import actions as notebook
from cercle.care.notebook import queries
from cercle.care.record import lists
from cercle.people.circles import actions as circles
from cercle.people.circles import rights
from cercle.people.circles.access import make_viewer, reach
from cercle.people.circles.vocabulary import Reader
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def bruno():
    return make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")), used_family="Le Gall")


@pytest.fixture
def erwan(bruno):
    role = make.role("Erwan", "Kervella", profession="10", civility="M")
    person = make.user(role)
    circles.add_member(bruno, practice_role=role, ground="recognised")
    return reach(make_viewer(person, role), bruno.circle_id)


@pytest.fixture
def assistant(bruno):
    """A social worker: reads social, administrative, appointments and documents only."""
    role = make.role("Ana", "Social", profession="41", system="JDV_J48")
    person = make.user(role)
    circles.add_member(bruno, practice_role=role, ground="recognised")
    return reach(make_viewer(person, role), bruno.circle_id)


def mark(acting):
    return lists.marks(acting.viewer)[0]


def test_a_new_note_is_unread_for_the_others_and_not_for_its_author(bruno, erwan):
    notebook.add_note(bruno, text="Bonjour")
    assert mark(erwan).unread and not mark(bruno).unread


def test_a_masked_note_lights_no_mark(bruno, erwan):
    notebook.add_note(bruno, text="Pas pour les soignants", category="social", urgency=2, hidden=int(Reader.HEALTH))
    assert not mark(erwan).unread and not mark(erwan).urgent
    assert lists.lines(erwan.viewer, [bruno.circle_id])[bruno.circle_id].unread == 0


def test_masking_or_urgency_afterwards_moves_the_marks(bruno, erwan):
    note = notebook.add_note(bruno, text="Trop vite", category="social")
    notebook.correct_note(bruno, note=note, based_on=1, text="Trop vite", hidden=int(Reader.HEALTH))
    assert not mark(erwan).unread
    other = notebook.add_note(bruno, text="Chute", category="social")
    notebook.correct_note(bruno, note=other, based_on=1, text="Chute", urgency=2)
    assert mark(erwan).urgent


def test_a_category_that_is_not_mine_lights_no_mark(bruno, assistant):
    notebook.add_note(bruno, text="Insuline", category="medical", urgency=2)
    assert not mark(assistant).unread
    line = lists.lines(assistant.viewer, [bruno.circle_id])[bruno.circle_id]
    assert (line.unread, line.last_text) == (0, "")


def test_an_opposition_to_a_category_reaches_the_list_at_once(bruno, erwan):
    notebook.add_note(
        bruno, text="Très personnel", category="psychological" if "psychological" in bruno.writable else "social"
    )
    circles.oppose(bruno, practitioner=erwan.practice_role.practitioner, category="social")
    assert not mark(erwan).unread
    assert lists.lines(erwan.viewer, [bruno.circle_id])[bruno.circle_id].last_text == ""


def test_a_whole_opposition_takes_the_patient_off_the_list(bruno, erwan):
    circles.oppose(bruno, practitioner=erwan.practice_role.practitioner)
    assert lists.marks(erwan.viewer) == []
    assert reach(erwan.viewer, bruno.circle_id) is None


def test_urgent_stays_lit_until_read(bruno, erwan):
    notebook.add_note(bruno, text="Chute", urgency=2)
    assert mark(erwan).urgent
    acting = reach(erwan.viewer, bruno.circle_id)
    notebook.mark_read(acting, up_to=queries.page(acting).read_up_to)
    assert not mark(erwan).urgent and not mark(erwan).unread


@pytest.mark.parametrize("typed", ["le gall", "legall", "gall yv", "quéméneur", "QUEM", "yvonne", "12/04/1941"])
def test_my_patients_are_found_as_one_types(bruno, typed):
    assert lists.search(bruno.viewer, typed) == [bruno.circle_id]


def test_search_never_leaves_my_circles(bruno):
    zoe = make.viewer(make.role("Zoé", "Ailleurs"))
    assert lists.search(zoe, "yvonne") == []


def test_a_team_member_has_the_team_s_patients(bruno):
    place = make.organization("DAC Cornouaille", category="606")
    role = make.role("Nolwenn", "Le Bris", profession="309", system="JDV_J48", organization=place)
    circles.add_member(bruno, team=make.team(place, role), ground="establishment")
    assert [m.circle_id for m in lists.marks(make.viewer(role))] == [bruno.circle_id]


def test_the_list_costs_two_statements_whatever_its_length(bruno, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(rights, "FRESH", 1e9)
    for n in range(8):
        make.circle(bruno.viewer, birth_family=f"Patient {chr(65 + n)}", birth_date=f"19{30 + n}-01-02")
    rights.current()  # kept for a few seconds by the process
    with django_assert_num_queries(2):
        marks = lists.marks(bruno.viewer)
        lists.lines(bruno.viewer, [m.circle_id for m in marks])


def test_the_database_ranks_counts_and_cuts_as_memory_does(bruno):
    for n, name in enumerate(("Abgrall", "Cadiou", "Élès", "Zénon")):
        other = make.circle(bruno.viewer, birth_family=name, birth_date=f"19{30 + n}-01-02")
        if n % 2:
            erwan = make.join(other, make.role("Erwan", f"Kervella {n}", profession="10")) or other
            assert erwan is not None
    every = [m.circle_id for m in lists.marks(bruno.viewer)]
    for only in lists.ONLY:
        whole = lists.ranked(bruno.viewer, only=only, limit=50)
        memory = lists.ranked_among(bruno.viewer, among=every, only=only)
        assert [m.circle_id for m in whole.marks] == [m.circle_id for m in memory.marks]
        for name in ("found", "first", "stays", "rest"):
            assert whole.counts[name] == memory.counts[name]
    two = lists.ranked(bruno.viewer, limit=2)
    assert (len(two.marks), two.counts["every"]) == (2, len(every))
    some = lists.ranked(bruno.viewer, within=every[:1], limit=50)
    assert (some.counts["found"], some.counts["every"]) == (1, len(every))


def test_a_file_brought_together_lights_its_marks_until_it_is_read(bruno, erwan):
    two = make.circle(make.viewer(make.role("Deux", "Second", "60")), birth_given="Yvonne Marie")
    for n in range(3):
        notebook.add_note(bruno, text=f"ici {n}")
    acting = reach(erwan.viewer, bruno.circle_id)
    notebook.mark_read(acting, up_to=queries.page(acting).read_up_to)
    notebook.add_note(two, text="autre cahier, hier", urgency=2)
    notebook.add_note(two, text="autre cahier", category="nursing")
    operator = make.viewer(person=make.user(kind="operator"))
    circles.merge_files(operator, survivor=bruno.patient, merged=two.patient, reason="même personne")
    assert not mark(erwan).unread
    circles.review_crossing(bruno, absorbed=two.circle, keep=[])
    line = lists.lines(erwan.viewer, [bruno.circle_id])[bruno.circle_id]
    assert (mark(erwan).unread, mark(erwan).urgent) == (True, True)
    assert (line.unread, line.urgency, line.last_text) == (2, 2, "autre cahier")
    acting = reach(erwan.viewer, bruno.circle_id)
    page = queries.page(acting)
    assert page.new_count == 5  # three here since this visit began, two elsewhere
    notebook.mark_read(acting, up_to=page.read_up_to, to_the_end=page.to_the_end)
    assert (mark(erwan).unread, mark(erwan).urgent) == (False, False)
    assert lists.lines(erwan.viewer, [bruno.circle_id])[bruno.circle_id].unread == 0
    assert queries.page(acting).new_count == 3


def test_no_statement_of_the_list_reads_a_whole_table(bruno, erwan):
    for statement in (lists.MARKS, lists.DETAIL):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {statement}", lists.params(erwan.viewer) | {"circles": [bruno.circle_id]})
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert "Seq Scan" not in plan, plan


def test_two_notebooks_that_number_alike_lose_no_note_between_two_pages(bruno, monkeypatch):
    monkeypatch.setattr(queries, "PAGE", 2)
    monkeypatch.setattr(queries, "THREADS", queries.THREADS.replace("FIRST 21 ROWS", "FIRST 3 ROWS"))
    two = make.circle(bruno.viewer, birth_given="Yvonne Marie")
    said = {notebook.add_note(c, text="x").pk for n in range(4) for c in (bruno, two)}
    operator = make.viewer(person=make.user(kind="operator"))
    circles.merge_files(operator, survivor=bruno.patient, merged=two.patient, reason="même personne")
    circles.review_crossing(bruno, absorbed=two.circle, keep=[])
    acting, shown, before = reach(bruno.viewer, bruno.circle_id), [], 0
    while not shown or before:
        page = queries.page(acting, queries.Filters(before=before))
        shown, before = shown + page.shown, page.more
    assert set(shown) == said and len(shown) == len(said)
