"""Enter, form, action, render. The page and its fragments are one template: notebook/panel.html."""

import json
from datetime import timedelta
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common import pdf
from cercle.base.common.errors import Refused
from cercle.base.notifications import actions as notifications
from cercle.base.web import french, panels
from cercle.base.web.limits import limited
from cercle.people.circles.access import Acting, enter
from cercle.people.circles.vocabulary import Category, Permission

from . import actions, printing, queries
from .forms import HIDEABLE, NoteForm
from .measures import KINDS
from .models import Note
from .vocabulary import ICONS, NoteType, Urgency


def panel(request: HttpRequest, acting: Acting, *, form: NoteForm | None = None, **extra) -> dict:
    """The context of the notebook's panel; the read is traced with what it shows, the cursor moves."""
    filters = queries.filters_from(
        request.POST if request.POST.get("filter") else request.GET, request.GET.get("before", "")
    )
    page = queries.page(acting, filters)
    context = _context(acting, page, filters, form) | extra
    record(
        acting,
        "notebook.read",
        kind=Kind.READ,
        shown=page.shown,
        details={"filtered": True} if filters.are_set else None,
    )
    _read(acting, page)
    return context


def _context(acting: Acting, page: queries.Page, filters: queries.Filters, form: NoteForm | None = None) -> dict:
    return {
        "acting": acting,
        "circle_id": acting.circle_id,
        "page": page,
        "faces": page.faces,
        "open_stay": page.open_stay,
        "filters": filters,
        "form": form,
        "typed": _typed(form, page.draft),
        "may_write": acting.may(Permission.WRITE_NOTE),
        "types": [(t.value, t.label, ICONS[t]) for t in NoteType],
        "kinds": KINDS.values(),
        "urgencies": [(u.value, u.label) for u in Urgency],
        "categories": [(c.value, c.label) for c in Category if c.value in acting.writable],
        "default_category": acting.profile.default_category,
        "hideable": [(int(r), NoteForm.base_fields["hidden"].choices[i][1]) for i, r in enumerate(HIDEABLE)],
        "professions": _professions(page.faces),
        "total": sum(page.counts.values()),
        "me": next((f for f in page.faces if f.is_me), None),
    }


def timeline_context(context) -> dict:
    """What the timeline's template takes from the panel's context, with its addresses and sentences made once."""
    page, request, circle_id = context["page"], context["request"], context["circle_id"]
    base, filters = reverse("notebook:timeline", args=[circle_id]), context["filters"]
    query = QueryDict(mutable=True)
    if request.POST.get("filter") or request.method == "GET":
        query.update(request.POST if request.POST.get("filter") else request.GET)
    for name in ("csrfmiddlewaretoken", "q", "before", "filter"):
        query.pop(name, None)
    live = query.urlencode()
    query["before"] = page.more
    words = {"n": page.new_count, "at": french.moment_long(page.visit_at) if page.visit_at else ""}
    return {
        "page": page,
        "circle_id": circle_id,
        "filters": context["filters"],
        "may_write": context["may_write"],
        "me": context["acting"].user_id,
        "may_oppose": context["acting"].may(Permission.RECORD_CONSENT),
        "live_url": f"{base}?{live}" if live else base,
        "asked": json.dumps(
            {"filter": "1", "q": filters.words} | ({"type": list(filters.types)} if filters.types else {})
        )
        if filters.words
        else "",
        "more_url": f"?{query.urlencode()}",
        "more_fragment_url": f"{base}?{query.urlencode()}",
        "news": ngettext(
            "%(n)s nouveauté depuis votre dernière visite", "%(n)s nouveautés depuis votre dernière visite", words["n"]
        )
        % words,
        "since": ngettext(
            "%(n)s nouveauté depuis votre dernière visite, %(at)s",
            "%(n)s nouveautés depuis votre dernière visite, %(at)s",
            words["n"],
        )
        % words,
    }


def _typed(form: NoteForm | None, draft: dict | None) -> dict:
    """What the compose box starts with: what was refused, else the draft."""
    if form is not None:
        return {k: form.data.get(k, "") for k in form.data if k != "csrfmiddlewaretoken"} | {
            "hidden": form.data.getlist("hidden"), "recipients": form.data.getlist("recipients"), "open": True
        }  # fmt: skip
    if draft:
        return draft | {"open": True}
    return {}


def _professions(faces: list[queries.Face]) -> list[tuple[str, str]]:
    found = {f.profession: f.label for f in faces if f.practice_role_id}
    return [*sorted(found.items(), key=lambda x: x[1]), ("relatives", _("La personne et ses proches"))]


def _read(acting: Acting, page: queries.Page) -> None:
    if acting.user_id and page.told:
        notifications.mark_read(acting.user_id, targets=page.told)
    mine = any(not f.user_id or f.is_me for f in page.faces)
    if acting.user_id and mine and page.must_mark:
        actions.mark_read(acting, up_to=page.read_up_to, notes=page.to_receipt, to_the_end=page.to_the_end)


@require_http_methods(["GET", "HEAD", "POST"])
def timeline(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    """The timeline alone: live update, filters, « voir la suite ». Words that are looked for come by POST, never in an address."""
    acting = enter(request, circle_id, Permission.READ_NOTEBOOK)
    if not _is_htmx(request):
        return panels.show(request, acting, "cahier")
    return render(request, "notebook/panel.html#timeline", panel(request, acting))


@require_POST
def add(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.WRITE_NOTE)
    form = NoteForm(request.POST, members=_members(acting) if request.POST.get("recipients") else ())
    if form.is_valid():
        try:
            actions.add_note(acting, **form.arguments(request.FILES.getlist("files")))
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            return _written(request, acting)
    return _refused(request, acting, form, "#compose-errors")


@require_http_methods(["GET", "HEAD", "POST"])
def reply(request: HttpRequest, circle_id: UUID, note_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.WRITE_NOTE)
    parent = _note(acting, note_id)
    if request.method != "POST":
        record(acting, "notebook.note_seen", on=parent, kind=Kind.READ, hidden=parent.hidden, shown=[parent.pk])
        return render(request, "notebook/reply.html", {"circle_id": circle_id, "note": parent})
    form = NoteForm(request.POST, members=_members(acting) if request.POST.get("recipients") else ())
    if form.is_valid():
        try:
            actions.add_note(
                acting, **form.arguments(request.FILES.getlist("files")) | {"reply_to": parent, "category": None}
            )
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            return _written(request, acting, note=parent.reply_to or parent)
    return _refused(request, acting, form, f"#reply-errors-{parent.pk}")


@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: HttpRequest, circle_id: UUID, note_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.WRITE_NOTE)
    note = _note(acting, note_id)
    context = {"acting": acting, "circle_id": circle_id, "note": note, "text": request.POST.get("text", note.text),
               "reason": request.POST.get("reason", ""), "based_on": note.version, "urgencies": [(u.value, u.label) for u in Urgency]}  # fmt: skip
    if request.method != "POST":
        record(acting, "notebook.note_seen", on=note, kind=Kind.READ, hidden=note.hidden, shown=[note.pk])
        return _sheet(request, "notebook/correct.html", context)
    try:
        urgency = request.POST.get("urgency", "")
        actions.correct_note(
            acting, note=note, based_on=int(request.POST.get("based_on", "0") or 0), text=context["text"],
            urgency=int(urgency) if urgency in {"0", "1", "2"} else None, reason=context["reason"],
        )  # fmt: skip
    except actions.Conflict as conflict:
        return _sheet(
            request,
            "notebook/correct.html",
            context | {"problem": conflict.message, "theirs": conflict.note, "based_on": conflict.note.version},
            status=409,
        )
    except (Refused, ValueError) as refused:
        return _sheet(
            request,
            "notebook/correct.html",
            context | {"problem": getattr(refused, "message", _("Formulaire incomplet."))},
            status=422,
        )
    return _written(request, acting, note=note.reply_to or note)


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, circle_id: UUID, note_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.WRITE_NOTE)
    note = _note(acting, note_id)
    context = {"acting": acting, "circle_id": circle_id, "note": note, "reason": request.POST.get("reason", "")}
    if request.method != "POST":
        record(acting, "notebook.note_seen", on=note, kind=Kind.READ, hidden=note.hidden, shown=[note.pk])
        return _sheet(request, "notebook/withdraw.html", context)
    try:
        actions.withdraw_note(acting, note=note, reason=context["reason"])
    except Refused as refused:
        return _sheet(request, "notebook/withdraw.html", context | {"problem": refused.message}, status=422)
    return _written(request, acting, note=note.reply_to or note)


@require_safe
def history(request: HttpRequest, circle_id: UUID, note_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.READ_NOTEBOOK)
    note = _note(acting, note_id)
    record(acting, "notebook.history_read", on=note, kind=Kind.READ, hidden=note.hidden, shown=[note.pk])
    # A former version may have been masked more narrowly than today's, or more widely: today's rights decide.
    versions = [
        v
        for v in note.versions.order_by("-number")
        if acting.sees(hidden=v.hidden, category=v.category, author_user_id=note.author_user_id)
    ]
    return _sheet(
        request, "notebook/history.html", {"acting": acting, "circle_id": circle_id, "note": note, "versions": versions}
    )


@require_safe
def card(request: HttpRequest, circle_id: UUID, note_id: UUID) -> HttpResponse:
    """One note's own address (from a notice): the page, scrolled to it."""
    acting = enter(request, circle_id, Permission.READ_NOTEBOOK)
    note = _note(acting, note_id)
    root = note.reply_to or note
    record(acting, "notebook.note_seen", on=note, kind=Kind.READ, hidden=note.hidden, shown=[note.pk])
    newer = Note.objects.visible_to(acting).roots().filter(seq__gt=root.seq).count()
    query = f"?before={root.seq + 1}" if newer >= queries.PAGE else ""
    return redirect(f"/patients/{circle_id}/{query}#note-{root.pk}")


@require_POST
def read_all(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.READ_NOTEBOOK)
    actions.mark_read(acting, up_to=acting.circle.counter.note_seq, to_the_end=True)
    return redirect(f"/patients/{circle_id}/")


@require_POST
def draft(request: HttpRequest, circle_id: UUID, slot: str) -> HttpResponse:
    acting = enter(request, circle_id, Permission.WRITE_NOTE)
    data = {
        k: request.POST.get(k, "")[: actions.LONGEST]
        for k in request.POST
        if k in {"text", "type", "urgency", "category", "client_ref"} or k.startswith("m_")
    }
    data["hidden"], data["recipients"] = request.POST.getlist("hidden")[:10], request.POST.getlist("recipients")[:60]
    data["measures"] = "".join(v for k, v in data.items() if k.startswith("m_"))
    try:
        at = actions.keep_draft(acting, slot=slot, data=data)
    except Refused as refused:
        return JsonResponse({"error": str(refused.message)}, status=422)
    return JsonResponse({"kept_at": french.hour(at)})


@limited("export", per_minute=10)
@require_safe
def printed(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    """The notebook of a period as an accessible PDF; without a period, the form that asks for one."""
    acting = enter(request, circle_id, Permission.PRINT)
    today = timezone.localdate()
    period = printing.period_from(request.GET, today)
    if period is None:
        record(acting, "notebook.print_asked", kind=Kind.READ)
        starts = [(d, today - timedelta(days=d)) for d in (7, 30, 90, 365)]
        return _sheet(
            request, "notebook/print.html", {"acting": acting, "circle_id": circle_id, "starts": starts, "today": today}
        )
    data, shown = printing.notebook(acting, *period)
    record(
        acting,
        "notebook.printed",
        kind=Kind.EXPORT,
        shown=shown,
        details={"from": str(period[0]), "to": str(period[1])},
    )
    response = HttpResponse(pdf.render("notebook.typ", data), content_type="application/pdf")
    response["Content-Disposition"] = 'attachment; filename="cahier-de-liaison.pdf"'
    response["Cache-Control"] = "no-store"
    return response


# --- the small steps ---------------------------------------------------------------------------------------------------


def _members(acting: Acting):
    from cercle.people.circles.access import in_force
    from cercle.people.circles.models import Member

    return Member.objects.filter(in_force(), circle_id=acting.circle_id)


def _note(acting: Acting, note_id: UUID) -> Note:
    try:
        return Note.objects.visible_to(acting).select_related("reply_to").get(pk=note_id)
    except Note.DoesNotExist:
        raise Http404 from None


def _sheet(request: HttpRequest, template: str, context: dict, status: int = 200) -> HttpResponse:
    """In the dialog when htmx asks, else a page of its own."""
    if _is_htmx(request):
        return render(request, template, context, status=status)
    return render(request, "notebook/sheet_page.html", context | {"sheet": template}, status=status)


def _is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _written(request: HttpRequest, acting: Acting, note: Note | None = None) -> HttpResponse:
    if not _is_htmx(request):
        return redirect(f"/patients/{acting.circle_id}/" + (f"#note-{note.pk}" if note else ""))
    # The counters moved: pass the gate again, so that the page counts what was just written.
    fresh = enter(request, acting.circle_id, Permission.READ_NOTEBOOK)
    request.GET = request.GET.copy()
    name = "notebook/panel.html#timeline" if note else "notebook/panel.html#main"
    response = render(request, name, panel(request, fresh))
    if note:
        response["HX-Retarget"], response["HX-Reswap"] = "#timeline", "outerHTML"
    response["HX-Trigger"] = "close-dialog"
    return response


def _refused(request: HttpRequest, acting: Acting, form: NoteForm, target: str) -> HttpResponse:
    """Only the sentence is sent back to the page: text, photos and choices stay where they are."""
    if _is_htmx(request):
        response = render(request, "notebook/panel.html#errors", {"form": form}, status=422)
        response["HX-Retarget"], response["HX-Reswap"] = target, "innerHTML"
        return response
    return panels.show(request, acting, "cahier", status=422, form=form)
