from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.common.text import name_key
from cercle.base.web import panels
from cercle.people.circles.access import enter
from cercle.people.circles.vocabulary import Permission
from cercle.people.directory.models import Organization

from . import actions, forms, words
from .models import DETAIL, EXISTENCE, Movement, Stay


@require_safe
def alert(request, circle_id: UUID):
    """The violet line of the patient's banner; empty when at home."""
    acting = enter(request, circle_id, Permission.READ_NOTEBOOK)
    return render(
        request, "stays/panel.html#alert", {"acting": acting, "circle_id": circle_id, "alert": words.alert(acting)}
    )


@require_safe
def show(request, circle_id: UUID, stay_id: UUID):
    acting, stay = _reach(request, circle_id, stay_id, Permission.READ_NOTEBOOK)
    record(acting, "stays.shown", on=stay, kind=Kind.READ, shown=[stay.pk])
    return panels.show(request, acting, "sejour", **_page(acting, stay))


@require_http_methods(["GET", "HEAD", "POST"])
def admit(request, circle_id: UUID):
    acting = enter(request, circle_id, Permission.WRITE_STAYS)
    if EXISTENCE not in acting.writable:
        raise PermissionDenied
    form = forms.AdmitForm(request.POST or None, initial={"started_on": timezone.localdate()})
    if request.method == "POST" and form.is_valid():
        try:
            stay = actions.admit(acting, **form.values())
            return _done(request, stay)
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    context = {
        "acting": acting,
        "circle_id": circle_id,
        "form": form,
        "title": _("Annoncer une hospitalisation"),
        "verb": _("Annoncer au cercle"),
    }
    return _form(request, context, "admit")


@require_http_methods(["GET", "HEAD", "POST"])
def move(request, circle_id: UUID, stay_id: UUID):
    now = timezone.localtime()
    return _change(
        request, circle_id, stay_id, forms.MoveForm, actions.move,
        _("Changer de service ou de chambre"), _("Noter le changement"),
        lambda stay: {"on": now.date(), "time": now.time().replace(second=0, microsecond=0), "ward": stay.ward},
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def announce(request, circle_id: UUID, stay_id: UUID):
    return _change(
        request, circle_id, stay_id, forms.AnnounceForm, actions.announce_discharge,
        _("Annoncer la sortie"), _("Annoncer au cercle"),
        lambda stay: {
            "expected_on": stay.expected_end and timezone.localdate(stay.expected_end),
            "expected_time": timezone.localtime(stay.expected_end).time() if stay.expected_has_time else None,
        },
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def discharge(request, circle_id: UUID, stay_id: UUID):
    return _change(
        request, circle_id, stay_id, forms.DischargeForm, actions.discharge, _("Noter la sortie"), _("Noter la sortie"),
        lambda stay: {"ended_on": timezone.localdate(), "end_kind": Stay.End.HOME},
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request, circle_id: UUID, stay_id: UUID):
    return _change(
        request,
        circle_id,
        stay_id,
        forms.CancelForm,
        actions.cancel,
        _("Retirer cette annonce"),
        _("Retirer l’annonce"),
        lambda stay: {},
    )


@require_safe
def places(request, circle_id: UUID):
    """Names of structures that begin with what is typed, for the field's list."""
    enter(request, circle_id, Permission.WRITE_STAYS)
    key = name_key(request.GET.get("place", "")[:80])
    found = (
        Organization.objects.filter(sort__contains=key, closed_on=None).order_by("sort")[:12] if len(key) >= 3 else []
    )
    return HttpResponse(
        format_html_join("", '<option value="{}"></option>', ((words.place_name(o.display_name),) for o in found))
    )


# --- Inside ---------------------------------------------------------------------------------------------------------
def _reach(request, circle_id: UUID, stay_id: UUID, permission: Permission):
    acting = enter(request, circle_id, permission)
    stay = Stay.objects.visible_to(acting).filter(pk=stay_id).first()
    if stay is None:
        raise Http404
    return acting, stay


def _change(request, circle_id, stay_id, form_class, action, title, verb, initial):
    acting, stay = _reach(request, circle_id, stay_id, Permission.WRITE_STAYS)
    form = (
        form_class(request.POST or None, initial=initial(stay))
        if request.method != "POST"
        else form_class(request.POST)
    )
    if request.method == "POST" and form.is_valid():
        try:
            action(acting, stay=stay, **form.values())
            return _done(request, stay)
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
    context = {"acting": acting, "circle_id": circle_id, "stay": stay, "form": form, "title": title, "verb": verb}
    return _form(request, context, "cancel" if form_class is forms.CancelForm else "change")


def _form(request, context: dict, which: str):
    """A sheet when htmx asks, a whole page otherwise; 422 when there is something to correct."""
    status = 422 if request.method == "POST" else 200
    if request.headers.get("HX-Request"):
        return render(request, "stays/panel.html#form", {**context, "which": which}, status=status)
    acting = context.pop("acting")
    return panels.show(request, acting, "sejour", status=status, **context, which=which)


def _done(request, stay: Stay):
    """Back to the patient; from a sheet, the page is asked again."""
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": _address(stay)})
    return redirect(_address(stay))


def _address(stay: Stay) -> str:
    return reverse("stays:show", args=[stay.circle_id, stay.pk])


def _page(acting, stay: Stay) -> dict:
    detailed = DETAIL in acting.readable
    sex = acting.patient.identity.sex if acting.patient.identity else ""
    movements = Movement.objects.filter(stay=stay).select_related("stay").order_by("-at", "-id")
    return {
        "circle_id": acting.circle_id,
        "stay": stay,
        "which": "show",
        "detailed": detailed,
        "title": words.headline(stay, sex)
        if stay.is_open
        else _("Séjour %(where)s") % {"where": words.at_place(stay.label)},
        "ward": words.ward_words(stay.ward, stay.room) if detailed else "",
        "expected": words.expected_words(stay) if stay.is_open else "",
        "place": words.place_name(stay.label),
        "events": [words.event_of(m, detailed=detailed) for m in movements],
        "may_write": acting.may(Permission.WRITE_STAYS),
        "death": _death_to_record(acting, stay) if acting.may(Permission.EDIT_IDENTITY) else None,
    }


def _death_to_record(acting, stay: Stay) -> dict | None:
    """A stay that ended by a death proposes to say it on the file; a person confirms, nothing is written by itself."""
    if stay.end_kind != Stay.End.DEATH or stay.cancelled_at or acting.patient.is_deceased:
        return None
    day = timezone.localdate(stay.ended_at)
    source = _("Sortie notée : séjour %(where)s") % {"where": words.at_place(stay.label)}
    return {"on": day.isoformat(), "day": stay.ended_at, "source": source[:500]}
