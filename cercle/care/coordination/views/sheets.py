"""Enter, form, action, render: follow-up sheets, of one file or across files."""

from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.care.documents.views import held_back, send
from cercle.people.circles.access import enter
from cercle.people.circles.desks import Desk, DeskRight, enter_desk
from cercle.people.circles.vocabulary import Permission

from .. import forms_files as forms
from .. import queries_files as queries
from ..actions import sheets as actions
from ..gates import enter_file
from ..models import CoordinationFile, FollowUpSheet, SheetFile
from ..vocabulary import ACT_ICONS, Act, Topic
from .pages import WRITE, address, dialog, draft_of, go, own_page, rebase, writing


@require_http_methods(WRITE)
def write_sheet(request, file_id: UUID):
    """Quick entry: act, minutes, topic, words, Ctrl Enter. What is typed is kept on the server as it goes."""
    found, file = enter_file(request, file_id, DeskRight.FILES)
    kept = draft_of(found, file, "sheet")
    told = _visit_of(request.GET)
    start = forms.SheetForm.start() | (kept.data if kept and not told else {}) | told
    form = forms.SheetForm(request.POST or None, request.FILES or None, initial=start)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            actions.write_sheet(
                found, file=file, share=data["share"], appointment_id=data["visit"], ref=data["ref"], files=data["joined"],
                **form.values(),
            )  # fmt: skip
            return go(request, address(found, file))
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    return writing(
        request, found, file, form, "sheet", title=_("Nouvelle fiche de suivi"), verb=_("Enregistrer"), kept=kept
    )


def _visit_of(data) -> dict:
    """What an appointment already says: the agenda's « en faire une fiche de suivi » gives it in the address."""
    try:
        at = timezone.localtime(datetime.fromisoformat(data["le"]))
        visit = UUID(data["visite"])
    except (KeyError, ValueError, OverflowError):
        return {}
    act = data.get("acte", "")
    return {
        "visit": visit, "on": at.date(), "time": at.time(), "act": act if act in ACT_ICONS else Act.VISIT,
        "minutes": data["minutes"] if data.get("minutes", "").isdigit() else "60",
    }  # fmt: skip


def url_of_visit(appointment, occurrence_at) -> str:
    """For the agenda: where this appointment becomes a sheet; nowhere without a person."""
    if not appointment.circle_id:
        return ""
    said = {
        "visite": appointment.pk,
        "le": occurrence_at.isoformat(),
        "acte": appointment.kind,
        "minutes": appointment.minutes,
    }
    return reverse("coordination:sheet_of_visit", args=[appointment.circle_id]) + "?" + urlencode(said)


@require_safe
def sheet_of_visit(request, circle_id: UUID):
    acting = enter(request, circle_id, Permission.COORDINATE)
    found = enter_desk(request, DeskRight.FILES)
    file = queries.current_file(found, acting.circles)
    if file is None or file.is_closed:
        return redirect("record:tab", circle_id, "coordination")
    return redirect(reverse("coordination:write_sheet", args=[file.pk]) + "?" + request.GET.urlencode())


@require_safe
def sheet(request, file_id: UUID, sheet_id: UUID):
    found, file, row = _sheet(request, file_id, sheet_id)
    record(found, "coordination.sheet_read", on=row, kind=Kind.READ, shown=[row.pk])
    context = own_page(
        request, found, file, sheet=row, versions=row.versions.order_by("-number"), mine=row.author_user_id == found.user_id,
        icon=ACT_ICONS[row.act], attachments=row.files.filter(withdrawn_at=None).order_by("id"), here="sheets",
    )  # fmt: skip
    return render(request, "coordination/sheet.html", context)


@require_http_methods(WRITE)
def correct_sheet(request, file_id: UUID, sheet_id: UUID):
    """One's own; when it was corrected meanwhile, what it says now is shown beside what one wrote."""
    found, file, row = _sheet(request, file_id, sheet_id)
    local = timezone.localtime(row.at)
    start = {"act": row.act, "minutes": str(row.minutes), "topic": row.topic, "on": local.date(), "time": local.time(),
             "text": row.text, "people": ", ".join(row.people), "based_on": row.version}  # fmt: skip
    form = forms.CorrectionForm(request.POST or None, request.FILES or None, initial=start)
    newer = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            actions.correct_sheet(
                found,
                sheet=row,
                based_on=data["based_on"],
                files=data["joined"],
                reason=data["reason"],
                **form.values(),
            )
            return go(request, reverse("coordination:sheet", args=[file.pk, row.pk]))
        except actions.SheetConflict as conflict:
            form.add_error(None, str(conflict.message))
            newer = conflict.sheet
            rebase(form, newer.version)
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    return writing(
        request, found, file, form, "sheet", title=_("Corriger la fiche"), verb=_("Enregistrer"), kept=None, newer=newer,
        sheet=row,
    )  # fmt: skip


# what: (title, button)
CHANGES = {
    "retirer": (gettext_lazy("Retirer la fiche"), gettext_lazy("Retirer")),
    "partager": (gettext_lazy("Dire cette fiche au cercle"), gettext_lazy("Écrire dans le cahier")),
}


@require_http_methods(WRITE)
def change_sheet(request, file_id: UUID, sheet_id: UUID, what: str):
    found, file, row = _sheet(request, file_id, sheet_id)
    if what not in CHANGES:
        raise Http404
    title, verb = CHANGES[what]
    back = reverse("coordination:sheet", args=[file.pk, row.pk])
    form = (forms.WithdrawForm if what == "retirer" else forms.ShareForm)(
        request.POST if request.method == "POST" else None
    )
    if request.method == "POST" and form.is_valid():
        try:
            if what == "retirer":
                actions.withdraw_sheet(found, sheet=row, reason=form.cleaned_data["reason"])
                return go(request, address(found, file))
            actions.share_sheet(found, sheet=row)
            return go(request, back)
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    context: dict = {"form": form, "title": title, "verb": verb, "withdraw": what == "retirer"}
    if what == "partager":
        context |= {"text": row.text, "attachments": row.files.filter(withdrawn_at=None)}
    elif row.note_id:
        context["warning"] = _("Elle a été dite au cercle : la note du cahier reste, retirez-la aussi de là.")
    return dialog(request, context, back=back)


def _sheet(request, file_id, sheet_id) -> tuple[Desk, CoordinationFile, FollowUpSheet]:
    found, file = enter_file(request, file_id, DeskRight.FILES)
    row = FollowUpSheet.objects.filter(pk=sheet_id, file=file).first()
    if row is None:
        raise Http404
    return found, file, row


def _attachment(request, file_id, sheet_id, piece_id) -> tuple[Desk, FollowUpSheet, SheetFile]:
    found, _file, row = _sheet(request, file_id, sheet_id)
    piece = row.files.filter(pk=piece_id, withdrawn_at=None).first()
    if piece is None:
        raise Http404
    return found, row, piece


@require_safe
def piece(request, file_id: UUID, sheet_id: UUID, piece_id: UUID):
    """A file joined to a sheet, with the same precautions as a document of the circle."""
    found, _row, held = _attachment(request, file_id, sheet_id, piece_id)
    if held.held_back:
        return held_back(request, held)
    record(found, "coordination.sheet_file_shown", on=held, kind=Kind.READ, shown=[held.pk])
    return send(request, held.sha256, held.media_type, name=held.name, inline=held.is_picture)


@require_POST
def withdraw_piece(request, file_id: UUID, sheet_id: UUID, piece_id: UUID):
    found, row, held = _attachment(request, file_id, sheet_id, piece_id)
    actions.withdraw_file(found, attachment=held)
    return redirect("coordination:sheet", file_id, row.pk)


@require_http_methods(WRITE)
def file_sheets(request, file_id: UUID):
    """Of one file. Words are looked for by POST: what is in a text has no place in an address."""
    found, file = enter_file(request, file_id, DeskRight.FILES)
    return _listed(request, found, own_page(request, found, file, here="sheets"), file=file)


@require_http_methods(WRITE)
def sheets(request):
    """Across files: mine, or the structure's; by act, topic, author and period."""
    found = enter_desk(request, DeskRight.FILES)
    return _listed(request, found, {"desk": found})


def _listed(request, found: Desk, context: dict, file: CoordinationFile | None = None):
    data = request.GET.copy()
    if request.method == "POST":
        data.update(request.POST)
    filters = queries.SheetFilters.of(data, whose="all" if file else "mine")
    rows, following = queries.page_of_sheets(queries.sheets(found, filters, file=file), data.get("apres", ""))
    held = queries.attached(rows)
    record(found, "coordination.sheets_listed", on=file, kind=Kind.READ, shown=[s.pk for s in rows])
    context |= {
        "rows": [(s, ACT_ICONS[s.act], held.get(s.pk, 0)) for s in rows], "following": following, "filters": filters,
        "acts": Act.choices, "subjects": Topic.choices, "colleagues": forms.colleagues(found.organization),
        "first": not data.get("apres"),
    }  # fmt: skip
    return render(request, "coordination/file_sheets.html" if file else "coordination/sheets.html", context)


@require_http_methods(WRITE)
def series(request):
    """The same act on several files at once."""
    found = enter_desk(request, DeskRight.FILES)
    whose = "all" if request.GET.get("qui") == "all" else "mine"
    files = list(
        queries.caseload(found, queries.Filters(whose=whose))
        .select_related("patient__identity")
        .order_by("patient__identity__sort", "id")[:600]
    )
    form = forms.SeriesForm(request.POST or None, initial=forms.SheetForm.start())
    wanted = set(request.POST.getlist("files"))
    if request.method == "POST" and form.is_valid():
        chosen = [f for f in files if str(f.pk) in wanted]
        try:
            if len(chosen) < len(wanted):
                raise Refused(
                    _("Un des dossiers choisis n’est plus en cours. Vérifiez la liste, puis recommencez."), "files"
                )
            actions.write_series(found, files=chosen, ref=form.cleaned_data["ref"], **form.values())
            return redirect("coordination:sheets")
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    record(found, "coordination.files_listed", kind=Kind.READ, shown=[f.pk for f in files])
    context = {
        "desk": found,
        "form": form,
        "files": [(f, str(f.pk) in wanted) for f in files],
        "whose": whose,
        "chosen": len(wanted),
    }
    return render(request, "coordination/series.html", context, status=422 if form.errors else 200)
