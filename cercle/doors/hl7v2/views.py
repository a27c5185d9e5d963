"""« Messages HL7 »: what came, what became of it, and who may send. For the regional operator only."""

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages as flash
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.people.circles.access import enter_identity_queue

from . import actions, masks
from .forms import AsideForm, SenderForm, SettingsForm
from .models import Message, Sender
from .parse import parse

LISTED = 60
CHIPS = {
    Message.State.APPLIED: ("done", "circle-check"), Message.State.WARNED: ("watch", "triangle-alert"),
    Message.State.REFUSED: ("urgent", "circle-x"), Message.State.QUARANTINE: ("wait", "pause"),
    Message.State.ASIDE: ("info", "check"),
}  # fmt: skip


@dataclass(slots=True)
class Line:
    row: Message
    chip: tuple[str, str]
    words: str


@require_safe
def messages(request: HttpRequest) -> HttpResponse:
    viewer = enter_identity_queue(request)
    state, searched, before = (request.GET.get(n, "").strip() for n in ("etat", "q", "avant"))
    rows = Message.objects.select_related("sender").defer("raw", "answer").order_by("-id")
    if state in Message.State.values:
        rows = rows.filter(state=state)
    if searched:
        rows = rows.filter(control_id__startswith=searched[:199].replace("\x00", ""))
    if before and (last := _uuid(before)):
        rows = rows.filter(pk__lt=last)
    found = list(rows[: LISTED + 1])
    older = urlencode({"etat": state, "q": searched, "avant": found[LISTED - 1].pk}) if len(found) > LISTED else ""
    lines = [Line(m, CHIPS[Message.State(m.state)], _first_words(m)) for m in found[:LISTED]]
    record(viewer, "hl7v2.message_listed", kind=Kind.READ, shown=[line.row.pk for line in lines])
    context = {
        "lines": lines, "state": state, "searched": searched, "older": older, "states": Message.State.choices,
    }  # fmt: skip
    return render(request, "hl7v2/messages.html", context)


@require_safe
def message(request: HttpRequest, message_id: UUID) -> HttpResponse:
    viewer = enter_identity_queue(request)
    row = _message(message_id)
    record(viewer, "hl7v2.message_shown", on=row, kind=Kind.READ)
    return _page(request, row)


@require_POST
def raw(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """In clear: who the person is stands there, so it is asked for and traced, in her own log too."""
    viewer = enter_identity_queue(request)
    row = _message(message_id)
    record(viewer, "hl7v2.message_raw_shown", on=row, kind=Kind.READ, circle_id=row.patient_id)
    return _page(request, row, clear=True)


@require_POST
def replay(request: HttpRequest, message_id: UUID) -> HttpResponse:
    viewer = enter_identity_queue(request)
    row = _message(message_id)
    try:
        row = actions.replay(viewer, message=row)
    except Refused as refused:
        flash.error(request, refused.message)
    else:
        if row.code == "AA":
            flash.success(request, _("Le message est maintenant pris en compte."))
        else:
            flash.warning(request, _("Rejoué, le message est encore refusé."))
    return redirect("hl7v2:message", row.pk)


@require_POST
def set_aside(request: HttpRequest, message_id: UUID) -> HttpResponse:
    viewer = enter_identity_queue(request)
    row, form = _message(message_id), AsideForm(request.POST)
    if not form.is_valid():
        return _page(request, row, form=form, status=422)
    actions.set_aside(viewer, message=row, reason=form.cleaned_data["reason"])
    flash.success(request, _("Le message est classé."))
    return redirect("hl7v2:messages")


@require_http_methods(["GET", "HEAD", "POST"])
def senders(request: HttpRequest) -> HttpResponse:
    viewer = enter_identity_queue(request)
    form = SenderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        try:
            actions.declare_sender(viewer, organization=data.pop("finess"), **data)
        except Refused as refused:
            form.add_error(None, str(refused.message))
        else:
            flash.success(
                request, _("L’expéditeur est déclaré. Les messages qu’il avait envoyés peuvent être rejoués.")
            )
            return redirect("hl7v2:senders")
    rows = Sender.objects.select_related("client__organization").order_by("facility", "application")
    return render(request, "hl7v2/senders.html", {"senders": rows, "form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def sender(request: HttpRequest, sender_id: UUID) -> HttpResponse:
    viewer = enter_identity_queue(request)
    row = Sender.objects.select_related("client__organization").filter(pk=sender_id).first()
    if row is None:
        raise Http404
    form = SettingsForm(request.POST or None, initial={n: getattr(row, n) for n in actions.CHANGEABLE})
    if request.method == "POST" and form.is_valid():
        actions.change_sender(viewer, sender=row, **form.cleaned_data)
        flash.success(request, _("Les réglages sont enregistrés."))
        return redirect("hl7v2:senders")
    return render(request, "hl7v2/sender.html", {"sender": row, "form": form}, status=422 if form.errors else 200)


# --- Inside ----------------------------------------------------------------------------------------------------------
def _message(message_id: UUID) -> Message:
    found = Message.objects.select_related("sender__client").filter(pk=message_id).first()
    if found is None:
        raise Http404
    return found


def _page(request: HttpRequest, row: Message, *, clear: bool = False, form=None, status: int = 200) -> HttpResponse:
    parsed = parse(bytes(row.raw))
    if parsed is not None:
        lines = masks.plain(parsed) if clear else masks.masked(parsed)
    else:
        lines = [bytes(row.raw)[:2000].decode("utf-8", "replace")] if clear else []
    answer = parse(bytes(row.answer))
    context = {
        "row": row, "chip": CHIPS[Message.State(row.state)], "lines": lines, "clear": clear, "form": form or AsideForm(),
        "answer": masks.plain(answer) if answer else [],
        "may_replay": row.state not in (Message.State.APPLIED, Message.State.WARNED),
        "may_set_aside": row.state not in (Message.State.APPLIED, Message.State.ASIDE),
    }  # fmt: skip
    return render(request, "hl7v2/message.html", context, status=status)


def _first_words(row: Message) -> str:
    return next((p["words"] for p in row.problems if p["severity"] != "I" and p["words"]), "")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
