"""Enter, form, action, render: the caseload, its handovers, « Mes tâches »."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.common.ids import uuid7
from cercle.base.web import todo
from cercle.base.web.limits import limited
from cercle.people.circles.desks import Desk, DeskRight, enter_desk

from .. import around, handing, letters
from .. import forms_files as forms
from .. import queries_files as queries
from ..actions import handover as actions
from ..models import Handover
from ..vocabulary import Level
from .pages import WRITE, dialog, go


@require_http_methods(WRITE)
def caseload(request):
    """« Mes dossiers ». Words are searched by POST: a name has no place in an address."""
    found = enter_desk(request, DeskRight.FILES)
    data = request.GET.copy()
    if request.method == "POST":
        data.update(request.POST)
    filters = queries.Filters.of(data, found)
    rows, following = queries.page_of(queries.caseload(found, filters), filters, data.get("apres", ""))
    late = queries.late_counts(found, rows) if rows else {}
    record(found, "coordination.files_listed", kind=Kind.READ, shown=[f.pk for f in rows])
    now = timezone.now()
    lines = [
        {
            "file": f,
            "late": late.get(f.patient_id, 0),
            "overdue": bool(f.review_on and f.review_on < timezone.localdate(now)),
            "silent": not f.is_closed and (f.last_act_at or f.opened_at) < now - queries.SILENT,
        }
        for f in rows
    ]
    context = {"desk": found, "lines": lines, "following": following, "filters": filters, "levels": Level.values,
               "colleagues": forms.colleagues(found.organization) if filters.whose != "mine" else None}  # fmt: skip
    name = "coordination/caseload.html#rows" if request.headers.get("HX-Request") else "coordination/caseload.html"
    return render(request, name, context)


@require_http_methods(WRITE)
def hand_over(request):
    found = enter_desk(request, DeskRight.FILES)
    start = {"from_role": found.practice_role_id, "ref": uuid7()}
    form = forms.HandoverForm(request.POST or None, organization=found.organization, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.hand_over(found, **form.values())
            return redirect("coordination:handover", made.pk)
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    past = (
        Handover.objects.filter(organization=found.organization)
        .select_related("from_role__practitioner", "to_role__practitioner")
        .order_by("-at")[:20]
    )
    context = {"desk": found, "form": form, "past": past}
    return render(request, "coordination/handover.html", context, status=422 if form.errors else 200)


def _handover(request, handover_id: UUID) -> tuple[Desk, Handover]:
    found = enter_desk(request, DeskRight.FILES)
    row = (
        Handover.objects.filter(pk=handover_id, organization=found.organization)
        .select_related("organization", "from_role__practitioner", "to_role__practitioner", "to_role__organization")
        .first()
    )
    if row is None:
        raise Http404
    return found, row


@require_http_methods(WRITE)
def handover(request, handover_id: UUID):
    """What was passed on, what stayed because the person refused, who must still be told; « rendre les dossiers » before the end."""
    found, row = _handover(request, handover_id)
    if request.method == "POST":
        actions.end_handover(row, by=found)
        return redirect("coordination:handover", row.pk)
    passed = queries.handover_lines(found, row)
    passed.visits = around.visits_of(row, [x.file for x in passed.passed])
    record(found, "coordination.files_listed", kind=Kind.READ, shown=[x.file_id for x in passed.lines])
    context = {
        "desk": found, "handover": row, "all": passed, "told_form": forms.InformedForm(initial={"on": timezone.localdate()}),
        "more": handing.of(found, row),
    }  # fmt: skip
    return render(request, "coordination/handover_done.html", context)


@require_http_methods(WRITE)
def prolong(request, handover_id: UUID):
    found, row = _handover(request, handover_id)
    form = forms.ProlongForm(request.POST or None, initial={"until": row.until})
    back = reverse("coordination:handover", args=[row.pk])
    if request.method == "POST" and form.is_valid():
        try:
            actions.prolong(found, handover=row, until=form.cleaned_data["until"])
            return go(request, back)
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    context = {"form": form, "title": _("Changer la date de fin"), "verb": _("Changer la date")}
    return dialog(request, context, back=back)


@require_POST
def informed(request, handover_id: UUID):
    """These people were told, by letter or by word of mouth."""
    found, row = _handover(request, handover_id)
    form = forms.InformedForm(request.POST)
    wanted = set(request.POST.getlist("lines"))
    lines = [x for x in queries.handover_lines(found, row).to_tell if str(x.pk) in wanted]
    if form.is_valid() and lines:
        try:
            actions.note_informed(found, handover=row, line_ids=[x.pk for x in lines], **form.cleaned_data)
        except Refused as refusal:
            messages.error(request, str(refusal.message))
    else:
        messages.error(request, _("Cochez les personnes prévenues, et dites quand."))
    return redirect("coordination:handover", row.pk)


@limited("export", per_minute=10)
@require_safe
def handover_letters(request, handover_id: UUID):
    """One letter a page, for those who have no account."""
    found, row = _handover(request, handover_id)
    lines = queries.handover_lines(found, row).to_tell
    if not lines:
        raise Http404
    made = letters.render(found, row, lines)
    record(
        found, "coordination.handover_letters_printed", on=row, kind=Kind.EXPORT, shown=[x.file_id for x in lines],
        details={"letters": len(lines)},
    )  # fmt: skip
    headers = {"Content-Disposition": 'attachment; filename="lettres.pdf"', "Cache-Control": "no-store"}
    return HttpResponse(made, content_type="application/pdf", headers=headers)


@require_safe
def tasks(request):
    """« Mes tâches »: each app says its own."""
    found = enter_desk(request, DeskRight.FILES)
    groups = todo.of(request)
    record(found, "coordination.tasks_listed", kind=Kind.READ, details={"tasks": sum(len(t) for _g, t in groups)})
    return render(request, "coordination/tasks.html", {"desk": found, "groups": groups, "today": timezone.localdate()})
