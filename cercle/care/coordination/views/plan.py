"""The plan's screens: the editor beside its pages, the plan as the circle reads it, its versions. One template: plan_panel.html."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common import pdf
from cercle.base.common.errors import Refused
from cercle.base.web import french, panels
from cercle.base.web.limits import limited
from cercle.care.notebook.forms import HIDEABLE
from cercle.care.notebook.models import Note
from cercle.people.circles.access import Acting, enter
from cercle.people.circles.faces import Face, faces
from cercle.people.circles.vocabulary import READER_LABELS, Category, Form, Ground, MemberKind, Permission

from .. import plan_documents as documents
from ..actions import plan as actions
from ..forms_plan import ActionForm, AgreementForm, OnlineAgreementForm
from ..models import Action, CarePlan, CoordinationFile, Goal, GoalComment, Meeting, PlanEvent, PlanVersion, Problem
from ..plan_tasks import sees_plan
from ..vocabulary_plan import (
    ACTION_MOVES,
    EVENT_WORDS,
    GOING,
    TITLES,
    ActionState,
    GoalState,
    PlanKind,
    PlanState,
    Priority,
    problems,
)

PARTS = ("person", "project", "problems", "goals", "unmet", "agreement", "review")


def part_labels() -> dict[str, str]:
    return {
        "person": _("Personne et référent"),
        "project": _("Projet de la personne"),
        "problems": _("Problèmes"),
        "goals": _("Objectifs et actions"),
        "unmet": _("Objectifs non atteints"),
        "agreement": _("Accord de la personne"),
        "review": _("Dates de révision"),
    }


# --- The panel -----------------------------------------------------------------------------------------------------------


def panel(
    request: HttpRequest,
    acting: Acting,
    *,
    plan: CarePlan | None = None,
    problem: str = "",
    asked: Mapping[str, str] | None = None,
    **extra,
) -> dict:
    """The editor for those who write, the plan as it stands for the others; the read is traced with what it shows.

    `asked`: part, goal or reading page to come back to, instead of the address's own.
    """
    if asked is None:
        asked = {name: request.GET.get(name, "") for name in ("part", "goal", "lire")}
    people = faces(acting)
    plans = [
        p
        for p in CarePlan.objects.visible_to(acting).select_related("organization").order_by("-closed_at", "id")
        if sees_plan(acting, p)
    ]
    plan = plan or _chosen(acting, plans)
    may_edit = acting.may(Permission.EDIT_PLAN)
    context: dict[str, Any] = {
        "acting": acting, "circle_id": acting.circle_id, "faces": people, "plan": plan, "plans": plans, "may_edit": may_edit,
        "may_answer": acting.may(Permission.ANSWER_PLAN) and not (plan and plan.closed_at), "problem": problem,
        "mode": extra.pop("mode", ""),
        "meetings": Meeting.objects.visible_to(acting).order_by("-starts_at")[:6] if acting.may(Permission.READ_PLAN) else [],
    }  # fmt: skip
    if context["mode"] in ("meeting", "meeting_new"):  # whether there is a plan or not; the meeting traces itself
        return context | extra
    if plan is None:
        record(acting, "coordination.plan_read", kind=Kind.READ)
        own = acting.practice_role.organization_id if acting.practice_role else None
        context["may_start"] = may_edit and not any(p.organization_id == own and not p.closed_at for p in plans)
        return context | {"mode": "none"} | extra
    whole = documents.snapshot(acting, plan, people=people)
    parts = documents.seen_by(acting, whole)
    edited = may_edit and plan.closed_at is None and asked.get("lire") != "1"
    mode = context["mode"] or ("edit" if edited else "read")
    context |= {"mode": mode, "parts": parts, "kinds": [(k.value, k.label, TITLES[k]) for k in PlanKind]}
    context |= {"state_words": _state_words(plan), "state_kind": _state_kind(plan), "today": timezone.localdate()}
    context |= {"own_title": actions.speaks_for_her(acting), "scores": documents.score_words(parts)}
    signed = any(s["user"] == str(acting.user_id) for s in parts["signatures"])
    context["may_sign"] = (
        not plan.is_open and not plan.closed_at and not signed and acting.ground in (Ground.MEMBER, Ground.TEAM)
        and acting.may(Permission.ANSWER_PLAN)
    )  # fmt: skip
    context |= _goals(acting, plan, parts, people)
    if mode == "edit":
        context |= _editor(asked, acting, plan, parts, context)
        context |= {"shell_class": "shell-mini", "banner_template": "coordination/plan_banner.html"}
    context["progress"] = parts_progress(plan, parts, acting)
    record(
        acting, "coordination.plan_read", kind=Kind.READ, on=plan, hidden=plan.hidden,
        shown=[plan.pk, *(UUID(g["id"]) for g in parts["goals"]), *(UUID(p["id"]) for p in parts["problems"])],
    )  # fmt: skip
    return context | extra


def _chosen(acting: Acting, plans: list[CarePlan]) -> CarePlan | None:
    own = acting.practice_role.organization_id if acting.practice_role else None
    living = [p for p in plans if p.closed_at is None]
    mine = [p for p in living if p.organization_id == own]
    return (mine or living or plans or [None])[0]


def _state_words(plan: CarePlan) -> str:
    word = _("Brouillon") if plan.is_open else str(PlanState(plan.state).label)
    if plan.closed_at:
        word = _("Clos")
    return _("%(state)s, version %(n)s") % {"state": word, "n": plan.number}


def _state_kind(plan: CarePlan) -> tuple[str, str]:
    if plan.closed_at:
        return "wait", "lock"
    return {
        PlanState.DRAFT: ("wait", "pencil"), PlanState.REVISED: ("wait", "pencil"), PlanState.AGREED: ("info", "circle-check"),
        PlanState.SIGNED: ("done", "signature"),
    }[PlanState(plan.state)]  # fmt: skip


def _goals(acting: Acting, plan: CarePlan, parts: dict, people) -> dict:
    """Goals as the screen shows them: each action with its face, its state and what one may answer; the thread under each."""
    today = timezone.localdate()
    known = {str(f.pk): f for f in people}
    me = str(acting.member.pk) if acting.member else ""
    ids = [g["id"] for g in parts["goals"]]
    threads: dict[str, list] = {}
    for c in GoalComment.objects.filter(goal__in=ids).select_related("author_role__practitioner").order_by("id"):
        threads.setdefault(str(c.goal_id), []).append(c)
    rows = []
    for g in parts["goals"]:
        acts = []
        for a in g["actions"]:
            face = known.get(a["member"])
            late = documents.is_late(a, today)
            acts.append(
                SimpleNamespace(
                    pk=a["id"], label=a["label"], owner=a["owner"], owner_label=a["owner_label"], due=documents.due_words(a["due_on"]),
                    due_words=_("avant le %(day)s") % {"day": documents.due_words(a["due_on"])} if a["due_on"] else _("en continu"),
                    initials=face.initials if face else french.initials(a["owner"]), tint=face.tint if face else "proche",
                    state="late" if late else {"in_progress": "ongoing", "cancelled": "withdrawn"}.get(a["state"], a["state"]),
                    state_words=_("Annulé") if a["state"] == "cancelled" else "", raw=a["state"], reason=a["reason"],
                    mine=bool(me) and a["member"] == me,
                    blind=face is not None and not face.is_me and not _sees(face, g),
                    answers=[s for s in ("accepted", "in_progress", "done", "refused") if s in ACTION_MOVES[ActionState(a["state"])]],
                )
            )  # fmt: skip
        rows.append(
            SimpleNamespace(
                **{k: v for k, v in g.items() if k not in ("actions", "id")}, pk=g["id"], actions=acts, thread=threads.get(g["id"], []),
                state_label=GoalState(g["state"]).label, priority_label=Priority(g["priority"]).label,
                done=sum(a.raw == "done" for a in acts), total=sum(a.raw != "cancelled" for a in acts),
                hidden_from=hidden_words(g["hidden"]),
            )
        )  # fmt: skip
    mine = [a for g in rows for a in g.actions if a.mine and a.raw != "cancelled"]
    return {
        "goals": rows,
        "mine": [a for a in mine if a.raw != "done"],
        "mine_done": [a for a in mine if a.raw == "done"],
    }


def _sees(face: Face, goal: dict) -> bool:
    """Whether someone in charge may read what she is in charge of."""
    return goal["category"] in face.readable and not (goal["hidden"] & face.mask)


def hidden_words(hidden: int) -> str:
    return ", ".join(str(READER_LABELS[r]) for r in HIDEABLE if hidden & r)


def _editor(where: Mapping[str, str], acting: Acting, plan: CarePlan, parts: dict, context: dict) -> dict:
    part = where.get("part", "")
    part = part if part in PARTS else "goals"
    goals = [g for g in context["goals"] if g.state in GOING]
    asked = where.get("goal", "")
    if asked:
        part = "goals"
    here = next((i for i, g in enumerate(goals) if g.pk == asked), 0)
    goal = goals[here] if goals else None
    base = reverse("coordination:plan", args=[acting.circle_id, plan.pk])
    found = {
        "part": part, "going": goals, "goal": goal if part == "goals" else None, "goal_n": here + 1,
        "goal_before": goals[here - 1].pk if here else "", "goal_after": goals[here + 1].pk if here + 1 < len(goals) else "",
        "row": Goal.objects.get(pk=goal.pk) if goal and part == "goals" else None, "base_url": base,
        "priorities": Priority.choices, "codes": list(problems().values()),
        "categories": [(c.value, c.label) for c in Category if c.value in acting.writable],
        "owners": [f for f in context["faces"] if f.kind != MemberKind.CONNECTOR],
        "problem_rows": list(Problem.objects.visible_to(acting).filter(plan=plan, ended_at=None).order_by("position", "id")),
        "writable": acting.writable, "writes_synthesis": plan.synthesis_category in acting.writable,
        "synthesis_label": Category(plan.synthesis_category).label,
        "forms": Form.choices, "goal_states": GoalState.choices, "words_open": plan.is_open,
        "unmet": [g for g in context["goals"] if g.state == GoalState.UNMET],
        "dropped": [g for g in context["goals"] if g.state == GoalState.DROPPED],
        "agreements": plan.agreements.order_by("-id"), "signatures": plan.signatures.filter(number=plan.number).order_by("id"),
        "preview_url": reverse("coordination:plan_preview", args=[acting.circle_id, plan.pk]),
        "versions": plan.versions.count() if plan.number > 1 or not plan.is_open else 0,
    }  # fmt: skip
    for p in found["problem_rows"]:
        p.readers, p.hidden_from = _readers(p.hidden), hidden_words(p.hidden)
    if found["row"]:
        found["events"] = [
            (e, GoalState(e.to_state).label) for e in found["row"].events.exclude(kind="opened", text="").order_by("id")
        ]
        found["readers"] = _readers(found["row"].hidden)
        found["row_open"] = plan.is_open and found["row"].category in acting.writable
        found["row_category"] = Category(found["row"].category).label
    if part == "agreement":
        found["events"] = [
            (e, EVENT_WORDS[e.kind]) for e in PlanEvent.objects.filter(plan=plan, kind__in=EVENT_WORDS).order_by("-id")
        ]
    if part in ("goals", "problems") and plan.is_open and found["writes_synthesis"]:
        found["notes"] = suggestions(acting, plan, goal if part == "goals" else None)
    return found


def _readers(hidden: int) -> list[tuple[int, Any, bool]]:
    return [(int(r), READER_LABELS[r], bool(hidden & r)) for r in HIDEABLE]


def suggestions(acting: Acting, plan: CarePlan, goal: Any) -> list[Note]:
    """« Repris du cahier »: the last notes that speak of this goal, of readers who may all read the synthesis."""
    since = timezone.now() - timedelta(days=90)
    rows = (
        Note.objects.visible_to(acting)
        .roots()
        .filter(hidden=0, written_at__gte=since, state="current")
        .exclude(text="")
    )
    categories = [c.value for c in Category if actions.is_no_looser(plan.synthesis_category, c.value)]
    rows = rows.filter(category__in=categories)
    if goal is not None:
        words = [w.strip("«».,;:!?()’") for w in goal.label.replace("’", " ").split()]
        words = [w for w in words if len(w) > 3][:8]
        if words:
            rows = rows.matching(" or ".join(words))
    return [
        n for n in rows.order_by("-seq")[:6] if " ".join(n.text.split())[:200] not in " ".join(plan.synthesis.split())
    ][:2]


def parts_progress(plan: CarePlan, parts: dict, acting: Acting) -> dict:
    """Which of the seven parts are ready, and what is missing in a sentence."""
    going = [g for g in parts["goals"] if g["state"] in GOING]
    agreement = parts["agreement"]
    ready = {
        "person": bool(parts["referent"]["name"]),
        "project": bool(parts["wish"]),
        "problems": bool(parts["synthesis"] and parts["problems"]),
        "goals": bool(going) and all(g["actions"] for g in going),
        "unmet": parts["no_unmet"] or any(g["state"] == GoalState.UNMET for g in parts["goals"]),
        "agreement": bool(agreement and agreement["decision"] != "no"),
        "review": bool(plan.review_on),
    }
    identity = acting.patient.identity
    civility = {"F": _("Mme"), "M": _("M.")}.get(identity.sex, "")
    name = f"{civility} {identity.family.title()}".strip()
    missing = {
        "person": _("le référent"), "project": _("les mots de la personne"), "problems": _("la synthèse et les problèmes"),
        "goals": _("un objectif avec son action"), "unmet": _("ce qui n’est pas atteint"), "agreement": _("l’accord de %(who)s") % {"who": name},
        "review": _("la date de révision"),
    }  # fmt: skip
    n = sum(ready.values())
    lacks = [missing[p] for p in PARTS if not ready[p]]
    words = ngettext("%(n)s partie prête sur %(of)s.", "%(n)s parties prêtes sur %(of)s.", n) % {
        "n": n,
        "of": len(PARTS),
    }
    if lacks:
        listed = (
            lacks[0]
            if len(lacks) == 1
            else _("%(some)s et %(last)s") % {"some": ", ".join(lacks[:-1]), "last": lacks[-1]}
        )
        words += " " + _("Il manque %(what)s.") % {"what": listed}
    labels = part_labels()
    return {"parts": [(p, labels[p], ready[p]) for p in PARTS], "n": n, "of": len(PARTS), "words": words}


# --- Gates -----------------------------------------------------------------------------------------------------------------


def _plan(request: HttpRequest, circle_id: UUID, plan_id: UUID, permission: Permission) -> tuple[Acting, CarePlan]:
    acting = enter(request, circle_id, permission)
    plan = CarePlan.objects.visible_to(acting).select_related("organization").filter(pk=plan_id).first()
    if plan is None or not sees_plan(acting, plan):
        raise Http404
    return acting, plan


def _goal(request: HttpRequest, circle_id: UUID, goal_id: UUID, permission: Permission) -> tuple[Acting, Goal]:
    acting = enter(request, circle_id, permission)
    goal = Goal.objects.visible_to(acting).select_related("plan__organization").filter(pk=goal_id).first()
    if goal is None or not sees_plan(acting, goal.plan):
        raise Http404
    return acting, goal


def _action(request: HttpRequest, circle_id: UUID, action_id: UUID, permission: Permission) -> tuple[Acting, Action]:
    acting = enter(request, circle_id, permission)
    goals = Goal.objects.visible_to(acting)
    action = Action.objects.filter(pk=action_id, goal__in=goals).select_related("goal__plan__organization").first()
    if action is None or not sees_plan(acting, action.goal.plan):
        raise Http404
    return acting, action


def _back(acting: Acting, plan_id: UUID, part: str = "", goal: Any = "", read: bool = False) -> HttpResponse:
    url = reverse("coordination:plan", args=[acting.circle_id, plan_id])
    query = f"?goal={goal}" if goal else f"?part={part}" if part else "?lire=1" if read else ""
    return redirect(url + query)


def _do(request: HttpRequest, acting: Acting, plan: CarePlan, act, *, part: str = "", goal: Any = "") -> HttpResponse:
    """The act, then back to where one was; refused, the page says why and keeps the place."""
    read = request.POST.get("lire") == "1"
    try:
        made = act()
    except Refused as refused:
        asked = {"goal": str(goal or ""), "part": part, "lire": "1" if read else ""}
        return panels.show(
            request,
            acting,
            "plan",
            status=422,
            plan=plan,
            problem=str(refused.message),
            typed=request.POST,
            asked=asked,
        )
    if isinstance(made, Goal) and part != "unmet":
        goal, part = made.pk, ""
    return _back(acting, plan.pk, part, goal, read)


# --- Reading -----------------------------------------------------------------------------------------------------------------


@require_safe
def show(request: HttpRequest, circle_id: UUID, plan_id: UUID) -> HttpResponse:
    acting, plan = _plan(request, circle_id, plan_id, Permission.READ_PLAN)
    return panels.show(request, acting, "plan", plan=plan)


@require_safe
def preview(request: HttpRequest, circle_id: UUID, plan_id: UUID) -> HttpResponse:
    """How many pages the document has now, and the name of this drawing."""
    acting, plan = _plan(request, circle_id, plan_id, Permission.READ_PLAN)
    name, drawn = documents.preview(_data(request, acting, plan))
    return JsonResponse({"name": name, "pages": len(drawn)}, headers={"Cache-Control": "no-store"})


@require_safe
def page(request: HttpRequest, circle_id: UUID, plan_id: UUID, number: int) -> HttpResponse:
    """One page as a picture."""
    acting, plan = _plan(request, circle_id, plan_id, Permission.READ_PLAN)
    _name, drawn = documents.preview(_data(request, acting, plan))
    if not 1 <= number <= len(drawn):
        raise Http404
    record(acting, "coordination.plan_shown", kind=Kind.READ, on=plan, hidden=plan.hidden)
    return HttpResponse(drawn[number - 1], content_type="image/png", headers={"Cache-Control": "private, no-store"})


def _data(request: HttpRequest, acting: Acting, plan: CarePlan) -> dict:
    parts = documents.seen_by(acting, documents.snapshot(acting, plan))
    return documents.pdf_data(
        acting, parts, _kind(request.GET.get("kind")), plan=plan, tinted=request.GET.get("goal", "")
    )


def _kind(asked: str | None) -> str:
    return asked if asked in PlanKind.values else PlanKind.PPCS


@limited("export", per_minute=20)
@require_safe
def printed(request: HttpRequest, circle_id: UUID, plan_id: UUID, kind: str) -> HttpResponse:
    acting, plan = _plan(request, circle_id, plan_id, Permission.READ_PLAN)
    if kind not in PlanKind.values:
        raise Http404
    today = documents.snapshot(acting, plan)
    parts = documents.seen_by(acting, today)
    if asked := request.GET.get("version"):
        version = _version(plan, asked)
        parts = documents.seen_by(acting, version.data, today=today)
        if signed := documents.signatures(plan, version.number):  # it was frozen before the first of them
            parts |= {"signatures": signed, "state": PlanState.SIGNED}
    data = documents.pdf_data(acting, parts, kind, plan=plan)
    record(acting, "coordination.plan_printed", kind=Kind.EXPORT, on=plan, hidden=plan.hidden, details={"kind": kind})
    response = HttpResponse(pdf.render(documents.TEMPLATE, data), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{documents.file_name(parts["number"], kind)}"'
    response["Cache-Control"] = "no-store"
    return response


def _version(plan: CarePlan, number: str) -> PlanVersion:
    found = PlanVersion.objects.filter(plan=plan, number=number if number.isdigit() and len(number) < 5 else 0).first()
    if found is None:
        raise Http404
    return found


@require_safe
def versions(request: HttpRequest, circle_id: UUID, plan_id: UUID) -> HttpResponse:
    """Two versions side by side, word by word; « now » is the plan as it stands."""
    acting, plan = _plan(request, circle_id, plan_id, Permission.READ_PLAN)
    kept = {v.number: v for v in plan.versions.order_by("number")}
    now = documents.snapshot(acting, plan)
    choices = [
        (str(n), _("Version %(n)s, accord du %(day)s") % {"n": n, "day": french.short_day(v.frozen_at)})
        for n, v in kept.items()
    ]
    choices.append(("now", _("Aujourd’hui")))
    old = (
        request.GET.get("avant")
        if request.GET.get("avant") in dict(choices)
        else choices[-2 if len(choices) > 1 else -1][0]
    )
    new = request.GET.get("apres") if request.GET.get("apres") in dict(choices) else "now"

    def side(key: str) -> dict:
        return documents.seen_by(acting, now if key == "now" else kept[int(key)].data, today=now)

    rows = documents.compare(side(old), side(new))
    changed = sum(r["kind"] != "same" for r in rows)
    only_changes = request.GET.get("changes") == "1"
    if only_changes:
        rows = [r for r in rows if r["kind"] != "same"]
    record(acting, "coordination.versions_read", kind=Kind.READ, on=plan, hidden=plan.hidden)
    return panels.show(
        request, acting, "plan", plan=plan, mode="versions", rows=rows, choices=choices, old=old, new=new,
        changed=changed, only_changes=only_changes, labels=[dict(choices)[old], dict(choices)[new]],
    )  # fmt: skip


# --- Writing -----------------------------------------------------------------------------------------------------------------


@require_POST
def start(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.EDIT_PLAN)
    organization_id = acting.practice_role.organization_id if acting.practice_role else None
    known = (
        CoordinationFile.objects.filter(patient_id=acting.circle_id, organization_id=organization_id).living().first()
        if organization_id
        else None
    )
    try:
        plan = actions.start_plan(acting, wish=known.wish if known else "", synthesis=known.synthesis if known else "")
    except Refused as refused:
        return panels.show(request, acting, "plan", status=422, problem=str(refused.message))
    return _back(acting, plan.pk, "project")


@require_POST
def words(request: HttpRequest, circle_id: UUID, plan_id: UUID) -> HttpResponse:
    acting, plan = _plan(request, circle_id, plan_id, Permission.EDIT_PLAN)
    return _keep_plan(request, acting, plan, plan, part=request.POST.get("part", ""))


@require_POST
def goal_words(request: HttpRequest, circle_id: UUID, goal_id: UUID) -> HttpResponse:
    acting, goal = _goal(request, circle_id, goal_id, Permission.EDIT_PLAN)
    return _keep_plan(request, acting, goal, goal.plan, goal=goal.pk)


@require_POST
def problem_words(request: HttpRequest, circle_id: UUID, problem_id: UUID) -> HttpResponse:
    acting, problem = _problem(request, circle_id, problem_id)
    return _keep_plan(request, acting, problem, problem.plan, part="problems")


def _problem(request: HttpRequest, circle_id: UUID, problem_id: UUID) -> tuple[Acting, Problem]:
    acting = enter(request, circle_id, Permission.EDIT_PLAN)
    problem = Problem.objects.visible_to(acting).select_related("plan__organization").filter(pk=problem_id).first()
    if problem is None:
        raise Http404
    return acting, problem


def _keep(
    request: HttpRequest, acting: Acting, row: Any, again: Callable[..., HttpResponse], back: Callable[[], HttpResponse]
) -> HttpResponse:
    """What a page saves by itself, field by field (JSON); without its script, the same by a button.

    `again(problem=, status=)`: the page once more, with what is wrong; `back()`: where one goes when all is kept.
    """
    fields = {
        name.removeprefix("was_"): (str(was), request.POST.get(name.removeprefix("was_"), ""))
        for name, was in request.POST.items()
        if name.startswith("was_")
    }
    wants_json = "application/json" in request.headers.get("Accept", "")
    try:
        kept = actions.change(acting, row=row, fields=fields)
    except Refused as refused:
        if wants_json:
            return JsonResponse({"refused": str(refused.message), "code": refused.code}, status=422)
        return again(problem=f"{refused.message} {_mine(fields)}", status=422)
    fresh = type(row).objects.get(pk=row.pk)
    values = {
        name: actions.shown(fresh, name)
        for name in fields
        if hasattr(fresh, {"referent": "referent_name"}.get(name, name))
    }
    if wants_json:
        return JsonResponse(
            {
                "saved": kept.saved,
                "values": values,
                "at": french.hour(timezone.now()),
                "clashes": [
                    {
                        "field": c.field, "theirs": c.theirs,
                        "words": _("%(who)s a écrit ici pendant ce temps, à %(at)s :") % {"who": c.by or _("Quelqu’un"), "at": french.hour(c.at)},
                    }
                    for c in kept.clashes
                ],
            },
            status=409 if kept.clashes else 200,
        )  # fmt: skip
    if kept.clashes:
        c = kept.clashes[0]
        said = _("%(who)s a changé ce texte pendant que vous écriviez. Son texte : « %(text)s ».") % {
            "who": c.by, "text": c.theirs,
        }  # fmt: skip
        return again(problem=f"{said} {_mine({c.field: fields[c.field]})}", status=409)
    return back()


def _mine(fields: Mapping[str, tuple[str, str]]) -> str:
    """What was typed and is not kept: said again, so that it can be taken up."""
    texts = [now for was, now in fields.values() if now and now != was]
    return " ".join(_("Votre texte : « %(text)s ».") % {"text": text} for text in texts)


def _keep_plan(
    request: HttpRequest, acting: Acting, row: Any, plan: CarePlan, *, part: str = "", goal: Any = ""
) -> HttpResponse:
    def again(**said) -> HttpResponse:
        return panels.show(request, acting, "plan", plan=plan, asked={"part": part, "goal": str(goal or "")}, **said)

    return _keep(request, acting, row, again, lambda: _back(acting, plan.pk, part, goal))


@require_POST
def problem_add(request: HttpRequest, circle_id: UUID, plan_id: UUID) -> HttpResponse:
    acting, plan = _plan(request, circle_id, plan_id, Permission.EDIT_PLAN)
    post = request.POST
    return _do(
        request, acting, plan,
        lambda: actions.add_problem(acting, plan=plan, code=post.get("code", ""), label=post.get("label", ""), detail=post.get("detail", "")),
        part="problems",
    )  # fmt: skip


@require_POST
def problem_end(request: HttpRequest, circle_id: UUID, problem_id: UUID) -> HttpResponse:
    acting, problem = _problem(request, circle_id, problem_id)
    return _do(request, acting, problem.plan, lambda: actions.end_problem(acting, problem=problem), part="problems")


@require_POST
def goal_add(request: HttpRequest, circle_id: UUID, plan_id: UUID) -> HttpResponse:
    acting, plan = _plan(request, circle_id, plan_id, Permission.EDIT_PLAN)
    post = request.POST
    unmet = post.get("part") == "unmet"

    def act():
        if unmet and not post.get("unmet_reason", "").strip():
            raise Refused(_("Un objectif non atteint se dit avec sa raison."), "reason")
        return actions.add_goal(
            acting, plan=plan, label=post.get("label", ""), unmet_reason=post.get("unmet_reason", "") if unmet else ""
        )

    return _do(request, acting, plan, act, part="unmet" if unmet else "goals")


@require_POST
def goal_state(request: HttpRequest, circle_id: UUID, goal_id: UUID) -> HttpResponse:
    acting, goal = _goal(request, circle_id, goal_id, Permission.EDIT_PLAN)
    state = request.POST.get("state", "")

    def act():
        if state not in GoalState.values:
            raise Refused(_("État inconnu."), "vocabulary")
        actions.move_goal(acting, goal=goal, state=state, text=request.POST.get("text", ""))

    part = "unmet" if state in (GoalState.UNMET, GoalState.ACTIVE) else "goals"
    return _do(request, acting, goal.plan, act, part=part)


@require_POST
def goal_comment(request: HttpRequest, circle_id: UUID, goal_id: UUID) -> HttpResponse:
    acting, goal = _goal(request, circle_id, goal_id, Permission.ANSWER_PLAN)
    return _do(
        request, acting, goal.plan, lambda: actions.comment_goal(acting, goal=goal, text=request.POST.get("text", "")),
        goal="" if request.POST.get("lire") else goal.pk,
    )  # fmt: skip


@require_POST
def goal_order(request: HttpRequest, circle_id: UUID, goal_id: UUID) -> HttpResponse:
    acting, goal = _goal(request, circle_id, goal_id, Permission.EDIT_PLAN)
    up = request.POST.get("up") == "1"
    return _do(request, acting, goal.plan, lambda: actions.order_goal(acting, goal=goal, up=up), goal=goal.pk)


@require_POST
def goal_readers(request: HttpRequest, circle_id: UUID, goal_id: UUID) -> HttpResponse:
    acting, goal = _goal(request, circle_id, goal_id, Permission.EDIT_PLAN)
    return _do(
        request, acting, goal.plan, lambda: actions.set_readers(acting, row=goal, hidden=_hidden(request)), goal=goal.pk
    )


@require_POST
def problem_readers(request: HttpRequest, circle_id: UUID, problem_id: UUID) -> HttpResponse:
    acting, problem = _problem(request, circle_id, problem_id)
    return _do(
        request, acting, problem.plan, lambda: actions.set_readers(acting, row=problem, hidden=_hidden(request)),
        part="problems",
    )  # fmt: skip


def _hidden(request: HttpRequest) -> int:
    """The boxes that are ticked; whatever else is sent is no class of readers."""
    return sum(int(r) for r in HIDEABLE if str(int(r)) in request.POST.getlist("hidden"))


@require_http_methods(["GET", "HEAD", "POST"])
def action_new(request: HttpRequest, circle_id: UUID, goal_id: UUID) -> HttpResponse:
    acting, goal = _goal(request, circle_id, goal_id, Permission.EDIT_PLAN)
    form = ActionForm(request.POST or None, people=faces(acting))

    def act(values):
        owner = actions.owner_of(acting, **values.pop("owner"))
        return actions.add_action(acting, goal=goal, owner=owner, **values)

    return _sheet(request, acting, goal, form, act, _("Ajouter une action"), _("Ajouter"))


@require_http_methods(["GET", "HEAD", "POST"])
def action_edit(request: HttpRequest, circle_id: UUID, action_id: UUID) -> HttpResponse:
    acting, action = _action(request, circle_id, action_id, Permission.EDIT_PLAN)
    initial = {
        "label": action.label, "due_on": action.due_on, "member": action.owner_member_id or "",
        "name": "" if action.owner_member_id else action.owner_name, "role": "" if action.owner_member_id else action.owner_label,
        "based_on": timezone.now().isoformat(),
    }  # fmt: skip
    form = ActionForm(request.POST or None, people=faces(acting), initial=initial)

    def act(values):
        owner = actions.owner_of(acting, **values.pop("owner"))
        return actions.change_action(
            acting, action=action, owner=owner, based_on=form.cleaned_data.get("based_on"), **values
        )

    return _sheet(
        request, acting, action.goal, form, act, _("L’action"), _("Enregistrer"), row=action, fixed=not action.goal.plan.is_open,
        events=[(e, ActionState(e.to_state).label) for e in action.events.order_by("id")],
        moves=[(s.value, s.label) for s in ActionState if s in ACTION_MOVES[ActionState(action.state)]],
    )  # fmt: skip


def _sheet(request, acting: Acting, goal: Goal, form, act, title: str, verb: str, **more) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            act(form.values())
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            where = f"{reverse('coordination:plan', args=[acting.circle_id, goal.plan_id])}?goal={goal.pk}"
            if request.headers.get("HX-Request"):
                return HttpResponse(status=204, headers={"HX-Redirect": where})
            return redirect(where)
    else:
        record(acting, "coordination.plan_shown", kind=Kind.READ, on=goal, hidden=goal.hidden)
    context = {"circle_id": acting.circle_id, "form": form, "title": title, "verb": verb, "goal_row": goal, **more}
    status = 422 if request.method == "POST" else 200
    if request.headers.get("HX-Request"):
        return render(request, "coordination/plan_sheet.html", context | {"in_dialog": True}, status=status)
    context.pop("circle_id")
    return panels.show(request, acting, "plan", status=status, plan=goal.plan, mode="sheet", **context)


@require_POST
def action_state(request: HttpRequest, circle_id: UUID, action_id: UUID) -> HttpResponse:
    acting, action = _action(request, circle_id, action_id, Permission.EDIT_PLAN)
    return _do(
        request, acting, action.goal.plan, _moved(request, acting, action, actions.move_action), goal=action.goal_id
    )


@require_POST
def action_answer(request: HttpRequest, circle_id: UUID, action_id: UUID) -> HttpResponse:
    acting, action = _action(request, circle_id, action_id, Permission.ANSWER_PLAN)
    goal = "" if request.POST.get("lire") else action.goal_id
    return _do(request, acting, action.goal.plan, _moved(request, acting, action, actions.answer_action), goal=goal)


def _moved(request, acting, action, verb):
    def act():
        state = request.POST.get("state", "")
        if state not in ActionState.values:
            raise Refused(_("Réponse inconnue."), "vocabulary")
        verb(acting, action=action, state=state, text=request.POST.get("text", ""))

    return act


@require_POST
def adopt(request: HttpRequest, circle_id: UUID, plan_id: UUID, note_id: UUID) -> HttpResponse:
    acting, plan = _plan(request, circle_id, plan_id, Permission.EDIT_PLAN)
    note = Note.objects.visible_to(acting).filter(pk=note_id).first()
    if note is None:
        raise Http404
    return _do(request, acting, plan, lambda: actions.adopt_note(acting, plan=plan, note=note), part="problems")


@require_POST
def agree(request: HttpRequest, circle_id: UUID, plan_id: UUID) -> HttpResponse:
    acting, plan = _plan(request, circle_id, plan_id, Permission.READ_PLAN)
    form = (OnlineAgreementForm if actions.speaks_for_her(acting) else AgreementForm)(request.POST)

    def act():
        if not form.is_valid():
            raise Refused(" ".join(f"{e}" for errors in form.errors.values() for e in errors), "form")
        actions.agree(acting, plan=plan, **form.cleaned_data)

    return _do(request, acting, plan, act, part="" if request.POST.get("lire") else "agreement")


@require_POST
def sign(request: HttpRequest, circle_id: UUID, plan_id: UUID) -> HttpResponse:
    acting, plan = _plan(request, circle_id, plan_id, Permission.ANSWER_PLAN)
    return _do(
        request,
        acting,
        plan,
        lambda: actions.sign(acting, plan=plan),
        part="" if request.POST.get("lire") else "agreement",
    )


@require_POST
def revise(request: HttpRequest, circle_id: UUID, plan_id: UUID) -> HttpResponse:
    acting, plan = _plan(request, circle_id, plan_id, Permission.EDIT_PLAN)
    return _do(
        request,
        acting,
        plan,
        lambda: actions.revise(acting, plan=plan, reason=request.POST.get("text", "")),
        part="goals",
    )


@require_POST
def propose(request: HttpRequest, circle_id: UUID, plan_id: UUID) -> HttpResponse:
    acting, plan = _plan(request, circle_id, plan_id, Permission.EDIT_PLAN)
    return _do(
        request, acting, plan, lambda: actions.propose(acting, plan=plan), part=request.POST.get("part", "goals")
    )


@require_POST
def close(request: HttpRequest, circle_id: UUID, plan_id: UUID) -> HttpResponse:
    acting, plan = _plan(request, circle_id, plan_id, Permission.EDIT_PLAN)
    return _do(
        request, acting, plan, lambda: actions.close_plan(acting, plan=plan, reason=request.POST.get("text", ""))
    )


@limited("export", per_minute=20)
@require_POST
def send(request: HttpRequest, circle_id: UUID, plan_id: UUID) -> HttpResponse:
    acting, plan = _plan(request, circle_id, plan_id, Permission.EDIT_PLAN)

    def act():
        document = actions.send(acting, plan=plan, kind=_kind(request.POST.get("kind")))
        said = _("Le document est dans les documents du cercle.")
        if who := hidden_words(document.hidden):
            said += " " + _("Il n’est pas montré à : %(who)s, comme une partie du plan.") % {"who": who}
        messages.success(request, said)

    return _do(request, acting, plan, act, part=request.POST.get("part", "goals"))
