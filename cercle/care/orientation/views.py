"""The desk: queue, board, drawer, entry, dialogs. Every request is reached through the desk of its structure."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.web.limits import limited
from cercle.base.web.live import topics_for
from cercle.care.coordination.models import CoordinationFile
from cercle.care.questionnaires import actions as questionnaires
from cercle.care.questionnaires import forms as questionnaire_forms
from cercle.care.questionnaires.models import Response
from cercle.people.circles.access import enter, reach
from cercle.people.circles.desks import Desk, DeskRight, enter_desk, opposed_circles
from cercle.people.circles.vocabulary import Permission
from cercle.people.patients import duplicates
from cercle.people.patients.models import Patient
from cercle.people.patients.traits import CivilTraits

from . import actions, forms, letters, queries
from .models import Call, Draft, OrientationRequest, SavedFilter, Solicitation
from .vocabulary import State

WRITE = ["GET", "HEAD", "POST"]
FILTERS = ("qui", "equipe", "urgence", "vue")


def _reach(request, request_id: UUID) -> tuple[Desk, OrientationRequest]:
    """404 to whoever is not of that structure, and where the person refused this professional or this structure."""
    desk = enter_desk(request, DeskRight.DESK)
    row = (
        OrientationRequest.objects.of(desk.organization)
        .exclude(patient_id__in=opposed_circles(desk))
        .select_related(
            "organization", "assigned_role__practitioner", "asker_role__practitioner", "patient__identity", "team"
        )
        .filter(pk=request_id)
        .first()
    )
    if row is None:
        raise Http404
    return desk, row


def _context(request, desk: Desk) -> dict:
    kept = "&".join(f"{k}={request.GET[k]}" for k in FILTERS if request.GET.get(k, "").replace("-", "").isalnum())
    return {
        "desk": desk,
        "board": queries.board(desk, request.GET),
        "view": request.GET.get("vue") if request.GET.get("vue") in {"liste", "calendrier"} else "tableau",
        "who": request.GET.get("qui", ""),
        "query": kept,
        "colleagues": queries.colleagues(desk),
        "saved": SavedFilter.objects.filter(user_id=desk.user_id, organization=desk.organization)[:12],
        "topic": actions.topic(desk.organization.pk),
        "topics": topics_for(request, actions.topic(desk.organization.pk)),
    }


@require_safe
def desk(request):
    found = enter_desk(request, DeskRight.DESK)
    context = _context(request, found)
    record(found, "orientation.desk_listed", kind=Kind.READ, shown=[r.pk for r in context["board"].queue])
    return render(request, "orientation/desk.html" + ("#work" if request.headers.get("HX-Request") else ""), context)


@require_safe
def show(request, request_id: UUID):
    found, row = _reach(request, request_id)
    record(found, "orientation.request_read", on=row, kind=Kind.READ, shown=[row.pk], circle_id=row.patient_id)
    detail = queries.detail(found, row) | {"desk": found}
    if request.headers.get("HX-Request"):
        return render(request, "orientation/desk.html#drawer", detail | {"topic": actions.topic(found.organization.pk)})
    return render(request, "orientation/desk.html", _context(request, found) | detail)


# --- Acts in a dialog ---------------------------------------------------------------------------------------------------


def _known(desk: Desk, row: OrientationRequest) -> list[Patient]:
    """Files that look like her and that this desk may open already; the others stay unknown here (no oracle)."""
    if row.patient_id or not (row.person_family and row.person_birth_date):
        return []
    try:
        traits = CivilTraits.read(
            birth_family=row.person_family,
            birth_given=row.person_given,
            birth_date=row.person_birth_date,
            sex=row.person_sex or "U",
        )
    except Refused:
        return []
    found = [c.patient_id for c in duplicates.resembling(duplicates.traits_of(traits))[:20]]
    mine = _may_open(desk, found)
    known = Patient.objects.with_identity().in_bulk(mine)
    return [known[pk] for pk in mine if pk in known]


def _may_open(desk: Desk, found: list[UUID]) -> list[UUID]:
    held = set(
        CoordinationFile.objects.of(desk.organization)
        .not_opposed(desk)
        .filter(patient_id__in=found)
        .values_list("patient_id", flat=True)
    )
    return [pk for pk in found if pk in held or reach(desk.viewer, pk)]


def _accept(desk, row, form):
    data = form.cleaned_data
    patient = next((p for p in _known(desk, row) if str(p.pk) == data.get("patient")), None)
    return actions.accept(
        desk,
        request=row,
        referent=data["referent"],
        level=data["level"],
        informed_on=data["informed_on"],
        patient=patient,
    )


def _solicit(desk, row, form):
    data = form.cleaned_data
    return actions.solicit(
        desk, request=row, what=data["what"], resource_name=data["resource_name"], organization=form.organization()
    )


def _text(verb, name, label):
    return (
        lambda desk, row, post: forms.TextForm(post, label=label),
        lambda desk, row, form: getattr(actions, verb)(desk, request=row, **{name: form.cleaned_data["text"]}),
    )


def _answer_form(desk, row, post):
    initial = {
        "ref_version": row.version,
        "text": row.outcome_text,
        "how": "web" if row.channel.startswith("web") else "phone",
    }
    return forms.AnswerForm(post, initial=initial)


# slug: title, button, (form, act). The one dialog of each verb.
DIALOGS = {
    "repondre": (
        _answer_form,
        lambda d, r, f: actions.answer(d, request=r, how=f.cleaned_data["how"], text=f.cleaned_data["text"], version=f.cleaned_data["ref_version"]),
    ),
    "nommer": (lambda d, r, p: forms.NameForm(p), lambda d, r, f: actions.name_person(d, request=r, **f.cleaned_data)),
    "confier": (
        lambda d, r, p: forms.AssignForm(p, roles=queries.colleagues(d)),
        lambda d, r, f: actions.assign(d, request=r, role=f.cleaned_data["role"]),
    ),
    "solliciter": (lambda d, r, p: forms.SolicitForm(p), _solicit),
    "medecin": (lambda d, r, p: forms.DoctorForm(p), lambda d, r, f: actions.set_doctor(d, request=r, **f.cleaned_data)),
    "dossier": (
        lambda d, r, p: forms.AcceptForm(
            p, roles=queries.colleagues(d), known=_known(d, r), initial={"referent": d.practice_role_id, "level": r.level or 2}
        ),
        _accept,
    ),
    "conseil": _text("close_advice", "advice", ""),
    "oriente": _text("close_oriented", "text", ""),
    "refuser": _text("refuse", "reason", ""),
    "retirer": _text("cancel", "reason", ""),
    "attente": _text("wait_list", "reason", ""),
    "injoignable": _text("cannot_answer", "reason", ""),
    "rouvrir": _text("reopen", "reason", ""),
    "noter": _text("add_note", "text", ""),
}  # fmt: skip


def _titles() -> dict[str, tuple[str, str]]:
    return {
        "repondre": (_("Répondre au demandeur"), _("Noter la réponse")),
        "nommer": (_("Nommer la personne"), _("Nommer")),
        "confier": (_("Confier la demande"), _("Confier")),
        "solliciter": (_("Solliciter une ressource"), _("Solliciter")),
        "medecin": (_("Médecin traitant"), _("Noter")),
        "dossier": (_("Ouvrir un dossier de coordination"), _("Ouvrir le dossier")),
        "conseil": (_("Clore par une information"), _("Décider")),
        "oriente": (_("Clore par une orientation"), _("Décider")),
        "refuser": (_("Refuser la demande"), _("Refuser")),
        "retirer": (_("Le demandeur retire sa demande"), _("Retirer")),
        "attente": (_("Mettre en liste d’attente"), _("Mettre en attente")),
        "injoignable": (_("Réponse impossible"), _("Clore la demande")),
        "rouvrir": (_("Rouvrir la demande"), _("Rouvrir")),
        "noter": (_("Ajouter une note"), _("Noter")),
    }


@require_http_methods(WRITE)
def act(request, request_id: UUID, verb: str):
    found, row = _reach(request, request_id)
    if verb not in DIALOGS:
        raise Http404
    build, do = DIALOGS[verb]
    form = build(found, row, request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                do(found, row, form)
                return _done(request, row)
            except Refused as refusal:
                form.add_error(None, str(refusal.message))
                status = 409 if refusal.code == "overtaken" else 422
    title, button = _titles()[verb]
    return _dialog(request, {"form": form, "title": title, "verb": button, "row": row}, row, status)


@require_http_methods(WRITE)
def reply(request, request_id: UUID, solicitation_id: UUID):
    found, row = _reach(request, request_id)
    asked = Solicitation.objects.filter(pk=solicitation_id, request=row).first()
    if asked is None:
        raise Http404
    form = forms.ReplyForm(request.POST or None, initial={"state": asked.state, "answer": asked.answer})
    if request.method == "POST" and form.is_valid():
        try:
            actions.record_reply(found, solicitation=asked, **form.cleaned_data)
            return _done(request, row)
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    return _dialog(
        request, {"form": form, "title": asked.resource_name, "verb": _("Noter la réponse"), "row": row}, row
    )


def _dialog(request, context: dict, row=None, status: int = 200):
    context["back"] = reverse("orientation:show", args=[row.pk]) if row else reverse("orientation:desk")
    part = "#form" if request.headers.get("HX-Request") else ""
    # htmx swaps answers of 2xx only unless told: the dialog must show what was refused.
    return render(request, "orientation/dialog.html" + part, context, status=200 if part else status)


def _done(request, row) -> HttpResponse:
    url = reverse("orientation:show", args=[row.pk])
    return (
        HttpResponse(status=204, headers={"HX-Redirect": url}) if request.headers.get("HX-Request") else redirect(url)
    )


@require_POST
def step(request, request_id: UUID, verb: str):
    """One click: begin, orient, contact, level."""
    found, row = _reach(request, request_id)
    try:
        if verb == "commencer":
            actions.take(found, request=row)
        elif verb == "orienter":
            actions.orient(found, request=row)
        elif verb == "contact":
            actions.contacted(found, request=row)
        elif verb.startswith("niveau-") and verb[7:] in {"1", "2", "3"}:
            actions.set_level(found, request=row, level=int(verb[7:]))
        else:
            raise Http404
    except Refused as refusal:
        messages.error(request, str(refusal.message))
    return redirect("orientation:show", row.pk)


@require_http_methods(WRITE)
def assess(request, request_id: UUID):
    """The pre-assessment form on a page of its own; its answers are then read in the drawer."""
    found, row = _reach(request, request_id)
    try:
        response = questionnaires.start(found, slug="pre-evaluation", subject_ref=row.pk)
    except Refused as refusal:
        messages.error(request, str(refusal.message))
        return redirect("orientation:show", row.pk)
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            questionnaires.finish(
                found,
                response=response,
                post=request.POST,
                writer=request.POST.get("writer", ""),
                revision=_revision(request),
            )
            if row.state == State.RECEIVED:
                actions.take(found, request=row)
            return redirect("orientation:show", row.pk)
        except questionnaires.Invalid as invalid:
            errors = invalid.errors
            response.refresh_from_db()
        except Refused as refusal:
            messages.error(request, str(refusal.message))
            response.refresh_from_db()
    record(found, "orientation.request_read", on=row, kind=Kind.READ, shown=[row.pk], circle_id=row.patient_id)
    draft_url = reverse("orientation:assess_draft", args=[row.pk])
    context = questionnaire_forms.context(response, draft_url=draft_url, errors=errors)
    return render(request, "orientation/assess.html", context | {"row": row}, status=422 if errors else 200)


@require_POST
def assess_draft(request, request_id: UUID):
    found, row = _reach(request, request_id)
    response = Response.objects.filter(
        subject_ref=row.pk, author_user_id=found.user_id, status=Response.Status.IN_PROGRESS
    ).first()
    if response is None:
        raise Http404
    try:
        kept = questionnaires.keep_draft(
            found,
            response=response,
            post=request.POST,
            writer=request.POST.get("writer", ""),
            revision=_revision(request),
        )
    except Refused as refusal:
        return JsonResponse({"problem": str(refusal.message)}, status=409)
    return JsonResponse({"revision": kept.revision})


def _revision(request) -> int:
    given = request.POST.get("revision", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 9 else 0


# --- Entry ---------------------------------------------------------------------------------------------------------------


@limited("orientation-new", per_minute=30, methods=("POST",))
@require_http_methods(WRITE)
def new(request):
    found = enter_desk(request, DeskRight.DESK)
    draft = Draft.objects.filter(user_id=found.user_id, organization=found.organization).first()
    if request.method != "POST":
        initial = {"ref": uuid4()} | (
            {k: v for k, v in draft.data.items() if k in forms.RequestForm.base_fields and k != "ref"} if draft else {}
        )
        return render(
            request, "orientation/new.html", {"form": forms.RequestForm(initial=initial), "draft": draft, "desk": found}
        )
    form = forms.RequestForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        informed = data["person_informed_on"]
        try:
            row = actions.receive_request(
                found, person=form.person(), client_ref=data["ref"], person_informed_at=actions._noon(informed) if informed else None,
                **{k: data[k] for k in ("channel", "asker_kind", "asker_name", "asker_detail", "asker_phone", "reason", "reason_text", "urgency",
                                        "level", "doctor_informed", "commune_code", "commune_label")},
            )  # fmt: skip
            return redirect("orientation:show", row.pk)
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    return render(request, "orientation/new.html", {"form": form, "desk": found}, status=422)


@require_POST
def draft(request):
    found = enter_desk(request, DeskRight.DESK)
    kept = {k: request.POST[k][:20_000] for k in forms.RequestForm.base_fields if request.POST.get(k)}
    actions.keep_draft(found, data=kept)
    return JsonResponse({"kept": True})


@limited("orientation-lookalikes", per_minute=40)
@require_safe
def lookalikes(request):
    """While talking: files this desk may open already; of the others only that one resembles, and that search is traced."""
    found = enter_desk(request, DeskRight.DESK)
    form = forms.RequestForm(request.GET)
    form.is_valid()
    context: dict = {}
    if getattr(form, "traits", None):
        ids = [c.patient_id for c in duplicates.resembling(duplicates.traits_of(form.traits))[:20]]
        mine = _may_open(found, ids)
        record(found, "record.lookalikes_searched", kind=Kind.SEARCH, shown=mine, details={"found": len(ids)})
        known = Patient.objects.with_identity().in_bulk(mine)
        context = {"mine": [known[pk] for pk in mine if pk in known], "other": len(ids) > len(mine)}
    return render(request, "orientation/new.html#lookalikes", context)


@require_http_methods(WRITE)
def calls(request):
    found = enter_desk(request, DeskRight.DESK)
    form = forms.CallForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        actions.log_call(found, **form.cleaned_data)
        return redirect("orientation:calls")
    rows = Call.objects.filter(organization=found.organization).order_by("-at")[:50]
    return render(request, "orientation/calls.html", {"form": form, "rows": rows, "desk": found})


@require_POST
def bulk(request):
    found = enter_desk(request, DeskRight.DESK)
    wanted = [pk for pk in request.POST.getlist("ids")[:200] if len(pk) == 36]
    try:
        rows = list(
            OrientationRequest.objects.of(found.organization)
            .open()
            .exclude(patient_id__in=opposed_circles(found))
            .filter(pk__in=[UUID(pk) for pk in wanted])
        )
        role = (
            queries.colleagues(found).filter(pk=UUID(request.POST["role"])).first()
            if request.POST.get("role")
            else None
        )
        done = actions.assign_many(found, requests=rows, role=role)
        messages.success(request, _("%(n)s demandes confiées.") % {"n": done})
    except (Refused, ValueError) as refusal:
        messages.error(request, str(getattr(refusal, "message", _("Choix illisible."))))
    return redirect(reverse("orientation:desk") + "?vue=liste")


@require_POST
def save_filter(request):
    found = enter_desk(request, DeskRight.DESK)
    try:
        actions.save_filter(found, name=request.POST.get("name", ""), query=request.POST.get("query", ""))
    except Refused as refusal:
        messages.error(request, str(refusal.message))
    return redirect("orientation:desk")


@require_http_methods(WRITE)
def settings(request):
    found = enter_desk(request, DeskRight.DESK)
    row = actions.settings_of(found.organization)
    hours = {**{str(k): v for k, v in actions.deadlines.DEFAULT_HOURS.items()}, **row.hours}
    initial = {
        "normal": hours["0"], "soon": hours["1"], "urgent": hours["2"], "closed_days": " ".join(map(str, row.closed_days)),
        "alsace_moselle": row.alsace_moselle, "public_form": row.public_form,
    }  # fmt: skip
    form = forms.SettingForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        actions.set_desk(
            found, hours={"0": data["normal"], "1": data["soon"], "2": data["urgent"]}, closed_days=data["closed_days"],
            alsace_moselle=data["alsace_moselle"], public_form=data["public_form"],
        )  # fmt: skip
        return redirect("orientation:desk")
    return _dialog(request, {"form": form, "title": _("Délais et jours de fermeture"), "verb": _("Enregistrer")})


@limited("export", per_minute=20)
@require_safe
def letter(request, request_id: UUID, model: str):
    found, row = _reach(request, request_id)
    if model not in letters.MODELS:
        raise Http404
    record(
        found,
        "orientation.letter_printed",
        on=row,
        kind=Kind.EXPORT,
        circle_id=row.patient_id,
        details={"model": model},
    )
    answer = HttpResponse(letters.render(row, found, model), content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="courrier-{row.number}.pdf"'
    return answer


# --- From a circle -------------------------------------------------------------------------------------------------------


@require_http_methods(WRITE)
def ask(request, circle_id: UUID):
    acting = enter(request, circle_id, Permission.ASK_SUPPORT)
    form = forms.AskForm(request.POST or None, initial={"ref": uuid4()})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            actions.ask_support(
                acting, organization=data["organization"], reason=data["reason"], reason_text=data["reason_text"], urgency=data["urgency"],
                informed_on=data["informed_on"], client_ref=data["ref"],
            )  # fmt: skip
            messages.success(request, _("Votre demande est arrivée au guichet. Une réponse vous sera donnée."))
            url = reverse("record:patient", args=[circle_id])
            return (
                HttpResponse(status=204, headers={"HX-Redirect": url})
                if request.headers.get("HX-Request")
                else redirect(url)
            )
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    record(acting, "orientation.asking_opened", kind=Kind.READ)
    part = "#form" if request.headers.get("HX-Request") else ""
    context = {
        "form": form,
        "title": _("Demander un appui"),
        "verb": _("Demander"),
        "back": reverse("record:patient", args=[circle_id]),
    }
    return render(request, "orientation/dialog.html" + part, context)
