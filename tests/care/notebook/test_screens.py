import pytest
from django.urls import reverse

from cercle.care.notebook import actions
from cercle.care.notebook.models import Note
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def bruno():
    return make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")))


@pytest.fixture
def browser(client, bruno, settings):
    settings.MFA_REQUIRED = False
    return make.sign_in(client, bruno.user)


def test_the_file_page_asks_at_most_twelve_statements(browser, bruno, django_assert_max_num_queries):
    for n in range(30):
        root = actions.add_note(bruno, text=f"note {n}", category="social")
        actions.add_note(bruno, text="suite", reply_to=root)
    url = reverse("record:patient", args=[bruno.circle_id])
    browser.get(url)
    with django_assert_max_num_queries(12):
        answer = browser.get(url)
    assert answer.status_code == 200 and "note 29" in answer.text


def test_unread_urgent_notes_cost_no_more_statements_and_leave_receipts(browser, bruno, django_assert_max_num_queries):
    role = make.role("Erwan", "Kervella", profession="10", civility="M")
    circles.add_member(bruno, practice_role=role, ground="recognised")
    erwan = reach(make_viewer(make.user(role), role), bruno.circle_id)
    url = reverse("record:patient", args=[bruno.circle_id])
    browser.get(url)
    note = actions.add_note(erwan, text="Chute dans l’escalier", urgency=2)
    with django_assert_max_num_queries(12):
        browser.get(url)
    assert note.receipts.get().user_id == bruno.user_id


def test_a_note_is_written_by_the_form(browser, bruno):
    answer = browser.post(
        reverse("notebook:add", args=[bruno.circle_id]),
        {"text": "Pansement refait", "type": "INTERV", "urgency": "1", "m_weight": "74,1"},
    )
    assert answer.status_code == 302
    note = Note.objects.get()
    assert (note.text, note.type, note.urgency, note.measures[0]["kind"]) == ("Pansement refait", "INTERV", 1, "weight")


def test_a_refusal_keeps_what_was_typed(browser, bruno):
    answer = browser.post(
        reverse("notebook:add", args=[bruno.circle_id]), {"text": "Poids pris ce matin", "m_weight": "7410"}
    )
    assert answer.status_code == 422
    assert "Poids pris ce matin" in answer.text and "plausible" in answer.text


def test_a_refusal_by_htmx_sends_the_sentence_alone(browser, bruno):
    answer = browser.post(reverse("notebook:add", args=[bruno.circle_id]), {"text": ""}, headers={"HX-Request": "true"})
    assert answer.status_code == 422 and answer["HX-Retarget"] == "#compose-errors"
    assert "Écrivez quelques mots" in answer.text


def test_words_are_looked_for_by_post_and_live_in_no_address(browser, bruno):
    actions.add_note(bruno, text="Chute dans l’escalier")
    actions.add_note(bruno, text="Rien à signaler")
    answer = browser.post(
        reverse("notebook:timeline", args=[bruno.circle_id]),
        {"filter": "1", "q": "chutes"},
        headers={"HX-Request": "true"},
    )
    assert "escalier" in answer.text and "Rien à signaler" not in answer.text
    assert "q=chutes" not in answer.text


def test_odd_queries_do_no_harm(browser, bruno):
    actions.add_note(bruno, text="Bonjour")
    url = reverse("record:patient", args=[bruno.circle_id])
    for query in (
        "?before=²",
        "?before=-1",
        "?type=<script>",
        "?period=99999",
        "?q=%00%00",
        "?profession=" + "x" * 500,
    ):
        assert browser.get(url + query).status_code == 200


def test_a_draft_is_kept_and_comes_back(browser, bruno):
    browser.post(reverse("notebook:draft", args=[bruno.circle_id, "note"]), {"text": "À moitié écrit", "urgency": "2"})
    assert "À moitié écrit" in browser.get(reverse("record:patient", args=[bruno.circle_id])).text
    actions.add_note(bruno, text="Fini")
    assert "À moitié écrit" not in browser.get(reverse("record:patient", args=[bruno.circle_id])).text


def test_hostile_text_is_shown_as_text(browser, bruno):
    actions.add_note(bruno, text="<script>alert(1)</script> {{ 7*7 }}")
    page = browser.get(reverse("record:patient", args=[bruno.circle_id])).text
    assert "<script>alert(1)" not in page and "&lt;script&gt;" in page and "{{ 7*7 }}" in page


def test_the_notebook_prints_as_a_pdf_of_what_one_may_read(browser, bruno):
    actions.add_note(bruno, text="Pansement refait")
    url = reverse("notebook:print", args=[bruno.circle_id])
    answer = browser.get(url + "?from=2020-01-01&to=2099-01-01")
    assert answer["Content-Type"] == "application/pdf" and answer.content.startswith(b"%PDF")
    assert reach(bruno.viewer, bruno.circle_id)
