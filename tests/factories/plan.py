"""A plan around Yvonne, by the shortest way."""

from datetime import timedelta

from django.utils import timezone

from cercle.care.coordination.actions import meetings
from cercle.care.coordination.actions import plan as actions
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from cercle.people.circles.vocabulary import Reader
from tests import factories as make


def joined(acting, role, ground="recognised"):
    """A professional of the circle, as she acts there."""
    person = make.user(role)
    circles.add_member(acting, practice_role=role, ground=ground)
    return reach(make_viewer(person, role), acting.circle_id)


def coordinator(acting, given="Alice", family="Morvan", organization=None):
    organization = organization or make.organization("DAC de Cornouaille", category="606")
    return joined(
        acting, make.role(given, family, profession="309", system="JDV_J48", organization=organization), "establishment"
    )


def herself(acting):
    """The person, with an account of her own."""
    person = make.user(kind="patient", first_name="Yvonne", last_name="Quéméneur")
    circles.add_member(acting, kind="patient", user=person, ground="own_file")
    return reach(make_viewer(person), acting.circle_id)


def relative(acting, given="Soazig", family="Le Gall", ground="wish", **traits):
    """Her daughter; with `is_legal_rep`, her guardian."""
    near = make.contact(acting.patient, family, given, **traits)
    person = make.user(kind="relative", first_name=given, last_name=family)
    return make.join(acting, contact=near, person=person, ground=ground)


def whole(acting, owner_member=None):
    """Every part filled but the agreement."""
    plan = actions.start_plan(acting)
    words = {
        "wish": "Rester à Tréboul, descendre au port le dimanche.", "synthesis": "Blocages à la marche, trois chutes depuis janvier.",
        "review_on": (timezone.localdate() + timedelta(days=90)).isoformat(), "contingency": "Appeler le DAC.",
    }  # fmt: skip
    actions.change(acting, row=plan, fields={k: ("", v) for k, v in words.items()})
    problem = actions.add_problem(acting, plan=plan, code="MED-057", detail="Chutes au lever.")
    goal = actions.add_goal(
        acting, plan=plan, label="Moins de chutes", measure="Aucune chute en un mois", problem=problem
    )
    owner = (
        actions.owner_of(acting, member=owner_member)
        if owner_member
        else actions.owner_of(acting, name="Gwenn Bozec", label="ergothérapeute")
    )
    actions.add_action(
        acting, goal=goal, label="Barres d’appui", owner=owner, due_on=timezone.localdate() + timedelta(days=10)
    )
    actions.add_goal(acting, plan=plan, label="Marcher seul dehors", unmet_reason="Risque de chute trop élevé.")
    plan.refresh_from_db()
    return plan, goal


def talked(acting, goal) -> None:
    """A goal with all that a screen may have to show: a mask, a history, words below it, one who refused."""
    actions.comment_goal(acting, goal=goal, text="Je peux venir le mardi soir.")
    actions.move_goal(acting, goal=goal, state="reached", text="Aucune chute en mars")
    actions.set_readers(acting, row=goal, hidden=int(Reader.CARER))
    dropped = actions.add_goal(acting, plan=goal.plan, label="Reprendre le vélo")
    actions.move_goal(acting, goal=dropped, state="dropped")
    action = goal.actions.get()
    actions.move_action(acting, action=action, state="refused", text="Pas avant juin.")


def met(acting, plan):
    """A meeting that was held, with one decision."""
    who = actions.owner_of(acting, member=acting.member)
    meeting = meetings.call_meeting(acting, title="Point", starts_at=timezone.now(), invitees=[who], plan=plan)
    meetings.hold_meeting(acting, meeting=meeting, present={})
    meetings.decide(acting, meeting=meeting, text="Demander l’APA", owner=who)
    return meeting


def walk_rows(acting, note) -> dict:
    """Rows for the addresses of the plan and of meetings (tests/hostile/test_walk.py)."""
    plan, goal = whole(acting)
    actions.change(acting, row=plan, fields={"project": ("", note.text)})
    meeting = meetings.call_meeting(acting, title=note.text, starts_at=timezone.now())
    decision = meetings.decide(
        acting, meeting=meeting, text=note.text, owner=actions.owner_of(acting, name="Jean Le Berre")
    )
    return {
        "plan_id": plan.pk, "goal_id": goal.pk, "action_id": goal.actions.get().pk, "problem_id": plan.problems.get().pk,
        "meeting_id": meeting.pk, "resolution_id": decision.pk,
    }  # fmt: skip
