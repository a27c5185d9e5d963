"""The verbs of the plan: words, problems, goals, actions, agreement, signatures, versions. Each moves rows, says who, and traces.

Words are kept field by field: `change` is given what the writer had in front of her, so that two editors at once lose nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.realtime.push import push
from cercle.care.notebook.forms import HIDEABLE
from cercle.people.circles import rights
from cercle.people.circles.access import Acting
from cercle.people.circles.models import Member
from cercle.people.circles.vocabulary import Category, Form, Ground, MemberKind, Permission, Reader

from ..models import (
    Action,
    ActionEvent,
    Agreement,
    CarePlan,
    Edit,
    Goal,
    GoalComment,
    GoalEvent,
    Meeting,
    PlanEvent,
    PlanVersion,
    Problem,
    Signature,
)
from ..vocabulary_plan import (
    ACTION_MOVES,
    ANSWERS,
    GOAL_MOVES,
    GOING,
    PLAN_MOVES,
    ActionState,
    Decided,
    GivenBy,
    GoalState,
    OwnerKind,
    PlanState,
    Priority,
    problems,
)

OWNERS: dict[str, OwnerKind] = {
    MemberKind.PRACTICE_ROLE: OwnerKind.PROFESSIONAL,
    MemberKind.TEAM: OwnerKind.TEAM,
    MemberKind.RELATIVE: OwnerKind.RELATIVE,
    MemberKind.PATIENT: OwnerKind.PERSON,
}
LONGEST = 20_000  # characters of a long text
SAME_RUN = timedelta(minutes=10)  # one writer's keys in one field are one row of history


@dataclass(frozen=True)
class Owner:
    """Who is in charge: a member of the circle, or a name outside it."""

    kind: str
    name: str
    label: str = ""
    member_id: UUID | None = None

    def columns(self) -> dict:
        return {
            "owner_kind": self.kind,
            "owner_name": self.name[:200],
            "owner_label": self.label[:200],
            "owner_member_id": self.member_id,
        }


@dataclass(frozen=True)
class Clash:
    """Somebody else changed the same field meanwhile: what she wrote, and when."""

    field: str
    theirs: str
    by: str
    at: datetime


@dataclass
class Kept:
    saved: list[str] = field(default_factory=list)
    clashes: list[Clash] = field(default_factory=list)


def owner_of(acting: Acting, *, member: Member | UUID | None = None, name: str = "", label: str = "") -> Owner:
    """A member by her row or id (of this circle, still there), or the name of an outsider. Raises Refused."""
    if member is None:
        name = " ".join(name.split())
        if not name:
            raise Refused(_("Dites qui en est chargé : un membre du cercle, ou le nom d’une personne."), "owner")
        return Owner(OwnerKind.OUTSIDER, name, " ".join(label.split()))
    from cercle.people.circles.faces import faces

    wanted = member.pk if isinstance(member, Member) else member
    face = next((f for f in faces(acting) if f.pk == wanted), None)
    if face is None or face.kind not in OWNERS:
        raise Refused(_("Cette personne n’est pas, ou plus, dans le cercle."), "owner")
    return Owner(OWNERS[face.kind], face.name, face.label or face.word, face.pk)


# --- The plan ----------------------------------------------------------------------------------------------------------


def start_plan(
    acting: Acting, *, wish: str = "", synthesis: str = "", referent: Member | UUID | None = None
) -> CarePlan:
    """Open the plan of one's structure for this person. `wish`, `synthesis`: what the coordination file already says."""
    _may(acting, Permission.EDIT_PLAN)
    role = acting.practice_role
    organization_id = role.organization_id if role else None
    if referent is None and acting.member is not None:
        referent = acting.member.pk
    who = owner_of(acting, member=referent) if referent else None
    with transaction.atomic():
        if CarePlan.objects.filter(
            circle_id__in=acting.circles, organization_id=organization_id, closed_at=None
        ).exists():
            raise Refused(_("Votre structure tient déjà un plan pour cette personne."), "exists")
        plan = CarePlan.objects.create(
            circle_id=acting.circle_id, organization_id=organization_id, wish=_text(wish), synthesis=_text(synthesis),
            referent_member_id=who.member_id if who else None, referent_name=who.name if who else "",
            referent_label=who.label if who else "", changed_by=acting.actor_name[:200], **_signed(acting),
        )  # fmt: skip
        _event(acting, plan, "opened")
        _told(acting, "coordination.plan_opened", plan, Kind.CREATE)
    return plan


# Fields that are kept as one types: how long, or which values.
TEXTS = {
    CarePlan: {"wish": LONGEST, "project": LONGEST, "synthesis": LONGEST, "contingency": LONGEST, "review_note": 1000},
    Goal: {"label": 300, "why": LONGEST, "measure": 500},
    Problem: {"label": 300, "detail": LONGEST},
    Meeting: {"title": 200, "place": 300, "agenda": LONGEST, "report": 100_000},
}
REQUIRED = {"label", "title"}
OTHERS = {
    CarePlan: {"no_unmet", "review_on", "referent", "synthesis_category"},
    Goal: {"priority", "negotiated", "problem", "category"},
    Problem: {"category"},
    Meeting: set(),
}


def shown(row: Any, name: str) -> str:
    """A field as a form holds it: what `change` compares with."""
    value = getattr(row, {"referent": "referent_member_id", "problem": "problem_id"}.get(name, name))
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    return str(value)


def change(acting: Acting, *, row: Any, fields: Mapping[str, tuple[str, str]]) -> Kept:
    """Keep what was typed in a plan, a goal, a problem or a meeting: {field: (what the writer had before her, what she wrote)}.

    A field that somebody else changed meanwhile is not overwritten: it comes back as a `Clash`, the others are kept. Every
    change leaves an `Edit` with the former words. Raises Refused when the plan's words are agreed upon, or a value is wrong.
    """
    _may(acting, Permission.EDIT_PLAN)
    model = type(row)
    known = set(TEXTS[model]) | OTHERS[model]
    kept = Kept()
    with transaction.atomic():
        row = _locked(acting, row)
        if not isinstance(row, Meeting):
            plan = row if isinstance(row, CarePlan) else _lock_plan(acting, row.plan_id)
            _words_may_change(plan)
        touched = {row.category}
        if {"synthesis", "synthesis_category"} & set(fields) and isinstance(row, CarePlan):
            touched.add(row.synthesis_category)  # a clash would show it, too
        for category in touched:
            _category(acting, category)
        columns = set()
        for name, (was, now) in fields.items():
            if name not in known:
                continue
            was, now, is_now = _text(was), _text(now), shown(row, name)
            if now == is_now or (was == now and was != is_now):
                continue  # already so; or not touched by this writer, who will be shown it
            if was != is_now:
                last = Edit.objects.filter(target_id=row.pk, field=name).order_by("-id").first()
                by, at = (last.author_name, last.at) if last else ("", timezone.now())
                kept.clashes.append(Clash(name, is_now, by, at))
                continue
            columns |= _set(acting, row, name, now)
            _keep_edit(acting, row, name, is_now, now)
            kept.saved.append(name)
        if kept.saved:
            if isinstance(row, CarePlan):
                row.changed_at, row.changed_by = timezone.now(), acting.actor_name[:200]
                columns |= {"changed_at", "changed_by"}
            elif not isinstance(row, Meeting):
                _touch(acting, plan)
            row.save(update_fields=sorted(columns))
            action = "coordination.meeting_changed" if isinstance(row, Meeting) else "coordination.plan_changed"
            record(acting, action, on=row, hidden=row.hidden, details={"fields": kept.saved})
            push(f"circle:{row.circle_id}")
    return kept


def _set(acting: Acting, row: Any, name: str, now: str) -> set[str]:
    longest = TEXTS[type(row)].get(name)
    if longest is not None:
        if name in REQUIRED and not now:
            raise Refused(_("Ce texte ne peut pas rester vide."), "empty")
        if len(now) > longest:
            raise Refused(
                _("Votre texte fait %(n)s caractères ; %(max)s au plus.") % {"n": len(now), "max": longest}, "long"
            )
        setattr(row, name, now)
        return {name}
    if name in ("no_unmet", "negotiated"):
        setattr(row, name, bool(now))
    elif name == "review_on":
        row.review_on = _day(now)
    elif name == "priority":
        if now not in {str(v) for v in Priority.values}:
            raise Refused(_("Priorité inconnue."), "vocabulary")
        row.priority = int(now)
    elif name == "category":
        row.category = _category(acting, now)
    elif name == "synthesis_category":
        row.synthesis_category = _category(acting, now)
        quoted = PlanEvent.objects.filter(plan=row, kind="quoted").values_list("data__category", flat=True)
        if not all(is_no_looser(now, source) for source in quoted):
            raise Refused(
                _("La synthèse reprend une note du cahier qui a moins de lecteurs que cette catégorie."), "looser"
            )
    elif name == "problem":
        found = Problem.objects.filter(pk=as_id(now), plan_id=row.plan_id).first() if now else None
        if now and found is None:
            raise Refused(_("Ce problème n’est plus dans le plan."), "problem")
        row.problem_id = found.pk if found else None
        return {"problem"}
    elif name == "referent":
        who = owner_of(acting, member=as_id(now)) if now else None
        row.referent_member_id = who.member_id if who else None
        row.referent_name, row.referent_label = (who.name, who.label) if who else ("", "")
        return {"referent_member", "referent_name", "referent_label"}
    return {name}


def _keep_edit(acting: Acting, row: Any, name: str, was: str, now: str) -> None:
    last = Edit.objects.filter(target_id=row.pk, field=name).order_by("-id").first()
    if last and last.author_user_id == acting.user_id and last.now == was and timezone.now() - last.at < SAME_RUN:
        last.now, last.at = now, timezone.now()
        last.save(update_fields=["now", "at"])
        return
    Edit.objects.create(circle_id=row.circle_id, target_id=row.pk, field=name, was=was, now=now, **_signed(acting))


def adopt_note(acting: Acting, *, plan: CarePlan, note: Any) -> CarePlan:
    """« Repris du cahier »: quote a note at the end of the synthesis. Refused where the synthesis has readers whom the note has not."""
    _may(acting, Permission.EDIT_PLAN)
    if note.hidden or not is_no_looser(plan.synthesis_category, note.category):
        raise Refused(_("Cette note a moins de lecteurs que la synthèse : elle ne peut pas y être reprise."), "looser")
    from cercle.base.web import french

    when = french.day(note.written_at)
    quote = _("« %(text)s » (%(who)s, %(when)s)") % {
        "text": " ".join(note.text.split()), "who": note.author_name, "when": when,
    }  # fmt: skip
    with transaction.atomic():
        plan = _lock_plan(acting, plan.pk)
        _words_may_change(plan)
        _category(acting, plan.synthesis_category)
        was = plan.synthesis
        if quote in was:
            raise Refused(_("Cette note est déjà dans la synthèse."), "again")
        plan.synthesis = _text(f"{was}\n{quote}" if was else quote)
        plan.changed_at, plan.changed_by = timezone.now(), acting.actor_name[:200]
        plan.save(update_fields=["synthesis", "changed_at", "changed_by"])
        _keep_edit(acting, plan, "synthesis", was, plan.synthesis)
        _event(acting, plan, "quoted", data={"note": str(note.pk), "category": str(note.category)})
        _told(acting, "coordination.note_adopted", plan, details={"note": str(note.pk)})
    return plan


def is_no_looser(to: str, source: str) -> bool:
    """Everyone who reads the category `to` reads `source` too: what is copied gains no reader."""
    return all(source in p.readable for p in rights.current().profiles.values() if to in p.readable)


def speaks_for_her(acting: Acting) -> str:
    """By which title this reader may give the person's agreement online; "" when she may not."""
    if acting.ground == Ground.PERSON:
        return GivenBy.PERSON
    return GivenBy.LEGAL_REP if acting.profile.code == "legal_rep" else ""


def agree(
    acting: Acting,
    *,
    plan: CarePlan,
    decision: str,
    given_by: str = "",
    given_name: str = "",
    form: str = "",
    given_on: date | None = None,
    words: str = "",
    based_on: datetime | None = None,
) -> Agreement:
    """What the person says of this version. An agreement freezes it (PlanVersion); a refusal is kept and leaves the draft open.

    Written down by an editor; or given online by the person or her legal representative, who sign with their own name, that day.
    `based_on`: the plan's `changed_at` as it was read; one does not agree to words that changed meanwhile.
    """
    if own_title := speaks_for_her(acting):
        given_by, given_name, form, given_on = own_title, acting.actor_name, Form.DIGITAL, timezone.localdate()
    else:
        _may(acting, Permission.EDIT_PLAN)
    if decision not in Decided.values or given_by not in GivenBy.values or form not in Form.values or given_on is None:
        raise Refused(_("Accord incomplet."), "vocabulary")
    words, given_name = _text(words), " ".join(given_name.split())
    if not given_name:
        raise Refused(_("Dites qui a donné cet accord."), "name")
    if given_on > timezone.localdate():
        raise Refused(_("La date de l’accord est dans le futur."), "future")
    if decision != Decided.YES and not words:
        raise Refused(
            _("Dites en quelques mots sur quoi porte un accord en partie, ou un refus.")
            if own_title
            else _("Notez ce que la personne a dit : un accord en partie, ou un refus, porte sur quelque chose."),
            "words",
        )
    with transaction.atomic():
        plan = _lock_plan(acting, plan.pk)
        _not_closed(plan)
        if not plan.is_open:
            raise Refused(_("Cette version a déjà reçu un accord. Ouvrez une révision pour la changer."), "state")
        if based_on is not None and plan.changed_at > based_on:
            raise Refused(
                _("%(who)s a changé le plan depuis que vous l’avez lu. Relisez-le, puis répondez.")
                % {"who": plan.changed_by},
                "conflict",
            )
        if decision != Decided.NO and not plan.goals.exclude(state=GoalState.DROPPED).exists():
            raise Refused(_("Un plan sans objectif ne peut pas recevoir d’accord."), "no_goal")
        given = Agreement.objects.create(
            plan=plan, number=plan.number, decision=decision, given_by=given_by, given_name=given_name[:200], form=form,
            given_on=given_on, words=words, **_signed(acting),
        )  # fmt: skip
        if decision == Decided.NO:
            _event(acting, plan, "not_agreed", text=words)
            _told(acting, "coordination.plan_not_agreed", plan, Kind.UPDATE)
        else:
            from ..plan_documents import snapshot

            _move_plan(acting, plan, PlanState.AGREED, "agreed", text=words)
            PlanVersion.objects.create(plan=plan, number=plan.number, data=snapshot(acting, plan), **_signed(acting))
            _told(acting, "coordination.plan_agreed", plan, Kind.UPDATE)
    return given


def sign(acting: Acting, *, plan: CarePlan) -> Signature:
    """A professional of the circle signs the agreed version; the first signature makes it signed, the others are added."""
    _may(acting, Permission.ANSWER_PLAN)
    if acting.ground not in (Ground.MEMBER, Ground.TEAM):
        raise Refused(
            _("Les professionnels du cercle signent ; la personne et ses proches donnent leur accord."), "ground"
        )
    with transaction.atomic():
        plan = _lock_plan(acting, plan.pk)
        _not_closed(plan)
        if plan.state not in (PlanState.AGREED, PlanState.SIGNED):
            raise Refused(_("Le plan se signe une fois que la personne a donné son accord."), "state")
        if plan.signatures.filter(number=plan.number, author_user_id=acting.user_id).exists():
            raise Refused(_("Vous avez déjà signé cette version."), "again")
        signature = Signature.objects.create(plan=plan, number=plan.number, **_signed(acting))
        if plan.state == PlanState.AGREED:
            _move_plan(acting, plan, PlanState.SIGNED, "signed")
        else:
            _event(acting, plan, "signed")
        _told(acting, "coordination.plan_signed", plan, Kind.UPDATE)
    return signature


def revise(acting: Acting, *, plan: CarePlan, reason: str = "") -> CarePlan:
    """Open the next version: the words may change again; the agreed one is kept as it was."""
    _may(acting, Permission.EDIT_PLAN)
    with transaction.atomic():
        plan = _lock_plan(acting, plan.pk)
        _not_closed(plan)
        if plan.is_open:
            raise Refused(_("Une révision est déjà ouverte."), "state")
        plan.number += 1
        _move_plan(acting, plan, PlanState.REVISED, "revised", text=_text(reason))
        _told(acting, "coordination.plan_revised", plan, Kind.UPDATE)
    return plan


def propose(acting: Acting, *, plan: CarePlan, message: str = "") -> CarePlan:
    """« Proposer au cercle »: everyone who may read it is told, and those in charge of an action are asked to answer."""
    _may(acting, Permission.EDIT_PLAN)
    with transaction.atomic():
        plan = _lock_plan(acting, plan.pk)
        _not_closed(plan)
        if not plan.goals.exists():
            raise Refused(
                _("Ajoutez d’abord un objectif : le cercle doit pouvoir répondre sur quelque chose."), "no_goal"
            )
        plan.proposed_at = timezone.now()
        plan.save(update_fields=["proposed_at"])
        _event(acting, plan, "proposed", text=_text(message))
        _told(acting, "coordination.plan_proposed", plan, Kind.UPDATE)
    return plan


def close_plan(acting: Acting, *, plan: CarePlan, reason: str) -> CarePlan:
    """The support ends: the plan stays readable, another one may be opened."""
    _may(acting, Permission.EDIT_PLAN)
    if not _text(reason):
        raise Refused(_("Dites pourquoi ce plan s’arrête."), "reason")
    with transaction.atomic():
        plan = _lock_plan(acting, plan.pk)
        _not_closed(plan)
        plan.closed_at = timezone.now()
        plan.save(update_fields=["closed_at"])
        _event(acting, plan, "closed", text=_text(reason))
        _told(acting, "coordination.plan_closed", plan, Kind.UPDATE)
    return plan


# --- Problems and goals ----------------------------------------------------------------------------------------------


def add_problem(
    acting: Acting, *, plan: CarePlan, code: str = "", label: str = "", detail: str = "", category: str = ""
) -> Problem:
    """Of the PAERPA list (`code`), or free (`label`)."""
    _may(acting, Permission.EDIT_PLAN)
    known = problems().get(code)
    label = " ".join(label.split()) or (known["libelle"].replace("'", "’") if known else "")
    if code and not known or not label:
        raise Refused(_("Choisissez un problème de la liste, ou écrivez-le."), "label")
    if not category:
        category = known["categorie"] if known else Category.SOCIAL
        category = category if category in acting.writable else acting.profile.default_category
    with transaction.atomic():
        plan = _lock_plan(acting, plan.pk)
        _words_may_change(plan)
        problem = Problem.objects.create(
            plan=plan, circle_id=plan.circle_id, code=code, label=label[:300], detail=_text(detail),
            category=_category(acting, category), position=_next(plan.problems), **_signed(acting),
        )  # fmt: skip
        _touch(acting, plan)
        _told(acting, "coordination.problem_added", problem, Kind.CREATE)
    return problem


def end_problem(acting: Acting, *, problem: Problem) -> None:
    _may(acting, Permission.EDIT_PLAN)
    with transaction.atomic():
        problem = _locked(acting, problem)
        plan = _lock_plan(acting, problem.plan_id)
        _words_may_change(plan)
        problem.ended_at = timezone.now()
        problem.save(update_fields=["ended_at"])
        _touch(acting, plan)
        _told(acting, "coordination.problem_ended", problem, Kind.UPDATE)


def add_goal(
    acting: Acting,
    *,
    plan: CarePlan,
    label: str,
    why: str = "",
    measure: str = "",
    priority: int = Priority.MEDIUM,
    negotiated: bool = False,
    problem: Problem | None = None,
    category: str = "",
    unmet_reason: str = "",
) -> Goal:
    """In the person's words. With `unmet_reason`, it is stated at once as one that cannot be reached."""
    _may(acting, Permission.EDIT_PLAN)
    label, unmet_reason = " ".join(label.split()), _text(unmet_reason)
    if not label:
        raise Refused(_("Écrivez l’objectif, dans les mots de la personne."), "label")
    category = category or (Category.SOCIAL if Category.SOCIAL in acting.writable else acting.profile.default_category)
    state = GoalState.UNMET if unmet_reason else GoalState.ACTIVE
    with transaction.atomic():
        plan = _lock_plan(acting, plan.pk)
        _words_may_change(plan)
        if problem is not None and problem.plan_id != plan.pk:
            raise Refused(_("Ce problème n’est pas dans le plan."), "problem")
        goal = Goal.objects.create(
            plan=plan, circle_id=plan.circle_id, label=label[:300], why=_text(why), measure=_text(measure)[:500], priority=priority,
            negotiated=negotiated, problem=problem, category=_category(acting, category), state=state, unmet_reason=unmet_reason,
            position=_next(plan.goals), **_signed(acting),
        )  # fmt: skip
        GoalEvent.objects.create(goal=goal, kind="opened", to_state=state, text=unmet_reason, **_signed(acting))
        _touch(acting, plan)
        _told(acting, "coordination.goal_added", goal, Kind.CREATE)
    return goal


def move_goal(acting: Acting, *, goal: Goal, state: str, text: str = "") -> Goal:
    """Reached, not reached (with its reason), dropped, or taken up again. Progress is said in any state of the plan."""
    _may(acting, Permission.EDIT_PLAN)
    text = _text(text)
    with transaction.atomic():
        goal = _locked(acting, goal)
        _not_closed(_lock_plan(acting, goal.plan_id))
        if state not in GOAL_MOVES[GoalState(goal.state)]:
            raise Refused(_("Cet objectif est déjà dans cet état."), "state")
        if state == GoalState.UNMET and not text:
            raise Refused(_("Un objectif non atteint se dit avec sa raison."), "reason")
        was, goal.state = goal.state, state
        if state == GoalState.UNMET:
            goal.unmet_reason = text
        goal.save(update_fields=["state", "unmet_reason"])
        GoalEvent.objects.create(goal=goal, kind="moved", from_state=was, to_state=state, text=text, **_signed(acting))
        _told(acting, "coordination.goal_moved", goal, Kind.UPDATE, details={"state": str(state)})
    return goal


def order_goal(acting: Acting, *, goal: Goal, up: bool) -> None:
    """One place up or down among the goals that this editor sees; those hidden from her keep theirs."""
    _may(acting, Permission.EDIT_PLAN)
    with transaction.atomic():
        plan = _lock_plan(acting, _locked(acting, goal).plan_id)
        _words_may_change(plan)
        goals = list(plan.goals.select_for_update(of=("self",)).order_by("position", "id"))
        shown = {g.pk for g in Goal.objects.visible_to(acting).filter(plan=plan, state__in=GOING)} | {goal.pk}
        seen = [i for i, g in enumerate(goals) if g.pk in shown]
        here = next(n for n, i in enumerate(seen) if goals[i].pk == goal.pk)
        there = here - 1 if up else here + 1
        if not 0 <= there < len(seen):
            return
        goals[seen[here]], goals[seen[there]] = goals[seen[there]], goals[seen[here]]
        for n, row in enumerate(goals, 1):
            if row.position != n:
                row.position = n
                row.save(update_fields=["position"])
        _touch(acting, plan)
        _told(acting, "coordination.plan_changed", plan, details={"fields": ["order"]})


def set_readers(acting: Acting, *, row: Goal | Problem, hidden: int) -> None:
    """Who of the circle does not see it (classes of readers), in any state of the plan. Its author always does."""
    _may(acting, Permission.EDIT_PLAN)
    hidden &= sum(HIDEABLE)
    if hidden & Reader.HEALTH:
        hidden |= Reader.CONNECTOR | Reader.BREAK_GLASS  # they read for a health professional
    with transaction.atomic():
        row = _locked(acting, row)
        plan = _lock_plan(acting, row.plan_id)
        _not_closed(plan)
        _category(acting, row.category)
        if hidden == row.hidden:
            return
        if hidden & acting.mask and row.author_user_id != acting.user_id:
            raise Refused(_("Vous ne le verriez plus vous-même : demandez-le à la personne qui l’a écrit."), "own_mask")
        _keep_edit(acting, row, "hidden", str(row.hidden), str(int(hidden)))
        row.hidden = int(hidden)
        row.save(update_fields=["hidden"])
        _touch(acting, plan)
        _told(acting, "coordination.readers_changed", row, Kind.UPDATE)


def comment_goal(acting: Acting, *, goal: Goal, text: str) -> GoalComment:
    """A word of the circle under a goal."""
    _may(acting, Permission.ANSWER_PLAN)
    text = _text(text)
    if not text:
        raise Refused(_("Écrivez quelques mots."), "empty")
    with transaction.atomic():
        goal = _locked(acting, goal)
        comment = GoalComment.objects.create(goal=goal, text=text, **_signed(acting))
        _told(acting, "coordination.goal_commented", goal, Kind.CREATE, details={"comment": str(comment.pk)})
    return comment


# --- Actions ---------------------------------------------------------------------------------------------------------


def add_action(
    acting: Acting,
    *,
    goal: Goal,
    label: str,
    owner: Owner,
    due_on: date | None = None,
    state: str = ActionState.PROPOSED,
) -> Action:
    """`due_on` None: « en continu ». Whoever is in charge is told (at once when the plan has been proposed to the circle)."""
    _may(acting, Permission.EDIT_PLAN)
    label = " ".join(label.split())
    if not label:
        raise Refused(_("Écrivez l’action : qui fait quoi."), "label")
    with transaction.atomic():
        goal = _locked(acting, goal)
        plan = _lock_plan(acting, goal.plan_id)
        _words_may_change(plan)
        action = Action.objects.create(
            goal=goal, label=label[:300], due_on=due_on, state=state, position=_next(goal.actions), **owner.columns(),
            **_signed(acting),
        )  # fmt: skip
        ActionEvent.objects.create(action=action, kind="opened", to_state=state, **_signed(acting))
        _touch(acting, plan)
        _told(acting, "coordination.action_added", action, Kind.CREATE, hidden=goal.hidden)
    return action


def change_action(
    acting: Acting, *, action: Action, label: str, owner: Owner, due_on: date | None, based_on: datetime | None = None
) -> Action:  # fmt: skip
    """Another owner is asked afresh: what was accepted by the former one is proposed again."""
    _may(acting, Permission.EDIT_PLAN)
    label = " ".join(label.split())
    if not label:
        raise Refused(_("Écrivez l’action : qui fait quoi."), "label")
    with transaction.atomic():
        action = _lock_action(acting, action)
        plan = _lock_plan(acting, action.goal.plan_id)
        _words_may_change(plan)
        last = action.events.order_by("-id").first()
        if based_on is not None and last is not None and last.at > based_on and last.author_user_id != acting.user_id:
            raise Refused(
                _("%(who)s a changé cette action pendant que vous écriviez. Vérifiez, puis enregistrez de nouveau.")
                % {"who": last.author_name},
                "conflict",
            )
        before = {"label": action.label, "owner": action.owner_name, "due_on": str(action.due_on or "")}
        was, other = action.state, owner.member_id != action.owner_member_id or owner.name != action.owner_name
        action.label, action.due_on = label[:300], due_on
        for name, value in owner.columns().items():
            setattr(action, name, value)
        if other and action.state in (ActionState.ACCEPTED, ActionState.IN_PROGRESS, ActionState.REFUSED):
            action.state = ActionState.PROPOSED
        action.save()
        ActionEvent.objects.create(
            action=action, kind="changed", from_state=was, to_state=action.state, data=before, **_signed(acting)
        )
        _touch(acting, plan)
        _told(
            acting, "coordination.action_changed", action, Kind.UPDATE, hidden=action.goal.hidden, details={"owner": other}
        )  # fmt: skip
    return action


def move_action(acting: Acting, *, action: Action, state: str, text: str = "") -> Action:
    """An editor says where it stands."""
    _may(acting, Permission.EDIT_PLAN)
    return _move_action(acting, action, state, text, "moved")


def answer_action(acting: Acting, *, action: Action, state: str, text: str = "") -> Action:
    """Whoever is in charge answers from the circle: accepted, under way, done, or not possible and why."""
    _may(acting, Permission.ANSWER_PLAN)
    if not is_mine(acting, action):
        raise Refused(_("Seule la personne chargée de cette action peut y répondre."), "not_mine")
    if state not in ANSWERS:
        raise Refused(_("Réponse inconnue."), "vocabulary")
    return _move_action(acting, action, state, text, "answered")


def is_mine(acting: Acting, action: Any) -> bool:
    return acting.member is not None and action.owner_member_id == acting.member.pk


def _move_action(acting: Acting, action: Action, state: str, text: str, kind: str) -> Action:
    text = _text(text)
    with transaction.atomic():
        action = _lock_action(acting, action)
        _not_closed(_lock_plan(acting, action.goal.plan_id))
        if state not in ACTION_MOVES[ActionState(action.state)]:
            raise Refused(
                _("Cette action est déjà « %(state)s » : rechargez la page.") % {"state": action.get_state_display()},
                "state",
            )
        if state == ActionState.REFUSED and not text:
            raise Refused(
                _("Dites en un mot pourquoi ce n’est pas possible : le cercle cherchera autrement."), "reason"
            )
        was, action.state = action.state, state
        action.reason = text if state in (ActionState.REFUSED, ActionState.CANCELLED) else ""
        action.save(update_fields=["state", "reason"])
        ActionEvent.objects.create(
            action=action, kind=kind, from_state=was, to_state=state, text=text, **_signed(acting)
        )
        _told(
            acting, f"coordination.action_{kind}", action, Kind.UPDATE, hidden=action.goal.hidden, details={"state": str(state)}
        )  # fmt: skip
    return action


# --- Sending ---------------------------------------------------------------------------------------------------------


def send(acting: Acting, *, plan: CarePlan, kind: str):
    """The PDF, put among the circle's documents with readers of whom each may read every part of it. Gives the Document."""
    import io

    from cercle.base.common import pdf
    from cercle.care.documents import actions as documents

    from .. import plan_documents

    _may(acting, Permission.EDIT_PLAN)
    whole = plan_documents.seen_by(acting, plan_documents.snapshot(acting, plan))
    category, hidden, parts = plan_documents.for_everyone(acting, whole)
    data = plan_documents.pdf_data(acting, parts, kind, plan=plan)
    content = pdf.render(plan_documents.TEMPLATE, data)
    with transaction.atomic():
        row = _lock_plan(acting, plan.pk)
        document = documents.store_upload(
            acting, file=io.BytesIO(content), category=category, hidden=hidden, holder_id=row.pk, type_code=plan_documents.TYPE_CODE,
            title=plan_documents.document_title(row, kind), name=plan_documents.file_name(row.number, kind),
        )  # fmt: skip
        _event(acting, row, "sent", data={"document": str(document.pk), "kind": str(kind)})
        _told(acting, "coordination.plan_sent", row, Kind.UPDATE, details={"kind": str(kind)})
    return document


# --- the small steps ---------------------------------------------------------------------------------------------------


def _may(acting: Acting, permission: str) -> None:
    if not acting.may(permission):
        raise Refused(_("Votre profil ne permet pas cet acte sur le plan."), "permission")


def _text(text: str) -> str:
    text = (text or "").replace("\x00", "").replace("\r\n", "\n").strip()
    if len(text) > 100_000:
        raise Refused(_("Ce texte est trop long : joignez plutôt un document."), "long")
    return text


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(_("Date illisible : jour, mois, année."), "date") from None


def as_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refused(_("Choix inconnu."), "vocabulary") from None


def _category(acting: Acting, category: str) -> str:
    if category not in Category.values or category not in acting.writable:
        raise Refused(_("Votre profil ne permet pas d’écrire dans cette catégorie."), "category")
    return category


def _signed(acting: Acting) -> dict:
    return {
        "author_user_id": acting.user_id,
        "author_role_id": acting.practice_role_id,
        "author_name": acting.actor_name[:200],
        "author_label": (acting.actor_role or "")[:200],
    }


def _next(rows) -> int:
    return (rows.aggregate(last=Max("position"))["last"] or 0) + 1


def _lock_plan(acting: Acting, plan_id: UUID) -> CarePlan:
    return CarePlan.objects.select_for_update(of=("self",)).visible_to(acting).get(pk=plan_id)


def _locked(acting: Acting, row: Any) -> Any:
    return type(row).objects.select_for_update(of=("self",)).visible_to(acting).get(pk=row.pk)


def _lock_action(acting: Acting, action: Action) -> Action:
    goals = Goal.objects.visible_to(acting)
    return Action.objects.select_for_update(of=("self",)).select_related("goal").get(pk=action.pk, goal__in=goals)


def _not_closed(plan: CarePlan) -> None:
    if plan.closed_at:
        raise Refused(_("Ce plan est clos."), "closed")


def _words_may_change(plan: CarePlan) -> None:
    _not_closed(plan)
    if not plan.is_open:
        raise Refused(
            _("Cette version a reçu l’accord de la personne : ouvrez une révision pour changer le plan."), "agreed"
        )


def _touch(acting: Acting, plan: CarePlan) -> None:
    plan.changed_at, plan.changed_by = timezone.now(), acting.actor_name[:200]
    plan.save(update_fields=["changed_at", "changed_by"])


def _event(
    acting: Acting, plan: CarePlan, kind: str, *, was: str = "", text: str = "", data: dict | None = None
) -> None:
    PlanEvent.objects.create(
        plan=plan, kind=kind, from_state=was or plan.state, to_state=plan.state, text=text,
        data=(data or {}) | {"number": plan.number}, **_signed(acting),
    )  # fmt: skip


def _move_plan(acting: Acting, plan: CarePlan, state: str, kind: str, *, text: str = "") -> None:
    assert state in PLAN_MOVES[PlanState(plan.state)], (plan.state, state)
    was, plan.state = plan.state, state
    plan.save(update_fields=["state", "number"])
    _event(acting, plan, kind, was=was, text=text)


def _told(
    acting: Acting, action: str, row: Any, kind: Kind = Kind.UPDATE, *, details: dict | None = None, hidden: int | None = None
) -> None:  # fmt: skip
    record(acting, action, on=row, kind=kind, hidden=row.hidden if hidden is None else hidden, details=details)
    push(f"circle:{acting.circle_id}")
