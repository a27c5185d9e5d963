"""Enter, form, action, render: the file's own pages, and its tab in the patient's page."""

from uuid import UUID

from django.http import Http404, HttpRequest, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.common.ids import uuid7
from cercle.people.circles.access import enter
from cercle.people.circles.desks import Desk, DeskRight, desk, enter_desk
from cercle.people.circles.vocabulary import Permission
from cercle.people.directory.models import PracticeRole

from .. import around
from .. import forms_files as forms
from .. import queries_files as queries
from ..actions import files as actions
from ..gates import at_work, enter_file, is_opposed
from ..models import CoordinationFile
from ..vocabulary import ACT_ICONS, Right, RightState
from .pages import WRITE, address, dialog, draft_of, go, own_page, rebase, writing

# --- One file ------------------------------------------------------------------------------------------------------------


def panel(request: HttpRequest, acting, **extra) -> dict:
    """The tab « Appui » of the patient's page: the structure's own file, for whoever holds such files."""
    found = desk(request)
    if found is None or not found.may(DeskRight.FILES):
        return {"file": None, "may_open": False, **extra}
    file = queries.current_file(found, acting.circles)
    if file is None or is_opposed(found, file):
        return {"file": None, "may_open": True, "circle_id": acting.circle_id, **extra}
    return _state(at_work(found, file), file, acting) | {"in_circle": True} | extra


@require_safe
def show(request, file_id: UUID):
    """The same page outside the circle's frame: what the structure keeps, also once it has left the circle."""
    found, file = enter_file(request, file_id, DeskRight.FILES)
    context = own_page(request, found, file, here="state")
    return render(request, "coordination/file.html", context | _state(found, file, context["acting"]))


def _state(found: Desk, file: CoordinationFile, acting) -> dict:
    state = queries.state_of(file, acting)
    record(found, "coordination.file_read", on=file, kind=Kind.READ, shown=[file.pk, *(s.pk for s in state.sheets)])
    return {
        "file": file,
        "desk": found,
        "state": state,
        "acting": acting,
        "since": queries.followed_since(file),
        "late": [(a, queries.late_words(a.due_on)) for a in state.late],
        "sheets": [(s, ACT_ICONS[s.act]) for s in state.sheets],
        "has_draft": draft_of(found, file, "sheet") is not None,
        **around.of(acting),
    }


@require_http_methods(WRITE)
def open_file(request, circle_id: UUID):
    acting = enter(request, circle_id, Permission.COORDINATE)
    found = enter_desk(request, DeskRight.FILES)
    form = forms.OpenForm(
        request.POST or None,
        organization=found.organization,
        initial={"referent": found.practice_role_id},
    )
    if request.method == "POST" and form.is_valid():
        try:
            actions.open_file(found, patient=acting.patient, **form.values())
            return go(request, reverse("record:tab", args=[circle_id, "coordination"]))
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    context = {"form": form, "title": _("Ouvrir un dossier d’appui"), "verb": _("Ouvrir le dossier"), "which": "form"}
    return dialog(request, context, back=reverse("record:tab", args=[circle_id, "coordination"]))


@require_http_methods(WRITE)
def synthesis(request, file_id: UUID):
    found, file = enter_file(request, file_id, DeskRight.FILES)
    kept = draft_of(found, file, "synthesis")
    start = {
        "synthesis": file.synthesis, "wish": file.wish, "review_on": file.review_on,
        "based_on": file.synthesis_at.isoformat() if file.synthesis_at else "",
    } | (kept.data if kept else {})  # fmt: skip
    form, other = forms.SynthesisForm(request.POST or None, initial=start), None
    if request.method == "POST" and form.is_valid():
        try:
            actions.write_synthesis(found, file=file, **form.values())
            return go(request, address(found, file))
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
            if refusal.code == "conflict":
                fresh = CoordinationFile.objects.get(pk=file.pk)
                rebase(form, fresh.synthesis_at.isoformat())
                other = fresh
    return writing(
        request,
        found,
        file,
        form,
        "synthesis",
        title=_("Où en est-on ?"),
        verb=_("Enregistrer"),
        kept=kept,
        other=other,
    )


@require_http_methods(WRITE)
def administrative(request, file_id: UUID):
    found, file = enter_file(request, file_id, DeskRight.FILES)
    kept = draft_of(found, file, "administrative")
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
            rebase(form, conflict.file.version)
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    else:
        record(found, "coordination.administrative_read", on=file, kind=Kind.READ)
    versions = file.administrative_versions.order_by("-number")[:6]
    context = own_page(
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
    """What the structure keeps to itself: written, corrected or withdrawn by its author, read by its desk."""
    found, file = enter_file(request, file_id, DeskRight.FILES)
    kept = draft_of(found, file, "private")
    notes = queries.private_notes(found, file)
    mine = {str(n.pk): n for n in notes if n.author_user_id == found.user_id}
    corrected = mine.get(request.POST.get("corrects") or request.GET.get("corriger", ""))
    start = {"ref": uuid7()} | (kept.data if kept else {})
    if corrected:
        start = {"text": corrected.text, "corrects": corrected.pk}
    form = forms.PrivateForm(request.POST or None, initial=start)
    if request.method == "POST":
        try:
            if gone := request.POST.get("withdraw"):
                if gone not in mine:
                    raise Http404
                actions.withdraw_private_note(found, note=mine[gone])
                return redirect("coordination:private_notes", file.pk)
            if form.is_valid():
                data = form.cleaned_data
                if data["corrects"] and not corrected:
                    raise Refused(_("Cette note a déjà été corrigée ou retirée. Votre texte est gardé."), "done")
                if corrected:
                    actions.correct_private_note(found, note=corrected, text=data["text"])
                else:
                    actions.add_private_note(found, file=file, text=data["text"], ref=data["ref"])
                return redirect("coordination:private_notes", file.pk)
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    record(actions.apart(found), "coordination.private_notes_read", kind=Kind.READ, shown=[n.pk for n in notes])
    context = own_page(
        request,
        found,
        file,
        form=form,
        notes=notes,
        kept=None if corrected else kept,
        corrected=corrected,
        here="private",
    )
    return render(request, "coordination/private_notes.html", context, status=422 if form.errors else 200)


@require_POST
def draft(request, file_id: UUID, slot: str):
    found, file = enter_file(request, file_id, DeskRight.FILES)
    if slot not in actions.SLOTS:
        raise Http404
    data = {k: v for k, v in request.POST.items() if k not in ("csrfmiddlewaretoken", "ref")}
    at = actions.keep_draft(found, file=file, slot=slot, data=data)
    return JsonResponse({"kept_at": at})


# what: (form, verb of actions, title, button)
CHANGES: dict = {
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
    "fin-co-referent": (
        forms.EndCoReferentForm,
        actions.end_co_referent,
        gettext_lazy("Retirer un co-référent"),
        gettext_lazy("Retirer"),
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
    form = kind(
        request.POST if request.method == "POST" else None, initial={"level": file.level, "referent": file.referent_id}
    )
    for name in ("referent", "practice_role"):
        if name in form.fields:
            form.fields[name].queryset = _choices(what, found, file)
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        if what == "transferer":
            values["to"] = values["referent"].organization
        try:
            changed = verb(found, file=file, **values)
            return go(request, address(found, changed if what == "rouvrir" else file))
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    context = {
        "form": form,
        "title": title,
        "verb": button,
        "withdraw": what in ("clore", "suspendre", "fin-co-referent"),
    }
    return dialog(request, context, back=address(found, file))


def _choices(what: str, found: Desk, file: CoordinationFile):
    if what == "transferer":
        return forms.elsewhere(found.organization)
    beside = file.co_referents.filter(ended_at=None).values("practice_role_id")
    if what == "fin-co-referent":
        return PracticeRole.objects.filter(pk__in=beside).select_related("practitioner", "organization")
    there = forms.colleagues(found.organization)
    return there.exclude(pk=file.referent_id).exclude(pk__in=beside) if what == "co-referent" else there
