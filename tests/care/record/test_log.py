"""« Qui a consulté »: plain words, masks, filters, paging, export."""

import ast
import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.urls import reverse
from django.utils import timezone

from cercle.base.audit.models import AuditEvent
from cercle.base.audit.record import Kind, record
from cercle.care.notebook import actions as notebook
from cercle.care.notebook.views import panel as read_notebook
from cercle.care.record import access_log
from cercle.care.record.access_log import Filters
from cercle.care.record.sentences import SENTENCES, sentence
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from cercle.people.circles.vocabulary import Reader
from tests import factories as make
from tests.support.database import ROOT

# The last word of what an action is called; « stays.typ » and « notifications.send_due » are something else.
VERB = re.compile(r"(ed|read|seen|shown|set|apart|again|in|out|forgotten|new|sent|written|left|begun)$")
WRITERS = {"record", "_record", "trace", "_trace"}


@pytest.fixture
def bruno(db):
    """Nurse, opened the circle."""
    return make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")))


@pytest.fixture
def ana(bruno):
    """Social worker: neither nursing nor medical notes."""
    role = make.role("Ana", "Morvan", profession="41", system="JDV_J48")
    person = make.user(role)
    circles.add_member(bruno, practice_role=role, ground="recognised")
    return reach(make_viewer(person, role), bruno.circle_id)


@pytest.fixture
def erwan(bruno):
    role = make.role("Erwan", "Kervella", profession="10", civility="M")
    person = make.user(role)
    circles.add_member(bruno, practice_role=role, ground="recognised")
    return reach(make_viewer(person, role), bruno.circle_id)


def said(acting, **filters) -> list[tuple[str, str]]:
    days, _more = access_log.page(acting, Filters(**filters))
    return [(v.name, a.words) for d in days for v in d.visits for a in v.acts]


def _actions_in(tree: ast.AST, labels: set[str], models: set[str]) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            app, _dot, verb = node.value.partition(".")
            if app in labels and re.fullmatch(r"[a-z_]+", verb) and VERB.search(verb) and node.value not in models:
                found.add(node.value)
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in WRITERS:
            for arg in node.args[1:2]:
                if isinstance(arg, ast.Constant) and isinstance(arg.value, str):
                    found.add(arg.value)
    return found


def test_every_action_of_the_code_has_its_sentence():
    labels = {c.label for c in apps.get_app_configs() if c.name.startswith("cercle.")}
    models = {m._meta.label_lower for m in apps.get_models()}
    missing = {}
    for path in [*ROOT.glob("cercle/**/*.py"), *ROOT.glob("config/**/*.py")]:
        if "migrations" not in path.parts:
            for action in _actions_in(ast.parse(path.read_text()), labels, models) - set(SENTENCES):
                missing[action] = str(path.relative_to(ROOT))
    assert missing == {}, "give each of these a line in cercle/care/record/sentences.py"


def test_an_act_is_told_in_words_with_what_it_showed(bruno, ana, rf):
    for n in range(3):
        notebook.add_note(bruno, text=f"Note {n}", category="social")
    request = rf.get("/")
    read_notebook(request, ana)
    assert ("Ana Morvan", "a lu le cahier (3 notes)") in said(bruno)
    assert sentence("notebook.read", 1) == "a lu le cahier (1 note)"
    assert sentence("plus.tard") == "a agi dans le dossier"


def test_the_trace_of_a_masked_note_is_masked_with_it_and_its_author_sees_it(bruno, ana, erwan):
    note = notebook.add_note(ana, text="Entre nous", category="social", hidden=int(Reader.HEALTH))
    record(ana, "notebook.note_seen", on=note, kind=Kind.READ, hidden=note.hidden, shown=[note.pk])
    assert not [w for _n, w in said(erwan) if "note" in w]
    assert [w for _n, w in said(ana) if w in ("a écrit une note", "a ouvert une note")]


def test_a_masked_note_is_not_in_a_count_either(bruno, ana, erwan):
    open_note = notebook.add_note(ana, text="Pour tous", category="social")
    masked = notebook.add_note(ana, text="Entre nous", category="social", hidden=int(Reader.HEALTH))
    record(ana, "notebook.read", kind=Kind.READ, shown=[open_note.pk, masked.pk])
    assert [w for _n, w in said(erwan) if w.startswith("a lu")] == ["a lu le cahier (1 note)"]
    assert [w for _n, w in said(ana) if w.startswith("a lu")] == ["a lu le cahier (2 notes)"]


def test_a_category_that_is_not_mine_leaves_no_trace_in_my_log(bruno, ana):
    notebook.add_note(bruno, text="Insuline", category="medical")
    assert not [w for _n, w in said(ana) if w == "a écrit une note"]
    assert [w for _n, w in said(bruno) if w == "a écrit une note"]


def test_a_note_masked_later_takes_its_former_traces_along(bruno, ana, erwan):
    note = notebook.add_note(ana, text="Pour tous", category="social")
    assert [w for _n, w in said(erwan) if w == "a écrit une note"]
    type(note).objects.filter(pk=note.pk).update(hidden=int(Reader.HEALTH))
    assert not [w for _n, w in said(erwan) if w == "a écrit une note"]


def test_an_emergency_and_its_reason_and_a_refusal_are_said(bruno):
    stranger = make.viewer(make.role("Zoé", "Quidam", profession="10"))
    record(stranger, "circles.refused", kind=Kind.READ, circle_id=bruno.circle_id, outcome="refused")
    record(
        stranger, "circles.break_glass_opened", kind=Kind.READ, circle_id=bruno.circle_id, reason="Malaise, personne seule"
    )  # fmt: skip
    days, _more = access_log.page(bruno, Filters(kind="alerts"))
    acts = [a for d in days for v in d.visits for a in v.acts]
    assert [a.reason for a in acts if a.urgent] == ["Malaise, personne seule"]
    assert [a.words for a in acts if a.refused] == ["a voulu ouvrir ce dossier\u00a0: accès refusé"]


def test_openings_that_follow_are_one_visit_and_distant_ones_are_two(bruno):
    record(bruno, "circles.circle_read", kind=Kind.READ)
    record(reach(bruno.viewer, bruno.circle_id), "circles.circle_read", kind=Kind.READ)
    days, _more = access_log.page(bruno, Filters())
    assert len(days[0].visits) == 1
    assert next(a for a in days[0].visits[0].acts if "cercle" in a.words and a.times == 2)
    openings = [o for v in days[0].visits for o in v.openings]
    openings[0].events[0].at += 2 * access_log.TOGETHER
    assert len(access_log._visits(openings)) == 2


def test_filters_and_pages_hold_together(bruno, erwan, monkeypatch):
    monkeypatch.setattr(access_log, "PAGE", 4)
    for _ in range(9):
        record(erwan, "circles.circle_read", kind=Kind.READ)
    assert {n for n, _w in said(bruno, who=erwan.user_id)} == {erwan.actor_name}
    assert not [w for _n, w in said(bruno, kind="exports")]
    seen, before = 0, None
    while True:
        days, before = access_log.page(bruno, Filters(who=erwan.user_id, kind="reads", before=before))
        seen += sum(a.times for d in days for v in d.visits for a in v.acts)
        if before is None:
            break
    assert seen == 9


def test_the_page_is_read_in_few_statements_and_traced(client, bruno, django_assert_max_num_queries):
    for n in range(20):
        notebook.add_note(bruno, text=f"Note {n}")
    client.force_login(bruno.user)
    with django_assert_max_num_queries(15):
        answer = client.get(reverse("record:tab", args=[bruno.circle_id, "acces"]))
    assert answer.status_code == 200 and "a écrit une note" in answer.content.decode()
    assert AuditEvent.objects.get(action="record.access_log_read").circle_id == bruno.circle_id


def test_a_filter_asks_for_the_list_alone(client, bruno):
    client.force_login(bruno.user)
    answer = client.get(reverse("record:log_more", args=[bruno.circle_id]), {"kind": "writes", "who": "pas un id"})
    assert answer.status_code == 200 and "<html" not in answer.content.decode()


def test_a_carer_and_an_outsider_do_not_read_the_log(client, bruno):
    soazig = make.user(kind="relative")
    make.join(bruno, contact=make.contact(bruno.patient), person=soazig, ground="wish")
    client.force_login(soazig)
    for name in ("record:log_more", "record:log_export"):
        assert client.get(reverse(name, args=[bruno.circle_id])).status_code == 403
    client.force_login(make.user(make.role("Zoé", "Quidam")))
    for name in ("record:log_more", "record:log_export"):
        assert client.get(reverse(name, args=[bruno.circle_id])).status_code == 404


def test_the_export_says_the_same_things_and_is_traced(client, bruno, ana, erwan):
    masked = notebook.add_note(ana, text="Entre nous", category="social", hidden=int(Reader.HEALTH))
    record(ana, "notebook.read", kind=Kind.READ, shown=[masked.pk])
    client.force_login(erwan.user)
    answer = client.get(reverse("record:log_export", args=[bruno.circle_id]))
    table = answer.content.decode("utf-8-sig")
    assert answer["Content-Type"].startswith("text/csv")
    assert "a ajouté un membre au cercle" in table and "a écrit une note" not in table
    assert [line.split(";")[7] for line in table.splitlines() if "a lu le cahier" in line] == ["0"]
    assert AuditEvent.objects.get(action="record.access_log_exported").kind == Kind.EXPORT


def test_ones_own_settings_are_not_told_to_the_circle(client, bruno):
    from cercle.base.notifications import actions as notifications

    notifications.mute(bruno, circle_id=bruno.circle_id)
    assert not [w for _n, w in said(bruno) if "silence" in w]


def test_a_period_leaves_out_what_is_older(bruno, monkeypatch):
    whole = access_log.visible(bruno).count()
    assert access_log.narrowed(access_log.visible(bruno), Filters(period="7")).count() == whole > 0
    later = timezone.now() + timedelta(days=8)
    monkeypatch.setattr(access_log.timezone, "now", lambda: later)
    assert access_log.narrowed(access_log.visible(bruno), Filters(period="7")).count() == 0
