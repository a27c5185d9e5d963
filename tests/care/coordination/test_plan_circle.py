"""The plan in the circle: those in charge are told and answer, the person agrees herself, what is hidden stays so, nothing is stuck."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob as Job

from cercle.base.common.errors import Refused
from cercle.base.notifications.models import Notification
from cercle.base.notifications.renderers import render
from cercle.care.coordination import plan_documents as documents
from cercle.care.coordination import plan_tasks
from cercle.care.coordination.actions import meetings
from cercle.care.coordination.actions import plan as actions
from cercle.care.coordination.models import Action, Agreement, CarePlan, Goal
from cercle.people.circles.vocabulary import Reader
from tests import factories as make
from tests.factories import plan as plans

pytestmark = pytest.mark.django_db


@pytest.fixture
def bruno():
    return make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")))


@pytest.fixture
def alice(bruno):
    return plans.coordinator(bruno)


@pytest.fixture
def erwan(bruno):
    return plans.joined(bruno, make.role("Erwan", "Kervella", profession="10", civility="M"))


@pytest.fixture
def browse(client, settings):
    settings.MFA_REQUIRED = False

    def enter(acting):
        client.force_login(acting.user)
        return client

    return enter


def url_of(plan) -> str:
    return f"/patients/{plan.circle_id}/plan/{plan.pk}/"


def told(acting, what: str) -> int:
    return Notification.objects.filter(user=acting.user_id, params__what=what).count()


def page(answer) -> str:
    return " ".join(answer.content.decode().split())


# --- those in charge -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["a professional", "her daughter", "herself"])
def test_whoever_is_in_charge_is_told_then_answers_each_way_and_may_come_back_on_it(alice, bruno, browse, who):
    owner = {
        "a professional": lambda: plans.joined(bruno, make.role("Gwenn", "Bozec", profession="94")),
        "her daughter": lambda: plans.relative(bruno), "herself": lambda: plans.herself(bruno),
    }[who]()  # fmt: skip
    plan, goal = plans.whole(alice, owner_member=owner.member)
    action = goal.actions.get()
    actions.propose(alice, plan=plan)
    plan_tasks.tell_owner(action_id=str(action.pk), by=str(alice.user_id))
    notice = Notification.objects.get(user=owner.user_id, kind="plan_action")
    site = browse(owner)
    ((_notice, line),) = render(owner.user, [notice])
    assert "vous est confiée" in line.text and site.get(line.url).status_code == 200
    answer = f"/patients/{plan.circle_id}/plan/actions/{action.pk}/reponse/"
    shown = page(site.get(url_of(plan) + "?lire=1"))
    assert "Ce qui vous est confié" in shown and "J’accepte" in shown
    for state in ("accepted", "in_progress", "done", "in_progress", "refused", "accepted"):
        said = {"state": state, "lire": "1", "text": "Pas avant juin" if state == "refused" else ""}
        assert site.post(answer, said).status_code == 302, state
        assert (
            f'value="{state}"'
            not in page(site.get(url_of(plan) + "?lire=1"))
            .partition("Ce qui vous est confié")[2]
            .partition("Ce que je souhaite")[0]
        )
    action.refresh_from_db()
    assert action.state == "accepted" and action.reason == ""
    assert [e.to_state for e in action.events.order_by("id")] == [
        "proposed", "accepted", "in_progress", "done", "in_progress", "refused", "accepted",
    ]  # fmt: skip
    assert all(e.author_user_id == owner.user_id for e in action.events.exclude(kind="opened"))


def test_asked_again_after_a_refusal_she_is_told_again_and_told_when_it_is_called_off(alice, erwan):
    plan, goal = plans.whole(alice, owner_member=erwan.member)
    action = goal.actions.get()
    actions.propose(alice, plan=plan)
    for _twice in (1, 2):
        plan_tasks.tell_owner(action_id=str(action.pk), by=str(alice.user_id))
    assert told(erwan, "asked") == 1
    actions.answer_action(erwan, action=action, state="refused", text="Pas avant juin.")
    actions.move_action(alice, action=action, state="proposed")
    plan_tasks.tell_owner(action_id=str(action.pk), by=str(alice.user_id))
    assert told(erwan, "asked") == 2
    owner = actions.owner_of(alice, member=erwan.member)
    actions.change_action(alice, action=action, label="Barres d’appui, deux", owner=owner, due_on=None)
    plan_tasks.tell_owner(action_id=str(action.pk), by=str(alice.user_id))
    assert told(erwan, "asked") == 2  # another word does not ring
    actions.move_action(alice, action=action, state="cancelled", text="Plus utile")
    plan_tasks.tell_owner(action_id=str(action.pk), by=str(alice.user_id), what="withdrawn")
    assert told(erwan, "withdrawn") == 1


def test_what_happens_to_a_plan_leaves_the_job_that_tells_it_in_the_same_breath(alice, erwan):
    plan, goal = plans.whole(alice, owner_member=erwan.member)
    action = goal.actions.get()
    given = {"given_by": "person", "given_name": "Yvonne", "form": "oral", "given_on": timezone.localdate()}
    for act, expected in [
        (lambda: actions.propose(alice, plan=plan), ("tell_plan", "proposed")),
        (lambda: actions.answer_action(erwan, action=action, state="refused", text="Non"), ("tell_answer", "refused")),
        (lambda: actions.move_action(alice, action=action, state="proposed"), ("tell_owner", None)),
        (lambda: actions.move_action(alice, action=action, state="cancelled"), ("tell_owner", "withdrawn")),
        (lambda: actions.comment_goal(erwan, goal=goal, text="vu"), ("tell_comment", None)),
        (lambda: actions.agree(alice, plan=plan, decision="no", words="Non", **given), ("tell_plan", "refused")),
        (lambda: actions.agree(alice, plan=plan, decision="yes", **given), ("tell_plan", "agreed")),
        (lambda: actions.sign(erwan, plan=plan), ("tell_plan", "signed")),
        (lambda: actions.revise(alice, plan=plan), ("tell_plan", "revised")),
    ]:
        Job.objects.all().delete()
        act()
        left = [(j.task_name.rpartition(".")[2], j.args.get("what") or j.args.get("state")) for j in Job.objects.all()]
        assert expected in left, (expected, left)


def test_late_is_derived_from_the_day_and_never_written(alice, browse):
    plan, goal = plans.whole(alice)
    action, today = goal.actions.get(), timezone.localdate()
    row = {"state": "accepted", "due_on": (today - timedelta(days=1)).isoformat()}
    for days, state, late in [
        (-1, "accepted", True),
        (0, "accepted", False),
        (-1, "done", False),
        (-1, "refused", False),
    ]:
        due = today + timedelta(days=days)
        assert documents.is_late(row | {"state": state, "due_on": due.isoformat()}, today) is late
        assert Action(state=state, due_on=due).is_late(today) is late
    Action.objects.filter(pk=action.pk).update(due_on=today - timedelta(days=1))
    assert "En retard" in page(browse(alice).get(url_of(plan)))
    assert list(Action.objects.late(today)) == [action] and Action.objects.get(pk=action.pk).state == "proposed"


def test_the_history_of_an_action_is_read_in_words(alice, erwan, browse):
    plan, goal = plans.whole(alice, owner_member=erwan.member)
    action = goal.actions.get()
    actions.answer_action(erwan, action=action, state="refused", text="Pas avant juin.")
    shown = page(browse(alice).get(f"/patients/{plan.circle_id}/plan/actions/{action.pk}/"))
    assert (
        "Refusé" in shown and "Pas avant juin." in shown and "Erwan Kervella" in shown and "<b>refused</b>" not in shown
    )
    actions.move_goal(alice, goal=goal, state="reached", text="Aucune chute en mars")
    assert "Aucune chute en mars" in page(browse(alice).get(f"{url_of(plan)}?goal={goal.pk}"))


def test_one_in_charge_who_may_not_read_the_goal_is_shown_as_such(alice, erwan, bruno, browse):
    soazig = plans.relative(bruno)
    plan, goal = plans.whole(alice, owner_member=soazig.member)
    assert "ne peut pas lire cet objectif" not in page(browse(alice).get(url_of(plan)))
    actions.set_readers(alice, row=goal, hidden=int(Reader.CARER))
    assert "Soazig Le Gall ne peut pas lire cet objectif" in page(browse(alice).get(url_of(plan)))


def test_each_morning_reviews_late_actions_and_tomorrow_s_meetings_are_remembered_once(alice, erwan):
    """The job itself, and its place in the schedule: nobody is reminded by a job that nobody starts."""
    import_module("config.schedule")
    assert plan_tasks.remind.name in {key[0] for key in app.periodic_registry.periodic_tasks}
    plan, goal = plans.whole(alice, owner_member=erwan.member)
    actions.propose(alice, plan=plan)
    today = timezone.localdate()
    CarePlan.objects.filter(pk=plan.pk).update(review_on=today + timedelta(days=14))
    Action.objects.filter(goal=goal).update(due_on=today - timedelta(days=1))
    meeting = meetings.call_meeting(
        alice, title="RCP", starts_at=timezone.now() + timedelta(days=1), invitees=[actions.owner_of(alice, member=erwan.member)]
    )  # fmt: skip
    Job.objects.all().delete()
    plan_tasks.remind()
    waiting = {job.task_name.rpartition(".")[2]: job.args for job in Job.objects.all()}
    assert waiting == {
        "remind_review": {"plan_id": str(plan.pk), "days": 14}, "remind_action": {"action_id": str(goal.actions.get().pk)},
        "tell_meeting": {"meeting_id": str(meeting.pk), "what": "tomorrow"},
    }  # fmt: skip
    for _twice in (1, 2):
        plan_tasks.remind_review(**waiting["remind_review"])
        plan_tasks.remind_action(**waiting["remind_action"])
        plan_tasks.tell_meeting(**waiting["tell_meeting"])
    assert (told(alice, "review"), told(alice, "late"), told(erwan, "late"), told(erwan, "tomorrow")) == (1, 1, 1, 1)


# --- her agreement, online -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", ["person", "legal_rep"])
def test_the_person_or_her_guardian_agrees_online_in_her_own_name_today(alice, bruno, browse, title):
    giver = plans.herself(bruno) if title == "person" else plans.relative(bruno, is_legal_rep=True, ground="legal")
    plan, _goal = plans.whole(alice)
    assert browse(giver).get(url_of(plan)).status_code == 404  # a draft of its editors
    actions.propose(alice, plan=plan)
    plan.refresh_from_db()
    site = browse(giver)
    assert "Donner ma réponse" in page(site.get(url_of(plan)))
    forged = {"given_by": "trusted", "given_name": "Quelqu’un", "form": "written", "given_on": "2020-01-01"}
    posted = {"decision": "yes", "lire": "1", "based_on": plan.changed_at.isoformat()}
    assert site.post(f"{url_of(plan)}accord/", forged | posted).status_code == 302
    given = Agreement.objects.get()
    assert (given.given_by, given.form, given.given_on) == (title, "digital", timezone.localdate())
    assert given.given_name == giver.actor_name and given.author_user_id == giver.user_id
    plan.refresh_from_db()
    assert plan.state == "agreed" and plan.versions.get().data["wish"] == plan.wish
    shown = page(site.get(url_of(plan)))
    assert "Donner ma réponse" not in shown and given.given_name in shown
    assert site.post(f"{url_of(plan)}accord/", posted).status_code == 422


def test_a_refusal_online_asks_for_her_words_keeps_them_and_is_told_to_those_who_write(alice, bruno, browse):
    yvonne, soazig = plans.herself(bruno), plans.relative(bruno)
    plan, _goal = plans.whole(alice)
    actions.propose(alice, plan=plan)
    site = browse(yvonne)
    empty = site.post(f"{url_of(plan)}accord/", {"decision": "no", "lire": "1"})
    assert empty.status_code == 422 and "en quelques mots" in page(empty)
    said = {"decision": "partly", "words": "", "lire": "1"}
    assert site.post(f"{url_of(plan)}accord/", said).status_code == 422
    assert (
        site.post(
            f"{url_of(plan)}accord/", {"decision": "no", "words": "Pas d’accueil de jour", "lire": "1"}
        ).status_code
        == 302
    )
    plan_tasks.tell_plan(plan_id=str(plan.pk), what="refused", by=str(yvonne.user_id))
    assert (told(alice, "refused"), told(bruno, "refused"), told(soazig, "refused")) == (1, 1, 0)
    assert "Pas d’accueil de jour" in page(site.get(url_of(plan)))


def test_one_does_not_agree_to_words_that_changed_meanwhile(alice, bruno, browse):
    yvonne = plans.herself(bruno)
    plan, _goal = plans.whole(alice)
    actions.propose(alice, plan=plan)
    plan.refresh_from_db()
    read_at = plan.changed_at.isoformat()
    actions.change(alice, row=plan, fields={"wish": (plan.wish, "Entrer en établissement")})
    answer = browse(yvonne).post(
        f"{url_of(plan)}accord/", {"decision": "partly", "words": "presque tout", "based_on": read_at, "lire": "1"}
    )
    shown = page(answer)
    assert answer.status_code == 422 and "Alice Morvan a changé le plan" in shown
    assert "presque tout" in shown and "Entrer en établissement" in shown  # her words are kept, the new ones are there
    assert not Agreement.objects.exists()


def test_a_relative_does_not_agree_for_her(alice, bruno, browse):
    soazig = plans.relative(bruno)
    plan, _goal = plans.whole(alice)
    actions.propose(alice, plan=plan)
    site = browse(soazig)
    assert "Donner ma réponse" not in page(site.get(url_of(plan)))
    full = {
        "decision": "yes",
        "given_by": "person",
        "given_name": "Yvonne",
        "form": "oral",
        "given_on": "2026-01-01",
        "lire": "1",
    }
    assert site.post(f"{url_of(plan)}accord/", full).status_code == 422
    assert not Agreement.objects.exists()


def test_the_signing_button_is_there_once_and_only_for_professionals(alice, bruno, browse):
    soazig = plans.relative(bruno)
    plan, _goal = plans.whole(alice)
    actions.agree(
        alice, plan=plan, decision="yes", given_by="person", given_name="Yvonne", form="oral", given_on=timezone.localdate()
    )  # fmt: skip
    assert "Signer" in page(browse(bruno).get(url_of(plan) + "?lire=1"))
    assert "Signer" not in page(browse(soazig).get(url_of(plan)))
    assert browse(bruno).post(f"{url_of(plan)}signer/", {"lire": "1"}).status_code == 302
    shown = page(browse(bruno).get(url_of(plan) + "?lire=1"))
    assert "Signer" not in shown and "Bruno Le Bris" in shown


# --- order, masks --------------------------------------------------------------------------------------------------------


def test_goals_are_put_in_order_and_one_that_an_editor_does_not_see_keeps_its_place(alice, erwan, browse):
    plan = actions.start_plan(alice)
    goals = {n: actions.add_goal(alice, plan=plan, label=n) for n in ("un", "deux", "trois")}
    secret = actions.add_goal(erwan, plan=plan, label="caché", category="medical")
    actions.set_readers(erwan, row=secret, hidden=int(Reader.SOCIAL))
    last = actions.add_goal(alice, plan=plan, label="quatre")

    def order() -> str:
        return " ".join(plan.goals.order_by("position").values_list("label", flat=True))

    site = browse(alice)
    site.post(f"/patients/{plan.circle_id}/plan/objectifs/{last.pk}/ordre/", {"up": "1"})
    assert order() == "un deux quatre caché trois"
    site.post(f"/patients/{plan.circle_id}/plan/objectifs/{goals['un'].pk}/ordre/", {"up": "0"})
    assert order() == "deux un quatre caché trois"
    site.post(f"/patients/{plan.circle_id}/plan/objectifs/{goals['deux'].pk}/ordre/", {"up": "1"})  # already first
    assert order() == "deux un quatre caché trois"
    Goal.objects.update(position=0)  # rows that came from elsewhere
    actions.order_goal(alice, goal=goals["deux"], up=True)
    assert order().startswith("deux un")


def test_a_goal_hidden_on_the_screen_is_gone_for_those_and_says_it_to_those_who_write(alice, bruno, browse):
    yvonne = plans.herself(bruno)
    plan, goal = plans.whole(alice)
    actions.propose(alice, plan=plan)
    assert goal.label in page(browse(yvonne).get(url_of(plan)))
    ticked = {"hidden": [str(int(Reader.PATIENT)), "999", "x"]}
    browse(alice).post(f"/patients/{plan.circle_id}/plan/objectifs/{goal.pk}/lecteurs/", ticked)
    assert goal.label not in page(browse(yvonne).get(url_of(plan)))
    assert "non montré à : la personne" in page(browse(bruno).get(url_of(plan) + "?lire=1"))
    problem = plan.problems.get()
    browse(alice).post(f"/patients/{plan.circle_id}/plan/problemes/{problem.pk}/lecteurs/", ticked)
    assert problem.detail not in page(browse(yvonne).get(url_of(plan)))


def test_nobody_hides_from_herself_what_another_wrote_nor_opens_what_she_may_not_write(alice, erwan):
    _plan, goal = plans.whole(alice)
    with pytest.raises(Refused, match="vous-même"):
        actions.set_readers(erwan, row=goal, hidden=int(Reader.HEALTH))
    medical = actions.add_goal(erwan, plan=goal.plan, label="Adapter le traitement", category="medical")
    actions.set_readers(erwan, row=medical, hidden=int(Reader.PATIENT))
    with pytest.raises(Refused, match="catégorie"):
        actions.set_readers(alice, row=medical, hidden=0)
    with pytest.raises(Refused, match="catégorie"):
        actions.change(alice, row=medical, fields={"label": ("Adapter le traitement", "Arrêter le traitement")})
    actions.set_readers(erwan, row=medical, hidden=int(Reader.HEALTH))  # its author always sees it
    medical.refresh_from_db()
    assert medical.hidden == int(Reader.HEALTH | Reader.CONNECTOR | Reader.BREAK_GLASS)


def test_the_synthesis_has_a_category_and_tells_nothing_to_those_who_do_not_read_it(alice, erwan, bruno, browse):
    ana = plans.joined(bruno, make.role("Ana", "Morvan", profession="41", system="JDV_J48"))
    plan = actions.start_plan(erwan)
    actions.change(
        erwan, row=plan, fields={"synthesis": ("", "Cirrhose compensée"), "synthesis_category": ("social", "medical")}
    )
    plan.refresh_from_db()
    assert plan.synthesis_category == "medical"
    url = f"{url_of(plan)}mots/"
    answer = browse(ana).post(url, {"synthesis": "x", "was_synthesis": "y"}, headers={"Accept": "application/json"})
    assert answer.status_code == 422 and "Cirrhose" not in answer.content.decode()
    shown = page(browse(ana).get(f"{url_of(plan)}?part=problems"))
    assert "Cirrhose" not in shown and "votre profil ne lit pas" in shown
    assert "Cirrhose" in page(browse(alice).get(f"{url_of(plan)}?part=problems"))  # reads it, does not write it


def test_a_synthesis_that_quotes_a_note_does_not_get_more_readers_than_the_note(erwan, bruno):
    from cercle.care.notebook import actions as notebook

    plan = actions.start_plan(erwan)
    actions.change(erwan, row=plan, fields={"synthesis_category": ("social", "medical")})
    note = notebook.add_note(erwan, text="Bilan hépatique stable.", category="medical")
    plan.refresh_from_db()
    actions.adopt_note(erwan, plan=plan, note=note)
    with pytest.raises(Refused, match="moins de lecteurs"):
        actions.change(erwan, row=plan, fields={"synthesis_category": ("medical", "social")})


# --- nothing is stuck, nothing goes on after the end ---------------------------------------------------------------------


def test_a_dropped_goal_is_found_again_and_taken_up(alice, browse):
    plan, goal = plans.whole(alice)
    actions.move_goal(alice, goal=goal, state="dropped")
    shown = page(browse(alice).get(f"{url_of(plan)}?part=unmet"))
    assert "Abandonnés" in shown and goal.label in shown
    browse(alice).post(f"/patients/{plan.circle_id}/plan/objectifs/{goal.pk}/etat/", {"state": "active"})
    goal.refresh_from_db()
    assert goal.state == "active"


CLOSED = {
    "agree": lambda a, plan, goal: actions.agree(
        a, plan=plan, decision="yes", given_by="person", given_name="Y", form="oral", given_on=timezone.localdate()
    ),
    "sign": lambda a, plan, goal: actions.sign(a, plan=plan), "revise": lambda a, plan, goal: actions.revise(a, plan=plan),
    "propose": lambda a, plan, goal: actions.propose(a, plan=plan),
    "close": lambda a, plan, goal: actions.close_plan(a, plan=plan, reason="encore"),
    "words": lambda a, plan, goal: actions.change(a, row=plan, fields={"wish": (plan.wish, "autre")}),
    "goal": lambda a, plan, goal: actions.move_goal(a, goal=goal, state="reached"),
    "order": lambda a, plan, goal: actions.order_goal(a, goal=goal, up=True),
    "readers": lambda a, plan, goal: actions.set_readers(a, row=goal, hidden=8),
    "action": lambda a, plan, goal: actions.move_action(a, action=goal.actions.get(), state="done"),
}  # fmt: skip


@pytest.mark.parametrize("verb", list(CLOSED))
def test_a_closed_plan_is_read_and_nothing_else(alice, verb):
    plan, goal = plans.whole(alice)
    actions.close_plan(alice, plan=plan, reason="fin de l’appui")
    with pytest.raises(Refused, match="clos"):
        CLOSED[verb](alice, plan, goal)


def test_a_closed_plan_shows_that_it_is_and_offers_nothing_to_press(alice, erwan, browse):
    plan, _goal = plans.whole(alice, owner_member=erwan.member)
    actions.propose(alice, plan=plan)
    actions.close_plan(alice, plan=plan, reason="fin de l’appui")
    shown = page(browse(erwan).get(url_of(plan)))
    assert "Clos, version 1" in shown and "J’accepte" not in shown and "Signer" not in shown and "Envoyer" not in shown
    assert CarePlan.objects.get().events.order_by("-id").first().text == "fin de l’appui"


def test_an_action_of_an_agreed_plan_shows_its_progress_and_no_form_that_would_be_refused(alice, browse):
    plan, goal = plans.whole(alice)
    actions.agree(
        alice, plan=plan, decision="yes", given_by="person", given_name="Y", form="oral", given_on=timezone.localdate()
    )  # fmt: skip
    shown = page(browse(alice).get(f"/patients/{plan.circle_id}/plan/actions/{goal.actions.get().pk}/"))
    assert 'name="state"' in shown and 'name="label"' not in shown and "Barres d’appui" in shown


def test_without_the_script_what_was_refused_is_said_again_with_the_typed_text(alice, bruno, browse):
    plan, _goal = plans.whole(alice)
    actions.change(bruno, row=plan, fields={"wish": (plan.wish, "Voir la mer")})
    answer = browse(alice).post(f"{url_of(plan)}mots/", {"wish": "Dormir enfin", "was_wish": plan.wish})
    assert answer.status_code == 409
    assert "Son texte : « Voir la mer »" in page(answer) and "Votre texte : « Dormir enfin »" in page(answer)
