"""Enter, form, action, render: the file, its sheets, the caseload, handovers, « Mes tâches »."""

from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.web import todo
from cercle.base.web.live import topics_for
from cercle.people.circles.access import enter, reach
from cercle.people.circles.desks import DAC, Desk, DeskRight, desk, enter_desk
from cercle.people.circles.vocabulary import Permission
from cercle.people.directory.models import PracticeRole

from .. import around
from .. import forms_files as forms
from .. import queries_files as queries
from ..actions import files as actions
from ..gates import at_work, enter_file, is_opposed
from ..models import CoordinationFile, FileDraft, FollowUpSheet, Handover, PrivateNote
from ..vocabulary import ACT_ICONS, Act, Level, SheetState, Topic

WRITE = ["GET", "HEAD", "POST"]


# --- One file ------------------------------------------------------------------------------------------------------------


def panel(request: HttpRequest, acting, **extra) -> dict:
    """The tab « Appui » of the patient's page: the structure's own file, for whoever holds such files."""
    found = desk(request)
    if found is None or not found.may(DeskRight.FILES):
        return {"file": None, "may_open": False, **extra}
    file = queries.current_file(found, acting.circles)
    if file is None:
        return {"file": None, "may_open": True, "circle_id": acting.circle_id, **extra}
    return _state(request, at_work(found, file), file, acting) | {"in_circle": True} | extra


@require_safe
def show(request, file_id: UUID):
    """The same page outside the circle's frame: what the structure keeps, also once it has left the circle."""
    found, file = enter_file(request, file_id, DeskRight.FILES)
    acting = reach(found.viewer, file.patient_id)
    return render(
        request,
        "coordination/file.html",
        _state(request, found, file, acting) | _page(request, found, file, here="state"),
    )


def _state(request, found: Desk, file: CoordinationFile, acting) -> dict:
    state = queries.state_of(found, file, acting)
    record(found, "coordination.file_read", on=file, kind=Kind.READ, shown=[file.pk, *(s.pk for s in state.sheets)])
    draft = FileDraft.objects.filter(user_id=found.user_id, file_id=file.pk, slot="sheet").first()
    return {
        "file": file,
        "desk": found,
        "state": state,
        "acting": acting,
        "since": queries.followed_since(file),
        "late": [(a, queries.late_words(a.due_on)) for a in state.late],
        "icons": ACT_ICONS,
        "sheets": [(s, ACT_ICONS[s.act]) for s in state.sheets],
        "has_draft": draft is not None,
        **around.of(acting),
    }


def _page(request, found: Desk, file: CoordinationFile, **more) -> dict:
    return {
        "file": file,
        "desk": found,
        "identity": file.patient.identity,
        "in_circle_url": reverse("record:patient", args=[file.patient_id])
        if reach(found.viewer, file.patient_id)
        else "",
        "topics": topics_for(request, f"file:{file.pk}"),
        **more,
    }


@require_http_methods(WRITE)
def open_file(request, circle_id: UUID):
    acting = enter(request, circle_id, Permission.COORDINATE)
    found = enter_desk(request, DeskRight.FILES)
    form = forms.OpenForm(
        request.POST or None,
        organization=found.organization,
        initial={"referent": found.practice_role_id, "informed_on": timezone.localdate()},
    )
    if request.method == "POST" and form.is_valid():
        try:
            actions.open_file(found, patient=acting.patient, **form.values())
            return _go(request, reverse("record:tab", args=[circle_id, "coordination"]))
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    context = {"form": form, "title": _("Ouvrir un dossier d’appui"), "verb": _("Ouvrir le dossier"), "which": "form"}
    return _dialog(request, context, back=reverse("record:tab", args=[circle_id, "coordination"]))


@require_http_methods(WRITE)
def synthesis(request, file_id: UUID):
    found, file = enter_file(request, file_id, DeskRight.FILES)
    kept = _draft(found, file, "synthesis")
    start = {
        "synthesis": file.synthesis, "wish": file.wish, "review_on": file.review_on,
        "based_on": file.synthesis_at.isoformat() if file.synthesis_at else "",
    } | (kept.data if kept else {})  # fmt: skip
    form = forms.SynthesisForm(request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            actions.write_synthesis(found, file=file, **form.values())
            return _go(request, _address(found, file))
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
            if refusal.code == "conflict":
                fresh = CoordinationFile.objects.get(pk=file.pk)
                form.data = form.data.copy()
                form.data["based_on"] = fresh.synthesis_at.isoformat()
                context = _page(request, found, file, form=form, other=fresh, which="synthesis")
                return render(request, "coordination/file_form.html", context, status=422)
    return _write(request, found, file, form, "synthesis", _("Où en est-on ?"), _("Enregistrer"), kept)


@require_http_methods(WRITE)
def administrative(request, file_id: UUID):
    found, file = enter_file(request, file_id, DeskRight.FILES)
    kept = _draft(found, file, "administrative")
    form = forms.AdministrativeForm(
        request.POST or None, initial=forms.AdministrativeForm.start(file) | (kept.data if kept else {})
    )
    other = None
    if request.method == "POST" and form.is_valid():
        values = form.values()
        try:
            actions.update_administrative(found, file=file, **values)
            return redirect("coordination:administrative", file.pk)
        except actions.AdministrativeConflict as conflict:
            # Both states on one page; the next save is based on the colleague's version.
            form.add_error(None, str(conflict.message))
            other = _differences(conflict.file, values)
            form.data = form.data.copy()
            form.data["based_on"] = conflict.file.version
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    else:
        record(found, "coordination.administrative_read", on=file, kind=Kind.READ)
    versions = file.administrative_versions.order_by("-number")[:6]
    context = _page(
        request, found, file, form=form, kept=kept, versions=versions, differences=other, here="administrative"
    )
    return render(request, "coordination/administrative.html", context, status=422 if form.errors else 200)


def _differences(file: CoordinationFile, mine: dict) -> list[dict]:
    """Field by field, where the colleague's words and mine are not the same."""
    form = forms.AdministrativeForm
    labels = {name: f.label for name, f in form.base_fields.items()} | {"rights": _("Droits")}
    shown = []
    for name, value in mine.items():
        theirs = getattr(file, name, None)
        if name == "based_on" or theirs == value:
            continue
        if name == "rights":
            theirs, value = _rights_words(theirs), _rights_words(value)
        else:
            choices = dict(getattr(form.base_fields[name], "choices", ()) or ())
            theirs, value = choices.get(theirs, theirs), choices.get(value, value)
        shown.append({"label": labels[name], "theirs": theirs or "—", "mine": value or "—"})
    return shown


def _rights_words(rights: dict) -> str:
    from ..vocabulary import Right, RightState

    return ", ".join(f"{Right(code).label} : {RightState(line['state']).label}" for code, line in rights.items())


@require_safe
def administrative_version(request, file_id: UUID):
    """Asked again when the file moves: tells whoever is still writing that a colleague saved meanwhile."""
    found, file = enter_file(request, file_id, DeskRight.FILES)
    last = file.administrative_versions.order_by("-number").first()
    seen = request.GET.get("vu", "")
    context = {
        "file": file,
        "last": last,
        "newer": bool(last) and seen.isdigit() and last.number > int(seen),
        "mine": last and last.by_user_id == found.user_id,
    }
    return render(request, "coordination/administrative.html#version", context)


@require_http_methods(WRITE)
def private_notes(request, file_id: UUID):
    found, file = enter_file(request, file_id, DeskRight.FILES)
    kept = _draft(found, file, "private")
    form = forms.PrivateForm(request.POST or None, initial=kept.data if kept else None)
    if request.method == "POST":
        try:
            if gone := request.POST.get("withdraw"):
                note = get_object_or_404(
                    PrivateNote, pk=gone, organization=found.organization, patient_id=file.patient_id
                )
                actions.withdraw_private_note(found, note=note)
                return redirect("coordination:private_notes", file.pk)
            if form.is_valid():
                actions.add_private_note(found, file=file, text=form.cleaned_data["text"])
                return redirect("coordination:private_notes", file.pk)
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    notes = PrivateNote.objects.filter(
        organization=found.organization, patient_id=file.patient_id, replaced_by=None, withdrawn_at=None
    ).order_by("-written_at")[:100]
    record(actions._apart(found), "coordination.private_notes_read", kind=Kind.READ, shown=[n.pk for n in notes])
    context = _page(request, found, file, form=form, notes=notes, kept=kept, here="private")
    return render(request, "coordination/private_notes.html", context, status=422 if form.errors else 200)


@require_POST
def draft(request, file_id: UUID, slot: str):
    found, file = enter_file(request, file_id, DeskRight.FILES)
    if slot not in actions.SLOTS:
        raise Http404
    data = {k: v for k, v in request.POST.items() if k != "csrfmiddlewaretoken"}
    at = actions.keep_draft(found, file=file, slot=slot, data=data)
    return JsonResponse({"kept_at": at})


# what: (form, verb of actions, title, button)
CHANGES = {
    "niveau": (
        forms.LevelForm,
        actions.set_level,
        gettext_lazy("Changer le niveau"),
        gettext_lazy("Changer le niveau"),
    ),
    "referent": (
        forms.ReferentForm,
        actions.change_referent,
        gettext_lazy("Changer de référent"),
        gettext_lazy("Confier le dossier"),
    ),
    "co-referent": (
        forms.CoReferentForm,
        actions.add_co_referent,
        gettext_lazy("Ajouter un co-référent"),
        gettext_lazy("Ajouter"),
    ),
    "suspendre": (
        forms.SuspendForm,
        actions.suspend_file,
        gettext_lazy("Suspendre l’appui"),
        gettext_lazy("Suspendre"),
    ),
    "reprendre": (forms.ResumeForm, actions.resume_file, gettext_lazy("Reprendre l’appui"), gettext_lazy("Reprendre")),
    "clore": (forms.CloseForm, actions.close_file, gettext_lazy("Clore le dossier"), gettext_lazy("Clore le dossier")),
    "rouvrir": (forms.ReopenForm, actions.reopen_file, gettext_lazy("Rouvrir le dossier"), gettext_lazy("Rouvrir")),
    "transferer": (
        forms.TransferForm,
        actions.transfer_file,
        gettext_lazy("Passer à un autre DAC"),
        gettext_lazy("Passer le dossier"),
    ),
}


@require_http_methods(WRITE)
def change(request, file_id: UUID, what: str):
    found, file = enter_file(request, file_id, DeskRight.FILES)
    if what not in CHANGES:
        raise Http404
    kind, verb, title, button = CHANGES[what]
    form = kind(request.POST or None) if request.method != "POST" else kind(request.POST)
    if what == "niveau" and not form.is_bound:
        form.initial = {"level": file.level}
    for name in ("referent", "practice_role"):
        if name in form.fields:
            elsewhere = PracticeRole.objects.filter(organization__category=DAC, ended_at=None).exclude(
                organization=found.organization
            )
            staff = elsewhere.select_related("practitioner", "organization") if what == "transferer" else None
            form.fields[name].queryset = staff if staff is not None else forms.colleagues(found.organization)
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        if what == "transferer":
            values["to"] = values["referent"].organization
        try:
            changed = verb(found, file=file, **values)
            target = changed if what == "rouvrir" else file
            return _go(request, _address(found, target))
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    context = {"form": form, "title": title, "verb": button, "withdraw": what in ("clore", "suspendre")}
    return _dialog(request, context, back=_address(found, file))


# --- Sheets --------------------------------------------------------------------------------------------------------------


@require_http_methods(WRITE)
def write_sheet(request, file_id: UUID):
    """Quick entry: act, minutes, topic, words, Ctrl Enter. What is typed is kept on the server as it goes."""
    found, file = enter_file(request, file_id, DeskRight.FILES)
    kept = _draft(found, file, "sheet")
    told = _visit_of(request.GET)
    start = forms.SheetForm.start() | (kept.data if kept and not told else {}) | told
    form = forms.SheetForm(request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            more = {
                "share": form.cleaned_data["share"],
                "appointment_id": form.cleaned_data["visit"],
                "ref": form.cleaned_data["ref"],
            }
            actions.write_sheet(found, file=file, **more, **form.values())
            return _go(request, _address(found, file))
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    return _write(request, found, file, form, "sheet", _("Nouvelle fiche de suivi"), _("Enregistrer"), kept)


def _visit_of(data) -> dict:
    """What an appointment already says: the agenda's « en faire une fiche de suivi » gives it in the address."""
    try:
        at = timezone.localtime(datetime.fromisoformat(data["le"]))
        visit = UUID(data["visite"])
    except (KeyError, ValueError):
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
    context = _page(
        request, found, file, sheet=row, versions=row.versions.order_by("-number"), mine=row.author_user_id == found.user_id,
        icon=ACT_ICONS[row.act],
    )  # fmt: skip
    return render(request, "coordination/sheet.html", context)


@require_http_methods(WRITE)
def change_sheet(request, file_id: UUID, sheet_id: UUID, what: str):
    found, file, row = _sheet(request, file_id, sheet_id)
    back = reverse("coordination:sheet", args=[file.pk, row.pk])
    local = timezone.localtime(row.at)
    if what == "corriger":
        start = {"act": row.act, "minutes": str(row.minutes), "topic": row.topic, "on": local.date(), "time": local.time(),
                 "text": row.text, "people": ", ".join(row.people)}  # fmt: skip
        form = forms.SeriesForm(request.POST or None, initial=start)
        title, verb = _("Corriger la fiche"), _("Enregistrer")
    elif what in ("retirer", "partager"):
        form = forms.forms.Form(request.POST) if request.method == "POST" else forms.forms.Form()
        if what == "retirer":
            form.fields["reason"] = forms.forms.CharField(label=_("Pourquoi"), max_length=400)
        title = _("Retirer la fiche") if what == "retirer" else _("Dire cette fiche au cercle")
        verb = _("Retirer") if what == "retirer" else _("Écrire dans le cahier")
    else:
        raise Http404
    if request.method == "POST" and form.is_valid():
        try:
            if what == "corriger":
                based_on = request.POST.get("based_on", "")
                actions.correct_sheet(
                    found, sheet=row, based_on=int(based_on) if based_on.isdigit() else row.version, **form.values()
                )
            elif what == "retirer":
                actions.withdraw_sheet(found, sheet=row, reason=form.cleaned_data["reason"])
                back = _address(found, file)
            else:
                actions.share_sheet(found, sheet=row)
            return _go(request, back)
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    context = {"form": form, "title": title, "verb": verb, "withdraw": what == "retirer", "based_on": row.version,
               "text": row.text if what == "partager" else ""}  # fmt: skip
    return _dialog(request, context, back=back)


def _sheet(request, file_id, sheet_id) -> tuple[Desk, CoordinationFile, FollowUpSheet]:
    found, file = enter_file(request, file_id, DeskRight.FILES)
    row = FollowUpSheet.objects.filter(pk=sheet_id, file=file).first()
    if row is None:
        raise Http404
    return found, file, row


@require_safe
def file_sheets(request, file_id: UUID):
    found, file = enter_file(request, file_id, DeskRight.FILES)
    rows = file.sheets.filter(state=SheetState.CURRENT)
    if request.GET.get("acte") in ACT_ICONS:
        rows = rows.filter(act=request.GET["acte"])
    rows = list(rows.order_by("-at", "-id")[:200])
    record(found, "coordination.sheets_listed", on=file, kind=Kind.READ, shown=[s.pk for s in rows])
    context = _page(
        request,
        found,
        file,
        rows=[(s, ACT_ICONS[s.act]) for s in rows],
        acts=Act.choices,
        act=request.GET.get("acte", ""),
    )
    return render(request, "coordination/sheets.html", context)


@require_safe
def sheets(request):
    """Across files: mine, or the structure's; by act, topic and period."""
    found = enter_desk(request, DeskRight.FILES)
    rows = queries.sheets(found, request.GET).select_related("file__patient__identity")
    shown = list(rows.order_by("-at", "-id")[: queries.PAGE])
    record(found, "coordination.sheets_listed", kind=Kind.READ, shown=[s.pk for s in shown])
    context = {"desk": found, "rows": [(s, ACT_ICONS[s.act]) for s in shown], "acts": Act.choices, "subjects": Topic.choices,
               "data": request.GET}  # fmt: skip
    return render(request, "coordination/sheets.html", context)


@require_http_methods(WRITE)
def series(request):
    """The same act on several files at once."""
    found = enter_desk(request, DeskRight.FILES)
    mine = (
        queries.caseload(found, queries.Filters())
        .select_related("patient__identity")
        .order_by("patient__identity__sort")[:200]
    )
    form = forms.SeriesForm(request.POST or None, initial=forms.SheetForm.start())
    wanted = request.POST.getlist("files")
    if request.method == "POST" and form.is_valid():
        chosen = [f for f in mine if str(f.pk) in wanted]
        try:
            actions.write_series(found, files=chosen, **form.values())
            return redirect("coordination:sheets")
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    context = {"desk": found, "form": form, "files": mine, "wanted": wanted}
    return render(request, "coordination/series.html", context, status=422 if form.errors else 200)


# --- The caseload, handovers, tasks ----------------------------------------------------------------------------------------


@require_http_methods(WRITE)
def caseload(request):
    """« Mes dossiers ». Words are searched by POST: a name has no place in an address."""
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
    form = forms.HandoverForm(
        request.POST or None, organization=found.organization, initial={"from_role": found.practice_role_id}
    )
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
    return render(
        request,
        "coordination/handover.html",
        {"desk": found, "form": form, "past": past},
        status=422 if form.errors else 200,
    )


@require_http_methods(WRITE)
def handover(request, handover_id: UUID):
    """What was passed on, and what stayed because the person refused; « rendre les dossiers » before the end."""
    found = enter_desk(request, DeskRight.FILES)
    row = (
        Handover.objects.filter(pk=handover_id, organization=found.organization)
        .select_related("from_role__practitioner", "to_role__practitioner")
        .first()
    )
    if row is None:
        raise Http404
    if request.method == "POST":
        actions.end_handover(row, desk=found)
        return redirect("coordination:handover", row.pk)
    lines = list(
        row.lines.select_related("file__patient__identity", "file__patient__circle").order_by(
            "file__patient__identity__sort"
        )[:500]
    )
    # Whoever the person refused does not read her name here either.
    seen = [x for x in lines if not (x.file.patient.circle.has_oppositions and is_opposed(found, x.file))]
    record(found, "coordination.files_listed", kind=Kind.READ, shown=[x.file_id for x in seen])
    context = {
        "desk": found, "handover": row, "passed": [x for x in seen if not x.kept], "kept": [x for x in seen if x.kept],
        "unseen": len(lines) - len(seen),
    }  # fmt: skip
    return render(request, "coordination/handover_done.html", context)


@require_safe
def tasks(request):
    """« Mes tâches »: each app says its own."""
    found = enter_desk(request, DeskRight.FILES)
    groups = todo.of(request)
    record(found, "coordination.tasks_listed", kind=Kind.READ, details={"tasks": sum(len(t) for _g, t in groups)})
    return render(request, "coordination/tasks.html", {"desk": found, "groups": groups, "today": timezone.localdate()})


# --- Inside ----------------------------------------------------------------------------------------------------------------


def _draft(found: Desk, file: CoordinationFile, slot: str) -> FileDraft | None:
    return FileDraft.objects.filter(user_id=found.user_id, file_id=file.pk, slot=slot).first()


def _address(found: Desk, file: CoordinationFile) -> str:
    """Back to the tab of the patient's page, or to the structure's own page once out of the circle."""
    if reach(found.viewer, file.patient_id):
        return reverse("record:tab", args=[file.patient_id, "coordination"])
    return reverse("coordination:file", args=[file.pk])


def _go(request, url: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def _write(request, found: Desk, file, form, slot: str, title: str, verb: str, kept) -> HttpResponse:
    context = _page(
        request,
        found,
        file,
        form=form,
        which=slot,
        slot=slot,
        title=title,
        verb=verb,
        kept=kept,
        back=_address(found, file),
    )
    status = 422 if request.method == "POST" else 200
    name = "coordination/file_form.html#sheet" if request.headers.get("HX-Request") else "coordination/file_form.html"
    return render(request, name, context, status=status)


def _dialog(request, context: dict, *, back: str) -> HttpResponse:
    status = 422 if request.method == "POST" else 200
    name = "coordination/dialog.html#form" if request.headers.get("HX-Request") else "coordination/dialog.html"
    return render(request, name, context | {"back": back}, status=status)
