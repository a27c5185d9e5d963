"""The plan: words kept by two, states that move by rows, answers from the circle, agreement, versions, the three documents."""

import io
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from cercle.base.audit.models import AuditEvent
from cercle.base.common import pdf
from cercle.base.common.errors import Refused
from cercle.base.notifications.models import Notification
from cercle.care.coordination import plan_documents as documents
from cercle.care.coordination import plan_tasks
from cercle.care.coordination.actions import meetings
from cercle.care.coordination.actions import plan as actions
from cercle.care.coordination.models import Action, ActionEvent, CarePlan, Edit, Goal, GoalEvent, Meeting, PlanEvent
from cercle.care.coordination.vocabulary_plan import (
    ACTION_MOVES,
    GOAL_MOVES,
    PLAN_MOVES,
    ActionState,
    GoalState,
    PlanKind,
    PlanState,
)
from cercle.care.documents.models import Document
from cercle.people.circles.vocabulary import Category, Permission, Reader
from tests import factories as make
from tests.factories import plan as plans

pytestmark = pytest.mark.django_db


@pytest.fixture
def bruno():
    """Nurse, opened the circle."""
    return make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")))


@pytest.fixture
def alice(bruno):
    return plans.coordinator(bruno)


@pytest.fixture
def erwan(bruno):
    """A doctor of the circle."""
    return plans.joined(bruno, make.role("Erwan", "Kervella", profession="10", civility="M"))


def agreed(acting, plan):
    actions.agree(
        acting, plan=plan, decision="yes", given_by="person", given_name="Yvonne", form="oral", given_on=timezone.localdate()
    )  # fmt: skip
    plan.refresh_from_db()
    return plan


# --- words ---------------------------------------------------------------------------------------------------------------


def test_a_plan_is_opened_once_by_a_structure_with_its_trace_and_its_event(alice, bruno):
    plan = actions.start_plan(alice)
    assert plan.referent_name == "Alice Morvan" and plan.events.get().kind == "opened"
    assert AuditEvent.objects.get(action="coordination.plan_opened").target_id == plan.pk
    with pytest.raises(Refused, match="déjà un plan"):
        actions.start_plan(alice)
    assert actions.start_plan(bruno).organization_id is None  # a liberal nurse may hold one, without a DAC's file


def test_nothing_is_kept_when_the_trace_fails(alice, monkeypatch):
    monkeypatch.setattr(actions, "record", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        actions.start_plan(alice)
    assert not CarePlan.objects.exists()


def test_two_editors_at_once_lose_nothing_and_are_told(alice, bruno):
    plan = actions.start_plan(alice)
    actions.change(alice, row=plan, fields={"wish": ("", "Rester chez moi")})
    both = actions.change(bruno, row=plan, fields={"wish": ("", "Voir la mer"), "synthesis": ("", "Fatigue")})
    assert (
        both.saved == ["synthesis"]
        and both.clashes[0].theirs == "Rester chez moi"
        and both.clashes[0].by == "Alice Morvan"
    )
    actions.change(bruno, row=plan, fields={"wish": ("Rester chez moi", "Voir la mer")})  # « garder le mien »
    plan.refresh_from_db()
    assert plan.wish == "Voir la mer" and plan.synthesis == "Fatigue"
    assert Edit.objects.filter(
        field="wish", was="Rester chez moi", now="Voir la mer", author_name="Bruno Le Bris"
    ).exists()


def test_one_writers_run_of_keys_is_one_row_of_history(alice):
    plan = actions.start_plan(alice)
    for was, now in (("", "R"), ("R", "Res"), ("Res", "Rester")):
        actions.change(alice, row=plan, fields={"wish": (was, now)})
    assert Edit.objects.get(field="wish").now == "Rester"


def test_a_pasted_book_is_refused_in_words(alice):
    plan = actions.start_plan(alice)
    with pytest.raises(Refused, match="20000"):
        actions.change(alice, row=plan, fields={"wish": ("", "x" * 30_000)})


# --- states --------------------------------------------------------------------------------------------------------------


def test_no_state_is_without_a_way_out():
    for machine in (PLAN_MOVES, GOAL_MOVES, ACTION_MOVES):
        assert all(machine.values())
        assert {s for to in machine.values() for s in to} <= set(machine)


def test_the_words_of_an_agreed_version_do_not_change_until_a_revision(alice):
    plan, goal = plans.whole(alice)
    agreed(alice, plan)
    with pytest.raises(Refused, match="révision"):
        actions.change(alice, row=plan, fields={"wish": (plan.wish, "autre")})
    with pytest.raises(Refused, match="révision"):
        actions.add_goal(alice, plan=plan, label="autre")
    actions.sign(alice, plan=plan)
    actions.revise(alice, plan=plan, reason="retour d’hospitalisation")
    actions.change(alice, row=plan, fields={"wish": (plan.wish, "autre")})
    plan.refresh_from_db()
    assert (plan.number, plan.state, plan.wish) == (2, PlanState.REVISED, "autre")
    assert plan.versions.get().data["wish"].startswith("Rester à Tréboul")
    assert [e.kind for e in plan.events.order_by("id")] == ["opened", "agreed", "signed", "revised"]


def test_each_signer_signs_once_and_after_the_person(alice, erwan):
    plan, _goal = plans.whole(alice)
    with pytest.raises(Refused, match="accord"):
        actions.sign(erwan, plan=plan)
    agreed(alice, plan)
    actions.sign(erwan, plan=plan)
    actions.sign(alice, plan=plan)
    with pytest.raises(Refused, match="déjà signé"):
        actions.sign(erwan, plan=plan)
    assert plan.signatures.count() == 2


def test_a_refusal_is_kept_with_her_words_and_leaves_the_draft_open(alice):
    plan, _goal = plans.whole(alice)
    given_now = {"given_by": "person", "given_name": "Yvonne", "form": "oral", "given_on": timezone.localdate()}
    with pytest.raises(Refused, match="personne a dit"):
        actions.agree(alice, plan=plan, decision="no", **given_now)
    actions.agree(alice, plan=plan, decision="no", words="Pas d’accueil de jour.", **given_now)
    plan.refresh_from_db()
    assert plan.state == "draft" and not plan.versions.exists()
    agreed(alice, plan)
    assert plan.agreements.count() == 2


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["goal", "action", "plan"]), st.integers(0, 6), st.booleans()), max_size=14))
def test_whatever_is_tried_every_state_has_its_event_and_its_author(bruno, tries):
    with transaction.atomic():
        alice = plans.coordinator(bruno)
        plan, goal = plans.whole(alice)
        action = goal.actions.get()
        for what, n, words in tries:
            text = "parce que" if words else ""
            try:
                if what == "goal":
                    actions.move_goal(alice, goal=goal, state=list(GoalState)[n % len(GoalState)], text=text)
                elif what == "action":
                    actions.move_action(alice, action=action, state=list(ActionState)[n % len(ActionState)], text=text)
                else:
                    plan.refresh_from_db()
                    [
                        lambda: agreed(alice, plan), lambda: actions.sign(alice, plan=plan), lambda: actions.revise(alice, plan=plan),
                        lambda: actions.propose(alice, plan=plan),
                    ][n % 4]()  # fmt: skip
            except Refused:
                pass
        for row, events in (
            (plan, PlanEvent.objects.filter(plan=plan)), (goal, GoalEvent.objects.filter(goal=goal)),
            (action, ActionEvent.objects.filter(action=action)),
        ):  # fmt: skip
            row.refresh_from_db()
            trail = list(events.order_by("id"))
            assert trail[-1].to_state == row.state and all(e.author_name for e in trail)
            assert all(after.from_state == before.to_state for before, after in zip(trail, trail[1:], strict=False))
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        transaction.set_rollback(True)


def test_the_database_refuses_a_state_without_its_event(alice):
    _plan, goal = plans.whole(alice)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        Goal.objects.filter(pk=goal.pk).update(state="reached")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError), transaction.atomic():
        PlanEvent.objects.update(author_name="personne")
    with pytest.raises(IntegrityError), transaction.atomic():
        Goal.objects.filter(pk=goal.pk).update(state="unmet", unmet_reason="")


# --- the circle ----------------------------------------------------------------------------------------------------------


def test_whoever_is_in_charge_is_told_when_the_plan_is_proposed_and_answers(alice, erwan):
    plan, goal = plans.whole(alice, owner_member=erwan.member)
    action = goal.actions.get()
    plan_tasks.tell_owner(action_id=str(action.pk))
    assert not Notification.objects.filter(kind="plan_action").exists()  # still a draft of its editors
    actions.propose(alice, plan=plan)
    plan_tasks.tell_owner(action_id=str(action.pk), by=str(alice.user_id))
    told = Notification.objects.get(kind="plan_action")
    assert told.user_id == erwan.user_id and set(told.params) == {"what"}
    actions.answer_action(erwan, action=action, state="accepted")
    with pytest.raises(Refused, match="pourquoi"):
        actions.answer_action(erwan, action=action, state="refused")
    actions.answer_action(erwan, action=action, state="refused", text="Pas avant juin.")
    plan_tasks.tell_answer(action_id=str(action.pk), by=str(erwan.user_id), state="refused")
    assert Notification.objects.filter(kind="plan_action", user=alice.user_id).count() == 1
    action.refresh_from_db()
    assert action.reason == "Pas avant juin." and action.events.count() == 3


def test_nobody_answers_for_another(alice, bruno, erwan):
    _plan, goal = plans.whole(alice, owner_member=erwan.member)
    with pytest.raises(Refused, match="chargée"):
        actions.answer_action(bruno, action=goal.actions.get(), state="done")


def test_another_owner_is_asked_afresh(alice, bruno, erwan):
    _plan, goal = plans.whole(alice, owner_member=erwan.member)
    action = goal.actions.get()
    actions.answer_action(erwan, action=action, state="accepted")
    actions.change_action(
        alice, action=action, label=action.label, owner=actions.owner_of(alice, member=bruno.member), due_on=None
    )
    action.refresh_from_db()
    assert action.state == "proposed" and action.owner_name == "Bruno Le Bris"


def test_the_review_is_remembered_to_its_referent(alice):
    plan, _goal = plans.whole(alice)
    plan.review_on = timezone.localdate() + timedelta(days=3)
    plan.save()
    plan_tasks.remind_review(plan_id=str(plan.pk), days=3)
    plan_tasks.remind_review(plan_id=str(plan.pk), days=3)
    assert Notification.objects.filter(kind="plan_review", user=alice.user_id).count() == 1


def test_each_profile_sees_the_goals_of_its_categories_and_its_masks(alice, erwan, bruno):
    plan = actions.start_plan(erwan)
    for category in ("medical", "nursing", "social"):
        actions.add_goal(erwan, plan=plan, label=category, category=category)
    hidden = actions.add_goal(erwan, plan=plan, label="masqué")
    Goal.objects.filter(pk=hidden.pk).update(hidden=int(Reader.SOCIAL))
    ana = plans.joined(bruno, make.role("Ana", "Morvan", profession="41", system="JDV_J48"))
    whole = documents.snapshot(erwan, plan)
    for acting in (erwan, bruno, alice, ana):
        seen = {g["label"] for g in documents.seen_by(acting, whole)["goals"]}
        assert seen == set(Goal.objects.visible_to(acting).values_list("label", flat=True))
        expected = {c for c in ("medical", "nursing", "social") if c in acting.readable}
        assert seen == expected | ({"masqué"} if not acting.mask & int(Reader.SOCIAL) else set())
    assert ana.may(Permission.EDIT_PLAN) and Category.MEDICAL not in ana.readable


def test_a_note_with_fewer_readers_is_not_quoted_in_the_synthesis(alice, bruno):
    from cercle.care.notebook import actions as notebook

    plan = actions.start_plan(alice)
    plain = notebook.add_note(bruno, text="Jeanne s’est endormie pendant le soin.", category="social")
    actions.adopt_note(alice, plan=plan, note=plain)
    plan.refresh_from_db()
    assert "endormie" in plan.synthesis and "Bruno Le Bris" in plan.synthesis
    for kept in ({"category": "nursing"}, {"category": "social", "hidden": int(Reader.PATIENT)}):
        with pytest.raises(Refused, match="moins de lecteurs"):
            actions.adopt_note(alice, plan=plan, note=notebook.add_note(bruno, text="Autre", **kept))


# --- documents -----------------------------------------------------------------------------------------------------------

PARTS = {
    "ppcs": [
        "Ce que je souhaite",
        "Synthèse",
        "Problèmes",
        "Plan d’action",
        "Objectifs non atteints",
        "Si la situation change",
    ],
    "pps": [
        "Attentes de la personne",
        "Situation",
        "Plan de soins",
        "Plan d’aides et d’accompagnement",
        "Objectifs non atteints",
    ],
    "psi": ["Ce que je souhaite", "Mes besoins et les réponses", "Ce qui n’a pas encore de réponse"],
}


@pytest.mark.parametrize("kind", list(PARTS))
def test_each_document_holds_all_its_parts_tagged(alice, kind):
    plan, _goal = plans.whole(alice)
    agreed(alice, plan)
    actions.sign(alice, plan=plan)
    plan.refresh_from_db()
    parts = documents.seen_by(alice, documents.snapshot(alice, plan))
    reader = PdfReader(io.BytesIO(pdf.render(documents.TEMPLATE, documents.pdf_data(alice, parts, kind, plan=plan))))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    for words in [
        *PARTS[kind], "Accord de la personne", "Équipe et signatures", "Dates de révision", "DAC de Cornouaille", "Alice Morvan",
        "Rester à Tréboul", "Moins de chutes", "Barres d’appui", "Gwenn Bozec", "Marcher seul dehors", "Risque de chute",
        "Version 1, signé", "donné le", "a signé le",
    ]:  # fmt: skip
        assert words in text, words
    assert ("trois chutes" in text) == (kind != "psi")  # the synthesis is not in the part shared with the person
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] and root["/Lang"] == "fr-FR" and reader.metadata.title
    tags = set()

    def walk(node):
        node = node.get_object()
        if isinstance(node, list):
            return [walk(n) for n in node]
        if isinstance(node, dict):
            tags.add(node.get("/S"))
            if "/K" in node and not isinstance(node["/K"], int):
                walk(node["/K"])

    walk(root["/StructTreeRoot"])
    assert {"/H1", "/H2", "/Table", "/TH", "/TD", "/L"} <= tags


def test_an_empty_plan_makes_its_document_all_the_same(alice):
    plan = actions.start_plan(alice)
    parts = documents.seen_by(alice, documents.snapshot(alice, plan))
    for kind in PlanKind:
        assert pdf.render(documents.TEMPLATE, documents.pdf_data(alice, parts, kind, plan=plan)).startswith(b"%PDF")


def test_what_is_sent_has_no_reader_whom_a_part_has_not(alice, erwan, settings, tmp_path):
    settings.FILES_ROOT = tmp_path
    plan, _goal = plans.whole(alice)
    secret = actions.add_goal(erwan, plan=plan, label="Objectif médical réservé", category="medical")
    document = actions.send(alice, plan=plan, kind="ppcs")
    assert document.category == "social"
    from cercle.base.common import blobs

    with blobs.open(document.sha256) as stream:
        text = " ".join(page.extract_text() for page in PdfReader(stream).pages)
    assert secret.label not in text and "extrait" in text and "Moins de chutes" in text
    assert Document.objects.visible_to(erwan).filter(pk=document.pk).exists()


@given(st.text(st.sampled_from("ab \n"), max_size=60), st.text(st.sampled_from("ab \n"), max_size=60))
@settings(max_examples=200, deadline=None)
def test_the_pieces_of_a_comparison_give_back_both_texts(was, now):
    left, right = documents.words_diff(was, now)
    assert "".join(t for _op, t in left) == was and "".join(t for _op, t in right) == now
    assert [t for op, t in left if op == "same"] == [t for op, t in right if op == "same"]


def test_two_versions_are_compared_part_by_part(alice):
    plan, goal = plans.whole(alice)
    agreed(alice, plan)
    actions.revise(alice, plan=plan)
    actions.change(alice, row=goal, fields={"label": ("Moins de chutes", "Plus de chutes du tout")})
    actions.add_goal(alice, plan=plan, label="Dormir")
    old = documents.seen_by(alice, plan.versions.get().data)
    rows = {r["kind"] for r in documents.compare(old, documents.seen_by(alice, documents.snapshot(alice, plan)))}
    assert rows == {"same", "changed", "added"}


# --- meetings ------------------------------------------------------------------------------------------------------------


def test_a_decision_becomes_an_action_in_one_act_and_opens_a_revision_of_an_agreed_plan(alice, erwan):
    plan, goal = plans.whole(alice)
    agreed(alice, plan)
    who = actions.owner_of(alice, member=erwan.member)
    meeting = meetings.call_meeting(
        alice, title="RCP", starts_at=timezone.now() - timedelta(minutes=5), invitees=[who, actions.owner_of(alice, name="Mme Guével", label="bailleur")]
    )  # fmt: skip
    assert meeting.attendances.count() == 2
    meetings.answer_meeting(erwan, meeting=meeting, coming=True)
    meetings.hold_meeting(alice, meeting=meeting, present={a.pk: True for a in meeting.attendances.all()})
    decision = meetings.decide(alice, meeting=meeting, text="Demander l’APA", owner=who)
    goal.refresh_from_db()
    action = meetings.decision_to_action(
        alice, decision=decision, goal=Goal.objects.select_related("plan").get(pk=goal.pk)
    )
    plan.refresh_from_db()
    assert (action.label, action.owner_member_id, plan.state, plan.number) == (
        "Demander l’APA",
        erwan.member.pk,
        "revised",
        2,
    )
    with pytest.raises(Refused, match="déjà une action"):
        meetings.decision_to_action(alice, decision=decision, goal=goal)
    from cercle.care.coordination import meeting_documents

    meeting.refresh_from_db()
    data = meeting_documents.pdf_data(alice, meeting, "minutes")
    text = " ".join(p.extract_text() for p in PdfReader(io.BytesIO(pdf.render(meeting_documents.TEMPLATE, data))).pages)
    assert "Demander l’APA" in text and "Mme Guével" in text and "présent" in text


def test_an_invitee_is_told_and_an_outsider_is_not(alice, bruno, erwan):
    meeting = meetings.call_meeting(
        alice,
        title="RCP",
        starts_at=timezone.now() + timedelta(days=2),
        invitees=[actions.owner_of(alice, member=erwan.member)],
    )
    plan_tasks.tell_meeting(meeting_id=str(meeting.pk), what="called")
    assert [n.user_id for n in Notification.objects.filter(kind="meeting")] == [erwan.user_id]
    with pytest.raises(Refused, match="invités"):
        meetings.answer_meeting(bruno, meeting=meeting, coming=True)
    with pytest.raises(Refused, match="pas encore"):
        meetings.hold_meeting(alice, meeting=meeting, present={})
    meetings.cancel_meeting(alice, meeting=meeting, reason="grève")
    assert Meeting.objects.get().state == "cancelled"


# --- screens -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def browse(client, settings):
    settings.MFA_REQUIRED = False

    def enter(acting):
        client.force_login(acting.user)
        return client

    return enter


def test_every_part_of_the_editor_the_reading_page_and_the_pages_open(alice, erwan, browse):
    plan, goal = plans.whole(alice, owner_member=erwan.member)
    base = f"/patients/{alice.circle_id}/plan/{plan.pk}/"
    site = browse(alice)
    for query in [
        "",
        *(f"?part={p}" for p in ("person", "project", "problems", "goals", "unmet", "agreement", "review")),
        "?lire=1",
        f"?goal={goal.pk}",
    ]:
        assert site.get(base + query).status_code == 200, query
    assert site.get(f"/patients/{alice.circle_id}/plan/").status_code == 200
    pages = site.get(f"{base}apercu/?kind=ppcs").json()["pages"]
    assert site.get(f"{base}apercu/{pages}.png?kind=ppcs")["Content-Type"] == "image/png"
    assert site.get(f"{base}apercu/{pages + 1}.png").status_code == 404
    for kind in PlanKind:
        assert site.get(f"{base}pdf/{kind}/")["Content-Type"] == "application/pdf"
    agreed(alice, plan)
    actions.revise(alice, plan=plan)
    assert site.get(f"{base}versions/").status_code == 200
    assert site.get(f"/patients/{alice.circle_id}/reunions/nouvelle/").status_code == 200
    action = goal.actions.get()
    assert site.get(f"/patients/{alice.circle_id}/plan/actions/{action.pk}/").status_code == 200
    assert (
        site.get(f"/patients/{alice.circle_id}/plan/actions/{action.pk}/", headers={"HX-Request": "true"}).status_code
        == 200
    )


def test_what_is_typed_is_kept_and_a_clash_comes_back_with_both(alice, browse):
    plan, _goal = plans.whole(alice)
    url = f"/patients/{alice.circle_id}/plan/{plan.pk}/mots/"
    json = {"Accept": "application/json"}
    site = browse(alice)
    said = site.post(url, {"wish": "Autre", "was_wish": plan.wish}, headers=json).json()
    assert said["saved"] == ["wish"] and said["values"]["wish"] == "Autre"
    clash = site.post(url, {"wish": "Encore", "was_wish": plan.wish}, headers=json)
    assert clash.status_code == 409 and clash.json()["clashes"][0]["theirs"] == "Autre"


def test_the_owner_answers_from_the_reading_page_and_a_refusal_without_reason_is_said(alice, bruno, browse):
    sister = make.contact(bruno.patient, "Le Gall", "Soazig")
    person = make.user(kind="relative", first_name="Soazig", last_name="Le Gall")
    soazig = make.join(bruno, contact=sister, person=person, ground="wish")
    plan, goal = plans.whole(alice, owner_member=soazig.member)
    url = f"/patients/{alice.circle_id}/plan/actions/{goal.actions.get().pk}/reponse/"
    site = browse(soazig)
    assert site.get(f"/patients/{alice.circle_id}/plan/{plan.pk}/").status_code == 404  # a draft of its editors
    actions.propose(alice, plan=plan)
    assert "Barres" in site.get(f"/patients/{alice.circle_id}/plan/{plan.pk}/").content.decode()
    assert "pourquoi" in site.post(url, {"state": "refused", "lire": "1"}).content.decode()
    assert site.post(url, {"state": "accepted", "lire": "1"}).status_code == 302
    assert Action.objects.get(goal=goal).state == "accepted"
    assert (
        site.post(f"/patients/{alice.circle_id}/plan/{plan.pk}/mots/", {"was_wish": "", "wish": "x"}).status_code == 403
    )


def test_the_number_of_statements_does_not_depend_on_how_much_there_is(alice, browse):
    plan, goal = plans.whole(alice)
    site = browse(alice)
    url = f"/patients/{alice.circle_id}/plan/{plan.pk}/"

    def count() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert site.get(url).status_code == 200
        return len(seen)

    count()
    few = min(count(), count())  # the rights matrix is read again every few seconds
    for n in range(6):
        other = actions.add_goal(alice, plan=plan, label=f"objectif {n}")
        for m in range(4):
            actions.add_action(alice, goal=other, label=f"action {m}", owner=actions.owner_of(alice, name="Jean"))
        actions.comment_goal(alice, goal=other, text="vu")
    assert min(count(), count()) == few
    assert few <= 30, few
