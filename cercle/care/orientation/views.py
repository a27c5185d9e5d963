"""The desk: queue, board, drawer, entry, dialogs. Every request is reached through the desk of its structure."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.web.limits import limited
from cercle.base.web.live import topics_for
from cercle.care.questionnaires import actions as questionnaires
from cercle.care.questionnaires import forms as questionnaire_forms
from cercle.care.questionnaires.models import Response
from cercle.people.circles.access import Acting, enter
from cercle.people.circles.desks import Desk, DeskRight, enter_desk
from cercle.people.circles.vocabulary import Permission
from cercle.people.directory.models import Commune, Organization, PracticeRole

from . import actions, forms, letters, queries
from .dialogs import DIALOGS
from .models import Call, Draft, OrientationRequest, SavedFilter, Solicitation
from .vocabulary import State, Verb

WRITE = ["GET", "HEAD", "POST"]
MACHINE = (Verb.REMINDED, Verb.ESCALATED)


def _reach(request, orientation_id: UUID) -> tuple[Desk, OrientationRequest]:
    """404 to whoever is not of that structure, and where the person refused this professional or this structure."""
    desk = enter_desk(request, DeskRight.DESK)
    row = (
        queries.open_to(desk)
        .select_related(
            "organization", "assigned_role__practitioner", "asker_role__practitioner", "patient__identity", "team"
        )
        .filter(pk=orientation_id)
        .first()
    )
    if row is None:
        raise Http404
    return desk, row


# --- The desk ------------------------------------------------------------------------------------------------------------


def _work(request, desk: Desk, row: OrientationRequest | None = None) -> dict:
    """Queue and board. `row`: the request whose drawer is open, or will stay so when this part is fetched again."""
    filters = queries.Filters.read(request.GET)
    here = reverse("orientation:show", args=[row.pk]) if row else reverse("orientation:desk")
    board = queries.board(desk, filters)
    context = {
        "desk": desk, "board": board, "filters": filters, "query": filters.query(), "row": row,
        "choices": queries.choices(desk, filters, here), "topic": actions.topic(desk.organization.pk),
    }  # fmt: skip
    if filters.view == "liste":
        context["whom"] = queries.whom(desk)
    elif filters.view == "calendrier":
        context["calendar"] = queries.calendar(desk, board.queue, actions.settings_of(desk.organization))
    return context


@require_safe
def desk(request):
    found = enter_desk(request, DeskRight.DESK)
    live = request.headers.get("HX-Request")
    row = None
    if live and queries.is_uuid(request.GET.get("ouverte", "")):
        row = queries.open_to(found).filter(pk=request.GET["ouverte"]).first()
    context = _work(request, found, row)
    record(found, "orientation.desk_listed", kind=Kind.READ, shown=[r.pk for r in context["board"].queue])
    if live:
        return render(request, "orientation/desk.html#work", context)
    return render(request, "orientation/desk.html", context | {"topics": topics_for(request, context["topic"])})


@require_safe
def show(request, orientation_id: UUID):
    found, row = _reach(request, orientation_id)
    record(found, "orientation.request_read", on=row, kind=Kind.READ, shown=[row.pk], circle_id=row.patient_id)
    detail = queries.detail(found, row)
    if request.headers.get("HX-Request"):
        query = queries.Filters.read(request.GET).query()
        return render(request, "orientation/desk.html#drawer", detail | {"desk": found, "query": query})
    context = _work(request, found, row) | detail
    return render(request, "orientation/desk.html", context | {"topics": topics_for(request, context["topic"])})


@require_http_methods(WRITE)
def search(request):
    """Closed requests too: the asker calls back, a colleague looks. What is looked for never stands in an address."""
    found = enter_desk(request, DeskRight.DESK)
    words = request.POST.get("q", "")[:80].replace("\x00", "")
    rows = queries.search(found, words)
    record(found, "orientation.requests_searched", kind=Kind.SEARCH, shown=[r.pk for r in rows])
    return render(request, "orientation/search.html", {"rows": rows, "q": words, "desk": found})


# --- Acts in a dialog ---------------------------------------------------------------------------------------------------


@require_http_methods(WRITE)
def act(request, orientation_id: UUID, verb: str):
    found, row = _reach(request, orientation_id)
    dialog = DIALOGS.get(verb)
    if dialog is None:
        raise Http404
    data = request.POST if request.method == "POST" else None
    form = dialog.build(found, row, data)
    version = _number(request, "version") or row.version
    status, meanwhile = 200, []
    if data is not None:
        status = 422
        if form.is_valid():
            try:
                dialog.act(found, row, form.cleaned_data, version if dialog.guarded else None)
                return _done(
                    request, reverse("orientation:show", args=[row.pk]) + queries.Filters.read(request.GET).query()
                )
            except actions.Overtaken as overtaken:
                form.add_error(None, str(overtaken.message))
                status = 409
                row = _reach(request, orientation_id)[1]
                steps = row.steps.exclude(kind__in=MACHINE).order_by("-recorded_at", "-id")
                meanwhile = list(steps[: max(1, min(row.version - version, 10))])
                version = row.version
            except Refused as refusal:
                form.add_error(None, str(refusal.message))
    context = {
        "form": form, "title": dialog.title, "verb": dialog.button, "row": row, "version": version, "meanwhile": meanwhile,
        "may_note": bool(meanwhile) and "text" in form.fields and verb != "noter", "others": False,
        "resources": verb == "solliciter",
    }  # fmt: skip
    if verb == "dossier":
        _mine, context["others"] = queries.lookalikes_of(found, row)
    return _dialog(request, context, reverse("orientation:show", args=[row.pk]), status)


@require_http_methods(WRITE)
def reply(request, orientation_id: UUID, solicitation_id: UUID):
    found, row = _reach(request, orientation_id)
    asked = _asked(row, solicitation_id)
    form = forms.ReplyForm(request.POST or None, initial={"state": asked.state, "answer": asked.answer})
    if request.method == "POST" and form.is_valid():
        try:
            actions.record_reply(found, solicitation=asked, **form.cleaned_data)
            return _done(request, reverse("orientation:show", args=[row.pk]))
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    context = {"form": form, "title": asked.resource_name, "verb": _("Noter la réponse"), "row": row}
    return _dialog(request, context, reverse("orientation:show", args=[row.pk]))


@require_http_methods(WRITE)
def chase(request, orientation_id: UUID, solicitation_id: UUID):
    """« Relancer » one resource."""
    found, row = _reach(request, orientation_id)
    asked = _asked(row, solicitation_id)
    form = forms.TextForm(request.POST or None, label=_("Un mot sur cette relance"), required=False)
    if request.method == "POST" and form.is_valid():
        try:
            actions.chase(found, solicitation=asked, text=form.cleaned_data["text"])
            return _done(request, reverse("orientation:show", args=[row.pk]))
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    title = _("Relancer %(who)s") % {"who": asked.resource_name}
    context = {"form": form, "title": title, "verb": _("Noter la relance"), "row": row, "chased": asked}
    return _dialog(request, context, reverse("orientation:show", args=[row.pk]))


def _asked(row: OrientationRequest, solicitation_id: UUID) -> Solicitation:
    asked = Solicitation.objects.filter(pk=solicitation_id, request=row).first()
    if asked is None:
        raise Http404
    return asked


@limited("orientation-resources", per_minute=60)
@require_POST
def resources(request):
    """While typing whom one asks: structures and professionals of the directory."""
    enter_desk(request, DeskRight.DESK)
    words = request.POST.get("resource_name", "")[:80].replace("\x00", "").strip()
    found = []
    if len(words) > 2:
        places = Organization.objects.open().search(words, limit=6)
        people = PracticeRole.objects.search(words, limit=4)
        found = [(f"organization:{o.pk}", o.display_name, o.city) for o in places]
        found += [
            (f"role:{r.pk}", r.practitioner.display_name, r.organization.display_name if r.organization_id else r.city)
            for r in people
        ]
    return render(request, "orientation/dialog.html#resources", {"found": found, "typed": words})


def _dialog(request, context: dict, back: str, status: int = 200):
    context["back"] = back
    part = "#form" if request.headers.get("HX-Request") else ""
    # htmx swaps answers of 2xx only unless told: the dialog must show what was refused.
    return render(request, "orientation/dialog.html" + part, context, status=200 if part else status)


def _done(request, url: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


@require_POST
def step(request, orientation_id: UUID, verb: str):
    """One click: begin, orient, contact, level."""
    found, row = _reach(request, orientation_id)
    try:
        if verb == "commencer":
            actions.take(found, request=row)
        elif verb == "orienter":
            actions.orient(found, request=row)
        elif verb == "contact":
            actions.contacted(found, request=row)
        elif verb == "niveau":
            actions.set_level(found, request=row, level=_number(request, "level"))
        else:
            raise Http404
    except Refused as refusal:
        messages.error(request, str(refusal.message))
    return redirect(reverse("orientation:show", args=[row.pk]) + queries.Filters.read(request.GET).query())


@require_http_methods(WRITE)
def assess(request, orientation_id: UUID):
    """The pre-assessment form on a page of its own; its answers are then read in the drawer."""
    found, row = _reach(request, orientation_id)
    try:
        response = questionnaires.start(found, slug="pre-evaluation", subject_ref=row.pk)
    except Refused as refusal:
        messages.error(request, str(refusal.message))
        return redirect("orientation:show", row.pk)
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            questionnaires.finish(
                found, response=response, post=request.POST, writer=request.POST.get("writer", ""),
                revision=_number(request, "revision"),
            )  # fmt: skip
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
def assess_draft(request, orientation_id: UUID):
    found, row = _reach(request, orientation_id)
    response = Response.objects.filter(
        subject_ref=row.pk, author_user_id=found.user_id, status=Response.Status.IN_PROGRESS
    ).first()
    if response is None:
        raise Http404
    try:
        kept = questionnaires.keep_draft(
            found, response=response, post=request.POST, writer=request.POST.get("writer", ""),
            revision=_number(request, "revision"),
        )  # fmt: skip
    except Refused as refusal:
        return JsonResponse({"problem": str(refusal.message)}, status=409)
    return JsonResponse({"revision": kept.revision})


def _number(request, name: str) -> int:
    given = request.POST.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 9 else 0


# --- Entry ---------------------------------------------------------------------------------------------------------------


@limited("orientation-new", per_minute=30, methods=("POST",))
@require_http_methods(WRITE)
def new(request):
    found = enter_desk(request, DeskRight.DESK)
    draft = Draft.objects.filter(user_id=found.user_id, organization=found.organization).first()
    if request.method != "POST":
        kept = (
            {k: v for k, v in draft.data.items() if k in forms.RequestForm.base_fields and k != "ref"} if draft else {}
        )
        form = forms.RequestForm(initial={"ref": uuid4()} | kept)
        return render(request, "orientation/new.html", {"form": form, "draft": draft, "desk": found})
    form = forms.RequestForm(request.POST)
    if form.is_valid():
        try:
            row = actions.receive_request(found, **_received(form))
            return redirect("orientation:show", row.pk)
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    return render(request, "orientation/new.html", {"form": form, "desk": found}, status=422)


SAME_NAME = (
    "channel", "received_at", "asker_kind", "asker_name", "asker_detail", "asker_phone", "reason", "reason_text", "kind", "urgency",
    "level", "doctor_informed", "doctor_informed_on", "who_knows", "commune_code", "commune_label",
)  # fmt: skip


def _received(form: forms.RequestForm) -> dict:
    data = form.cleaned_data
    informed = data["person_informed_on"]
    return {k: data[k] for k in SAME_NAME} | {
        "person": form.person(), "client_ref": data["ref"], "person_informed_at": actions.noon(informed) if informed else None,
    }  # fmt: skip


@require_POST
def draft(request):
    found = enter_desk(request, DeskRight.DESK)
    kept = {k: request.POST[k][:20_000] for k in forms.RequestForm.base_fields if request.POST.get(k)}
    actions.keep_draft(found, data=kept)
    return JsonResponse({"kept": True})


@limited("orientation-lookalikes", per_minute=40)
@require_POST
def lookalikes(request):
    """While talking: what this desk has already about that person; of other files only that one resembles. Traced."""
    found = enter_desk(request, DeskRight.DESK)
    form = forms.RequestForm(request.POST)
    form.is_valid()
    context: dict = {}
    if traits := getattr(form, "traits", None):
        mine, others = queries.lookalikes(found, traits)
        record(
            found,
            "record.lookalikes_searched",
            kind=Kind.SEARCH,
            shown=[p.pk for p in mine],
            details={"found": len(mine) + others},
        )
        context = {"mine": mine, "others": others, "requests": queries.same_person(found, traits)}
    return render(request, "orientation/new.html#lookalikes", context)


@limited("orientation-communes", per_minute=120)
@require_POST
def communes(request):
    enter_desk(request, DeskRight.DESK)
    found = Commune.objects.find(request.POST.get("commune_label", "")[:80].replace("\x00", ""))
    return render(request, "orientation/new.html#communes", {"communes": found})


@require_http_methods(WRITE)
def calls(request):
    found = enter_desk(request, DeskRight.DESK)
    form = forms.CallForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        actions.log_call(found, **form.cleaned_data)
        messages.success(request, _("Appel noté."))
        return redirect("orientation:calls")
    rows = Call.objects.filter(organization=found.organization).order_by("-at")[:50]
    status = 422 if form.errors else 200
    return render(request, "orientation/calls.html", {"form": form, "rows": rows, "desk": found}, status=status)


@require_POST
def bulk(request):
    found = enter_desk(request, DeskRight.DESK)
    wanted = [pk for pk in request.POST.getlist("ids")[:200] if queries.is_uuid(pk)]
    chosen = queries.whom(found).get(request.POST.get("to", ""))
    if not wanted:
        messages.error(request, _("Choisissez d’abord des demandes."))
    else:
        try:
            rows = list(queries.open_to(found).open().select_related("team", "organization").filter(pk__in=wanted))
            done = actions.assign_many(found, requests=rows, **(chosen[1] if chosen else {}))
            messages.success(
                request, ngettext("%(n)s demande confiée.", "%(n)s demandes confiées.", done) % {"n": done}
            )
        except Refused as refusal:
            messages.error(request, str(refusal.message))
    return redirect(reverse("orientation:desk") + queries.Filters.read(request.GET).query(vue="liste"))


@require_POST
def save_filter(request):
    """The filter that the address of this form carries, under a name."""
    found = enter_desk(request, DeskRight.DESK)
    query = queries.Filters.read(request.GET).query()
    try:
        actions.save_filter(found, name=request.POST.get("name", ""), query=query.removeprefix("?"))
    except Refused as refusal:
        messages.error(request, str(refusal.message))
    return redirect(reverse("orientation:desk") + query)


@require_POST
def drop_filter(request, filter_id: UUID):
    found = enter_desk(request, DeskRight.DESK)
    saved = SavedFilter.objects.filter(pk=filter_id, user_id=found.user_id, organization=found.organization).first()
    if saved is None:
        raise Http404
    actions.drop_filter(found, saved=saved)
    return redirect("orientation:desk")


@require_http_methods(WRITE)
def settings(request):
    found = enter_desk(request, DeskRight.DESK)
    row = actions.settings_of(found.organization)
    hours = {**{str(k): v for k, v in actions.deadlines.DEFAULT_HOURS.items()}, **row.hours}
    today = timezone.localdate()
    initial = {
        "normal": hours["0"], "soon": hours["1"], "urgent": hours["2"], "closed_days": forms.closure_lines(row.closed_days),
        "alsace_moselle": row.alsace_moselle, "public_form": row.public_form,
    }  # fmt: skip
    form = forms.SettingForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        actions.set_desk(
            found, hours={"0": data["normal"], "1": data["soon"], "2": data["urgent"]}, closed_days=data["closed_days"],
            alsace_moselle=data["alsace_moselle"], public_form=data["public_form"],
        )  # fmt: skip
        messages.success(request, _("Réglages enregistrés. Ils valent pour les demandes à venir."))
        return redirect("orientation:settings")
    holidays = sorted(
        d for y in (today.year, today.year + 1) for d in actions.deadlines.holidays(y, row.alsace_moselle) if d >= today
    )
    context = {
        "form": form, "desk": found, "holidays": holidays[:8], "row": row,
        "may_run": found.may(DeskRight.STRUCTURE),
        "addresses": [request.build_absolute_uri(reverse(f"orientation:public_{who}", args=[found.organization.pk])) for who in ("professional", "patient")],
    }  # fmt: skip
    return render(request, "orientation/settings.html", context, status=422 if form.errors else 200)


@limited("export", per_minute=20)
@require_safe
def letter(request, orientation_id: UUID, model: str):
    found, row = _reach(request, orientation_id)
    if model not in letters.MODELS:
        raise Http404
    return _print(request, found, row, model)


@limited("export", per_minute=20)
@require_safe
def letter_to(request, orientation_id: UUID, solicitation_id: UUID):
    """The request, addressed to one of the resources asked."""
    found, row = _reach(request, orientation_id)
    return _print(request, found, row, "orientation", _asked(row, solicitation_id))


def _print(
    request, found: Desk, row: OrientationRequest, model: str, asked: Solicitation | None = None
) -> HttpResponse:
    try:
        content = letters.render(row, found, model, asked)
    except Refused as refusal:
        messages.error(request, str(refusal.message))
        return redirect("orientation:show", row.pk)
    record(
        found, "orientation.letter_printed", on=row, kind=Kind.EXPORT, circle_id=row.patient_id, details={"model": model},
    )  # fmt: skip
    answer = HttpResponse(content, content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="courrier-{row.number}.pdf"'
    return answer


# --- From a circle -------------------------------------------------------------------------------------------------------


@require_http_methods(WRITE)
def ask(request, circle_id: UUID):
    """« Demander un appui »; below, what one has asked already and what the desk answered."""
    acting = enter(request, circle_id, Permission.ASK_SUPPORT)
    form = forms.AskForm(request.POST or None, initial={"ref": uuid4()})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            actions.ask_support(
                acting, organization=data["organization"], reason=data["reason"], reason_text=data["reason_text"], urgency=data["urgency"],
                informed_on=data["informed_on"], client_ref=data["ref"],
            )  # fmt: skip
            messages.success(request, _("Votre demande est arrivée au guichet. La réponse vous sera signalée ici."))
            return _done(request, reverse("orientation:asked", args=[circle_id]))
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    mine = _mine(acting)
    record(acting, "orientation.asking_opened", kind=Kind.READ, shown=[r.pk for r in mine])
    context = {
        "form": form,
        "title": _("Demander un appui"),
        "verb": _("Demander"),
        "mine": mine,
        "circle_id": circle_id,
    }
    return _dialog(request, context, reverse("record:patient", args=[circle_id]))


def _mine(acting: Acting) -> list[OrientationRequest]:
    """What this person asked about this patient: to nobody else of the circle, the words and the answer are hers."""
    rows = OrientationRequest.objects.filter(patient_id=acting.circle_id, asker_user_id=acting.user_id)
    return list(rows.select_related("organization").order_by("-received_at")[:20])


@require_http_methods(WRITE)
def asked(request, circle_id: UUID):
    """The asker's requests about this patient, with the answers; she says whether they helped."""
    acting = enter(request, circle_id, Permission.ASK_SUPPORT)
    mine = _mine(acting)
    rated = next((r for r in mine if str(r.pk) == request.POST.get("request")), None)
    form = forms.RateForm(request.POST if rated else None)
    if rated and form.is_valid():
        try:
            actions.rate(acting, request=rated, mark=form.cleaned_data["mark"], text=form.cleaned_data["text"])
            messages.success(request, _("Merci de votre avis."))
        except Refused as refusal:
            messages.error(request, str(refusal.message))
        return redirect("orientation:asked", circle_id)
    record(acting, "orientation.asking_opened", kind=Kind.READ, shown=[r.pk for r in mine])
    context = {"mine": mine, "form": form, "rated": rated, "circle_id": circle_id, "identity": acting.patient.identity}
    return render(request, "orientation/asked.html", context, status=422 if form.errors else 200)
