"""The « Dossier » tab: what is essential, who the person is, who is near her. One page, card by card, each by its right."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common import dates
from cercle.base.common.errors import Refused
from cercle.base.web import panels
from cercle.care.stays import words as stay_words
from cercle.care.stays.models import Stay
from cercle.people.circles.access import Acting, enter
from cercle.people.circles.vocabulary import Category, Permission
from cercle.people.patients import ins, insi, status
from cercle.people.patients.models import Contact, Identity, PatientIdentifier, TreatingDoctor
from cercle.people.patients.names import title
from cercle.people.patients.relationships import Relationship

from . import essentials
from .identity_forms import STATUS_WORDS, EndForm, EssentialForm
from .models import Essential

TAB = "dossier"


def panel(request: HttpRequest, acting: Acting, *, which: str = "", **extra) -> dict:
    """The tab, or one of its sheets as a page when `which` names it."""
    context = {"acting": acting, "circle_id": acting.circle_id, "which": which, "dossier_url": url(acting.circle_id)}
    return context | (extra if which else content(acting)) | extra


def content(acting: Acting) -> dict:
    """Everything the tab shows; the read is traced with it."""
    patient, identity = acting.patient, acting.patient.identity
    groups = essentials.groups(acting)
    edits = acting.may(Permission.EDIT_IDENTITY)
    social, administrative = Category.SOCIAL in acting.readable, Category.ADMINISTRATIVE in acting.readable
    contacts = list(Contact.objects.current().of(patient.pk).order_by("-is_trusted", "-is_emergency", "family"))
    stays = list(Stay.objects.visible_to(acting).kept().order_by("-started_at")[:12])
    shown = [row.pk for g in groups for row in [*g.rows, g.none] if row]
    record(acting, "record.dossier_read", kind=Kind.READ, shown=[*shown, *(s.pk for s in stays)])
    return {
        "groups": groups,
        "emergency": [_near(c) for c in contacts if c.is_emergency] if groups and social else [],
        "reads_social": social,
        "may_edit": edits and not patient.merged_into_id,
        "sees_history": edits or acting.profile.code in ("person", "legal_rep"),
        "status_words": STATUS_WORDS[Identity.Status(identity.status)],
        "ins_shown": _ins(identity, edits),
        "moves": _moves(identity) if edits else [],
        "birth_date": dates.short(identity.birth),
        "near": [_near(c) for c in contacts] if social else [],
        "doctor": TreatingDoctor.objects.current().of(patient.pk).select_related("practice_role__practitioner", "practice_role__organization").first(),
        "stays": [(s, stay_words.place_name(s.label)) for s in stays],
        "may_announce": acting.may(Permission.WRITE_STAYS) and Category.APPOINTMENTS in acting.writable and not any(s.is_open for s in stays),
        "identifiers": list(PatientIdentifier.objects.current().of(patient.pk).order_by("kind", "since"))
        if administrative or edits
        else None,
    }  # fmt: skip


def _near(contact: Contact) -> dict:
    known = contact.relationship in Relationship.values
    roles = [
        (contact.is_trusted, _("Personne de confiance")),
        (contact.is_legal_rep, _("Représentant légal")),
        (contact.is_emergency, _("À prévenir en urgence")),
        (contact.is_carer, _("Proche aidant")),
        (contact.lives_with, _("Vit avec la personne")),
    ]
    return {
        "contact": contact,
        "name": f"{title(contact.given)} {title(contact.family)}".strip(),
        "link": str(Relationship(contact.relationship).label) if known else "",
        "roles": [words for on, words in roles if on],
    }


def _ins(identity: Identity, edits: bool) -> dict | None:
    """The matricule of a qualified identity, or of another one for those who keep it."""
    if not identity.ins_value or not (identity.is_qualified or edits):
        return None
    return {
        "value": ins.parse(identity.ins_value).shown,
        "domain": ins.INS_OIDS.get(identity.ins_oid, identity.ins_oid),
        "qualified": identity.is_qualified,
    }


def _moves(identity: Identity) -> list[dict]:
    """The next steps that this status and these markers leave open, as buttons."""
    allowed = status.allowed_with(identity.markers)
    found = []
    for move in status.moves_from(identity.status):
        if move.needs == status.Needs.REASON or move.end not in allowed:
            continue
        found.append({"label": move.label, "what": "piece" if move.needs == status.Needs.DOCUMENT else "ins"})
    return found


def insi_connected() -> bool:
    return insi.service().is_connected


def url(circle_id: UUID) -> str:
    return reverse("record:tab", args=[circle_id, TAB])


@require_safe
def live(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    """The tab's content alone, when something changed."""
    acting = enter(request, circle_id, Permission.READ_CIRCLE)
    context = {"acting": acting, "circle_id": acting.circle_id, "identity": acting.patient.identity,
               "patient": acting.patient, "coordinates": acting.patient.coordinates, "dossier_url": url(acting.circle_id)}  # fmt: skip
    return render(request, "record/dossier.html#content", context | content(acting))


# --- Sheets ----------------------------------------------------------------------------------------------------------
def sheet(request: HttpRequest, acting: Acting, which: str, context: dict, status: int = 200) -> HttpResponse:
    """In a dialog when htmx asks, else in the page; 422 when there is something to correct."""
    if getattr(context.get("form"), "errors", None):
        status = 422
    template = f"record/dossier_sheets.html#{which}"
    if request.headers.get("HX-Request") == "true":
        context = context | {"acting": acting, "circle_id": acting.circle_id, "dossier_url": url(acting.circle_id)}
        return render(request, template, context, status=status)
    context["sheet_template"] = template
    return panels.show(request, acting, TAB, status=status, which=which, **context)


def back(request: HttpRequest, acting: Acting, said: str = "") -> HttpResponse:
    if said:
        messages.success(request, said)
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=204, headers={"HX-Redirect": url(acting.circle_id)})
    return redirect(url(acting.circle_id))


# --- The essentials --------------------------------------------------------------------------------------------------
def _about(kind: str) -> essentials.About:
    if kind not in Essential.Kind.values:
        raise Http404
    return essentials.ABOUT[Essential.Kind(kind)]


def _enter_to_write(request: HttpRequest, circle_id: UUID, kind: str) -> Acting:
    acting = enter(request, circle_id, Permission.WRITE_ESSENTIALS)
    if not essentials.may_write(acting, kind):
        raise PermissionDenied
    return acting


def _row(acting: Acting, essential_id: UUID) -> Essential:
    row = Essential.objects.visible_to(acting).current().filter(pk=essential_id, is_none=False).first()
    if row is None:
        raise Http404
    return row


@require_http_methods(["GET", "HEAD", "POST"])
def essential_add(request: HttpRequest, circle_id: UUID, kind: str) -> HttpResponse:
    about = _about(kind)
    acting = _enter_to_write(request, circle_id, kind)
    return _essential(request, acting, kind, about.add, lambda data: essentials.add(acting, kind=kind, **data))


@require_http_methods(["GET", "HEAD", "POST"])
def essential_change(request: HttpRequest, circle_id: UUID, essential_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.WRITE_ESSENTIALS)
    row = _row(acting, essential_id)
    if not essentials.may_write(acting, row.kind):
        raise PermissionDenied
    initial = {
        "label": row.label,
        "detail": row.detail,
        "since": "/".join(reversed(row.since.split("-"))),
        "code": row.code,
    }
    return _essential(
        request,
        acting,
        row.kind,
        _("Changer"),
        lambda data: essentials.change(acting, essential=row, **data),
        initial,
        row,
    )


def _essential(request, acting: Acting, kind: str, title, act, initial=None, row=None) -> HttpResponse:
    form = EssentialForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            act(form.cleaned_data)
            return back(request, acting)
        except Refused as refused:
            form.add_error("label" if refused.code == "empty" else None, str(refused.message))
    context = {
        "form": form, "title": title, "kind": kind, "row": row, "action": request.path,
        "coded": essentials.is_coded(kind),
    }  # fmt: skip
    return sheet(request, acting, "essential", context)


@require_POST
def essential_none(request: HttpRequest, circle_id: UUID, kind: str) -> HttpResponse:
    _about(kind)
    acting = _enter_to_write(request, circle_id, kind)
    try:
        essentials.say_none(acting, kind=kind)
    except Refused as refused:
        messages.error(request, refused.message)
    return back(request, acting)


@require_http_methods(["GET", "HEAD", "POST"])
def essential_end(request: HttpRequest, circle_id: UUID, essential_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.WRITE_ESSENTIALS)
    row = _row(acting, essential_id)
    form = EndForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            essentials.end(acting, essential=row, **form.cleaned_data)
            return back(request, acting)
        except Refused as refused:
            form.add_error(None, str(refused.message))
    context = {
        "form": form, "title": _("Retirer « %(what)s »") % {"what": row.label}, "verb": _("Retirer"), "action": request.path,
        "lead": _("Cette ligne ne sera plus montrée. Elle reste dans l’historique."), "withdraw": True,
    }  # fmt: skip
    return sheet(request, acting, "form", context)


@require_safe
def essential_history(request: HttpRequest, circle_id: UUID, kind: str) -> HttpResponse:
    about = _about(kind)
    acting = enter(request, circle_id, Permission.READ_ESSENTIALS)
    if about.category not in acting.readable:
        raise PermissionDenied
    rows = essentials.history(acting, kind)
    record(acting, "record.essentials_history_read", kind=Kind.READ, shown=[r.pk for r in rows])
    return sheet(request, acting, "versions", {"rows": rows, "title": Essential.Kind(kind).label, "none": about.none})


@require_safe
def essential_codes(request: HttpRequest, circle_id: UUID, kind: str) -> HttpResponse:
    _about(kind)
    enter(request, circle_id, Permission.WRITE_ESSENTIALS)
    found = essentials.codes(kind, request.GET.get("label", "")[:80])
    return render(request, "record/dossier_sheets.html#codes", {"codes": found})
