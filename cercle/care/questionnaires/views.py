"""Answers in the patient's page: enter, action, render. The page and its fragments are questionnaires/panel.html."""

import json
import uuid
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.web import panels
from cercle.base.web.templatetags.web import svg
from cercle.care.documents.models import Document
from cercle.people.circles.access import Acting, enter
from cercle.people.circles.vocabulary import Permission

from . import actions, answers, conditions, forms, population, queries, rendering, shape
from .models import Response, ResponseVersion

STATUS_KEYS = {"PROV": "provisoire", "RECUP": "recuperee", "VALI": "validee", "QUAL": "qualifiee"}


def panel(request: HttpRequest, acting: Acting, *, which: str = "list", **extra) -> dict:
    context = {
        "acting": acting,
        "circle_id": acting.circle_id,
        "which": which,
        "may_fill": acting.may(Permission.FILL_FORMS),
    }
    if which != "list":
        return context | extra
    rows = queries.responses(acting)
    shown = [r for r in rows if not r.is_open]
    record(acting, "questionnaires.listed", kind=Kind.READ, shown=[r.pk for r in rows])
    for row in rows:
        row.label = queries.score_label(row)
    return context | {
        "begun": [r for r in rows if r.is_open],
        "done": sorted(shown, key=lambda r: r.finished_at, reverse=True),
        "series": queries.series(rows),
        "offered": queries.offered(acting) if context["may_fill"] else [],
    } | extra  # fmt: skip


@require_POST
def start(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.FILL_FORMS)
    try:
        response = forms.start(acting, request.POST.get("form", "")[:80])
    except Refused as refused:
        return panels.show(request, acting, "grilles", status=422, problem=refused.message)
    return redirect("questionnaires:fill", circle_id, response.pk)


@require_safe
def show(request: HttpRequest, circle_id: UUID, response_id: UUID) -> HttpResponse:
    acting, response = _reach(request, circle_id, response_id, Permission.READ_CIRCLE)
    if response.is_open and acting.may(Permission.FILL_FORMS):
        return redirect("questionnaires:fill", circle_id, response.pk)
    record(acting, "questionnaires.read", on=response, kind=Kind.READ, shown=[response.pk], hidden=response.hidden)
    lines = queries.lines(response)
    _link_files(acting, lines)
    others = Response.objects.visible_to(acting).finished().filter(questionnaire__slug=response.questionnaire.slug)
    return panels.show(
        request, acting, "grilles", which="show", response=response, lines=lines, label=queries.score_label(response),
        same_form=others.exclude(pk=response.pk).order_by("-finished_at").defer("data", "typed")[:12],
        versions=response.versions.filter(kind=ResponseVersion.Kind.SIGNED).count(),
        warning=response.scores.get("warning", ""), missing=response.scores.get("missing", ""),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def fill(request: HttpRequest, circle_id: UUID, response_id: UUID) -> HttpResponse:
    """Fill in, take up again, sign; on a finished answer: correct it."""
    acting, response = _reach(request, circle_id, response_id, Permission.FILL_FORMS)
    if response.category not in acting.writable:
        raise Http404
    if request.method != "POST":
        record(
            acting, "questionnaires.opened", on=response, kind=Kind.READ, shown=[response.pk], hidden=response.hidden
        )
        return _form(request, acting, response)
    typed, writer, revision = _posted(request, response)
    if "add" in request.POST or "remove" in request.POST:
        typed = _with_or_without(response, typed, request.POST)
        try:
            actions.keep_draft(acting, response=response, post=typed, writer=writer, revision=revision)
        except Refused as refused:
            return _form(
                request,
                acting,
                response,
                typed=typed,
                problem=refused.message,
                status=409,
                writer=writer,
                revision=revision,
            )
        response.refresh_from_db()
        return _form(request, acting, response, typed=typed, writer=writer)
    more: dict = {"typed": typed, "writer": writer, "revision": revision}
    try:
        signed = actions.finish(
            acting, response=response, post=typed, writer=writer, revision=revision,
            reason=request.POST.get("reason", ""), take_over="take_over" in request.POST,
        )  # fmt: skip
    except actions.TwoWriters as conflict:
        form = shape.read(conflict.response.questionnaire.data)
        theirs = (
            answers.typed_from(form, conflict.response.items)
            if not conflict.response.typed
            else conflict.response.typed
        )
        lines = rendering.readable(form, forms.response_of(conflict.response.questionnaire, theirs)["item"])
        return _form(
            request,
            acting,
            conflict.response,
            problem=conflict.message,
            theirs=lines,
            conflict=True,
            status=409,
            **more,
        )
    except actions.Invalid as invalid:
        response.refresh_from_db()
        return _form(
            request, acting, response, errors=invalid.errors, status=422, **(more | {"revision": response.revision})
        )
    except Refused as refused:
        return _form(request, acting, response, problem=refused.message, status=422, **more)
    return redirect("questionnaires:show", circle_id, signed.pk)


@require_POST
def draft(request: HttpRequest, circle_id: UUID, response_id: UUID) -> HttpResponse:
    """What stands in the page. 409: another page has written since; what this one holds is set aside on the server."""
    acting, response = _reach(request, circle_id, response_id, Permission.FILL_FORMS)
    if response.category not in acting.writable:
        raise Http404
    typed, writer, revision = _posted(request, response)
    screen = forms.screen_of(response.questionnaire) if request.headers.get("HX-Request") else None
    problem = ""
    try:
        response = actions.keep_draft(acting, response=response, post=typed, writer=writer, revision=revision)
    except Refused as refused:
        if screen is None:
            return JsonResponse({"refused": str(refused.message)}, status=409)
        problem = refused.message
    if screen is not None:
        return render(
            request, f"{screen.template}#saved", _screen_context(acting, response, screen, typed, problem=problem)
        )
    return JsonResponse({"revision": response.revision})


@require_POST
def live(request: HttpRequest, circle_id: UUID, response_id: UUID) -> HttpResponse:
    """Scores and computed fields of what stands in the page: the one evaluator is here."""
    acting, response = _reach(request, circle_id, response_id, Permission.FILL_FORMS)
    record(acting, "questionnaires.computed", on=response, kind=Kind.READ, hidden=response.hidden)
    typed = answers.typed_of(request.POST)
    return computed(request, response.questionnaire, typed, population.about(acting, response.questionnaire))


def computed(request: HttpRequest, questionnaire, typed: answers.Typed, extra: dict | None = None) -> HttpResponse:
    form = shape.read(questionnaire.data)
    sheet = rendering.Sheet(form, typed, None, extra=extra)
    outputs = [
        (sheet.id_of(name), sheet.computed_words(item, name), json.dumps(sheet.typed.get(name, [])))
        for item, around in conditions.places(form, sheet.typed)
        if item.calculated and item.asks and (name := answers.name_of(item.link_id, around))
    ]
    score = {}
    if forms.scorer_of(questionnaire):
        score = forms.score(questionnaire, forms.response_of(questionnaire, typed, extra))
    context = {"outputs": outputs, "score": score, "off": sheet.hidden_names(), "expressions": form.thinks}
    return render(request, "questionnaires/form.html#live", context)


@require_POST
def upload(request: HttpRequest, circle_id: UUID, response_id: UUID) -> HttpResponse:
    acting, response = _reach(request, circle_id, response_id, Permission.FILL_FORMS)
    name = request.POST.get("field", "")[:200]
    kept = []
    for file in request.FILES.getlist("file")[:10]:
        try:
            kept.append(rendering.kept_file(name, actions.add_file(acting, response=response, file=file, field=name)))
        except Refused as refused:
            kept.append(
                format_html('<p class="field-error">{}<span>{}</span></p>', svg("circle-alert"), refused.message)
            )
    return HttpResponse("".join(kept))


@require_POST
def discard(request: HttpRequest, circle_id: UUID, response_id: UUID) -> HttpResponse:
    acting, response = _reach(request, circle_id, response_id, Permission.FILL_FORMS)
    try:
        actions.discard(acting, response=response)
    except Refused as refused:
        return panels.show(request, acting, "grilles", status=422, problem=refused.message)
    return redirect("record:tab", circle_id, "grilles")


@require_safe
def history(request: HttpRequest, circle_id: UUID, response_id: UUID) -> HttpResponse:
    """Every signed version, and what was set aside when two people wrote at once."""
    acting, response = _reach(request, circle_id, response_id, Permission.READ_CIRCLE)
    record(
        acting, "questionnaires.history_read", on=response, kind=Kind.READ, shown=[response.pk], hidden=response.hidden
    )
    form = shape.read(response.questionnaire.data)
    versions = list(response.versions.order_by("-id"))
    for version in versions:
        version.lines = rendering.readable(form, version.data.get("item", []))
        if version.kind == ResponseVersion.Kind.SET_ASIDE:
            version.lines += rendering.unread(form, version.data.get("typed") or {})
    return panels.show(request, acting, "grilles", which="history", response=response, versions=versions)


@require_safe
def compare(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.READ_CIRCLE)
    pair = [_one(acting, request.GET.get(name, "")) for name in ("avec", "et")]
    first, second = sorted(pair, key=lambda r: (r.finished_at, str(r.pk)))
    if first.questionnaire.slug != second.questionnaire.slug or first == second:
        raise Http404
    record(
        acting,
        "questionnaires.compared",
        kind=Kind.READ,
        shown=[first.pk, second.pk],
        hidden=first.hidden | second.hidden,
    )
    lines = queries.compared(first, second)
    return panels.show(
        request, acting, "grilles", which="compare", first=first, second=second, lines=lines,
        labels=[queries.score_label(first), queries.score_label(second)], changed=sum(line["differs"] for line in lines),
    )  # fmt: skip


# --- Inside ----------------------------------------------------------------------------------------------------------
def _reach(request: HttpRequest, circle_id: UUID, response_id: UUID, permission: Permission) -> tuple[Acting, Response]:
    acting = enter(request, circle_id, permission)
    response = Response.objects.visible_to(acting).select_related("questionnaire").filter(pk=response_id).first()
    if response is None:
        raise Http404
    return acting, response


def _one(acting: Acting, text: str) -> Response:
    try:
        wanted = UUID(text)
    except ValueError:
        raise Http404
    found = Response.objects.visible_to(acting).finished().select_related("questionnaire").filter(pk=wanted).first()
    if found is None:
        raise Http404
    return found


def _posted(request: HttpRequest, response: Response) -> tuple[answers.Typed, str, int]:
    typed = answers.typed_of(request.POST)
    screen = forms.screen_of(response.questionnaire)
    revision = request.POST.get("revision", "")
    return (
        screen.settle(typed) if screen else typed,
        request.POST.get("writer", "")[:40].replace("\x00", ""),
        int(revision) if revision.isdecimal() and len(revision) < 9 else 0,
    )


def _with_or_without(response: Response, typed: answers.Typed, post) -> answers.Typed:
    if counter := post.get("add"):
        return answers.with_instance(typed, counter) if counter.startswith("n-") else typed
    counter, _bar, n = post.get("remove", "").rpartition("|")
    known = counter.startswith("n-") and n.isdecimal() and len(n) < 4
    return answers.without_instance(shape.read(response.questionnaire.data), typed, counter, int(n)) if known else typed


def _form(
    request: HttpRequest, acting: Acting, response: Response, *, status: int = 200, problem="", theirs=None, **more
) -> HttpResponse:
    conflict = more.pop("conflict", False)
    if screen := forms.screen_of(response.questionnaire):
        context = _screen_context(acting, response, screen, more.get("typed"), writer=more.get("writer", ""))
        words = problem or "; ".join(dict.fromkeys((more.get("errors") or {}).values()))
        told = {"problem_at_sign": words, "conflict": conflict, "theirs": theirs}
        return render(request, screen.template, context | told, status=status)
    ids = [acting.circle_id, response.pk]
    context = forms.context(
        response, draft_url=reverse("questionnaires:draft", args=ids), live_url=reverse("questionnaires:live", args=ids),
        upload_url=reverse("questionnaires:upload", args=ids), extra=population.about(acting, response.questionnaire), **more,
    )  # fmt: skip
    elsewhere = (
        response.writer_name
        if response.writer and response.writer_name != acting.actor_name and response.is_open
        else ""
    )
    return panels.show(
        request, acting, "grilles", which="fill", status=status, problem=problem, theirs=theirs, conflict=conflict,
        reason=request.POST.get("reason", ""), elsewhere=elsewhere, aside=_set_aside(acting, response), **context,
    )  # fmt: skip


def _set_aside(acting: Acting, response: Response) -> ResponseVersion | None:
    """What this person wrote while someone else did, since it was last signed."""
    mine = response.versions.filter(kind=ResponseVersion.Kind.SET_ASIDE, by_user_id=acting.user_id)
    return mine.filter(number=response.version).order_by("-id").first()


def _screen_context(
    acting: Acting, response: Response, screen: forms.Screen, typed=None, *, writer: str = "", problem=""
) -> dict:
    if typed is None:
        typed = response.typed or answers.typed_from(shape.read(response.questionnaire.data), response.items)
    before = (
        Response.objects.visible_to(acting).finished().filter(questionnaire__url=response.questionnaire.url)
        .exclude(pk=response.pk).select_related("questionnaire").order_by("-finished_at").first()
    )  # fmt: skip
    ids = [acting.circle_id, response.pk]
    identity = acting.patient.identity
    return screen.context(response, typed, before) | {
        "acting": acting, "circle_id": acting.circle_id, "response": response, "identity": identity,
        "status_key": STATUS_KEYS[identity.status], "saved_at": response.saved_at if response.revision > 1 else None,
        "problem": problem, "problem_at_sign": "", "amending": not response.is_open,
        "back_url": reverse("record:tab", args=[acting.circle_id, "grilles"]),
        "save_url": reverse("questionnaires:draft", args=ids), "sign_url": reverse("questionnaires:fill", args=ids),
        "form_fields": _hidden_fields(response, writer),
    }  # fmt: skip


def _hidden_fields(response: Response, writer: str):
    reason = (
        "" if response.is_open else format_html('<input type="hidden" name="reason" value="{}">', _("Grille revue"))
    )
    return format_html(
        '<input type="hidden" name="writer" value="{}"><input type="hidden" name="revision" value="{}">{}',
        writer or uuid.uuid4().hex, response.revision, reason,
    )  # fmt: skip


def _link_files(acting: Acting, lines: list[dict]) -> None:
    """Files that this reader may open, by their id in the answers."""
    held = [f for line in lines for f in line.get("files", ())]
    ids = {}
    for file in held:
        try:
            ids[file["url"]] = UUID(str(file.get("url", "")).removeprefix("urn:uuid:"))
        except ValueError:
            continue
    seen = (
        set(Document.objects.visible_to(acting).filter(pk__in=ids.values()).values_list("pk", flat=True))
        if ids
        else set()
    )
    for file in held:
        document = ids.get(file.get("url"))
        file["address"] = reverse("documents:show", args=[acting.circle_id, document]) if document in seen else ""
