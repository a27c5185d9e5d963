"""The circle's tab, and the two doors of those who are outside: asking to join, and the emergency."""

import base64
import hashlib
from datetime import datetime, time
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.audit.record import Kind, record
from cercle.base.common import dates
from cercle.base.common.errors import Refused
from cercle.base.common.text import name_key
from cercle.base.notifications import actions as notifications
from cercle.base.notifications.models import Mute
from cercle.base.web import panels
from cercle.base.web.limits import limited
from cercle.people.accounts.models import User
from cercle.people.accounts.sign_in import ask_again, fresh_sign_in
from cercle.people.directory import nomenclature
from cercle.people.directory.models import Organization, PracticeRole, Practitioner, Team
from cercle.people.patients.models import Contact, Identity

from . import actions, forms, rights
from .access import Acting, enter, in_force, may_be_refused, viewer_of
from .faces import faces
from .models import BreakGlass, Circle, Consent, ConsentText, JoinRequest, Member, Opposition
from .vocabulary import Category, LegalGround, MemberKind, Permission

TOKEN = "cercle.circles.join"


# --- The tab ------------------------------------------------------------------------------------------------------------


def panel(request: HttpRequest, acting: Acting, **extra) -> dict:
    people = faces(acting)
    manage = acting.may(Permission.MANAGE_MEMBERS)
    works_at = ("practice_role__practitioner", "practice_role__organization")
    openings = BreakGlass.objects.filter(circle_id__in=acting.circles).select_related(*works_at, "reviewed_by")
    waiting = JoinRequest.objects.filter(circle_id=acting.circle_id, state="waiting").select_related(*works_at)
    consents = (
        Consent.objects.filter(circle_id__in=acting.circles)
        .select_related("text", "recorded_by")
        .order_by("-given_on", "-id")
    )
    former = Member.objects.filter(circle_id__in=acting.circles, ended_at__isnull=False).select_related(
        "practice_role__practitioner", "team", "contact", "api_client", "ended_by"
    )
    context = {
        "circle_id": acting.circle_id,
        "faces": people,
        "professionals": [f for f in people if f.kind in (MemberKind.PRACTICE_ROLE, MemberKind.TEAM, MemberKind.CONNECTOR)],
        "near": [f for f in people if f.kind in (MemberKind.RELATIVE, MemberKind.PATIENT)],
        "lead_id": acting.circle.lead_id,
        "manage": manage,
        "may_consent": acting.may(Permission.RECORD_CONSENT),
        "consents": consents[:20],
        "oppositions": _oppositions(acting),
        "former": former.order_by("-ended_at")[:30],
        "requests": waiting if manage else (),
        "openings": openings.order_by("-opened_at")[:20] if acting.may(Permission.READ_ACCESS_LOG) else (),
        "may_review": acting.may(Permission.REVIEW_BREAK_GLASS) or (acting.member and acting.member.pk == acting.circle.lead_id),
        "absorbed": Circle.objects.filter(canon_id=acting.circle_id, crossed_at=None).select_related("patient__identity") if manage else (),
        "muted": Mute.objects.filter(user_id=acting.user_id, circle_id=acting.circle_id).exists(),
    } | extra  # fmt: skip
    record(acting, "circles.circle_read", kind=Kind.READ, shown=[f.pk for f in people])
    return context


def _oppositions(acting: Acting):
    if not acting.may(Permission.RECORD_CONSENT):
        return ()
    rows = Opposition.objects.of(acting.circle).select_related("practitioner", "organization", "user", "recorded_by")
    names = _profession_names()
    found = list(rows.order_by("lifted_at", "-recorded_at"))
    for row in found:
        row.about = (
            row.practitioner.display_name if row.practitioner_id else row.organization.display_name if row.organization_id
            else names.get(row.profession, row.profession) if row.profession else row.user.get_full_name()
        )  # fmt: skip
        row.what = (
            str(Category(row.category).label)
            if row.category
            else _("une note")
            if row.target_id
            else _("tout le dossier")
        )
    return found


def _profession_names() -> dict[str, str]:
    return {f"{system}:{code}": found.noun for (system, code), found in nomenclature.professions().items()}


# --- Members ------------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.MANAGE_MEMBERS)
    form = forms.AddForm(request.POST or None, initial={"ground": LegalGround.RECOGNISED})
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():  # a refused addition keeps no consent either
                member = actions.add_member(acting, **_added(acting, form.cleaned_data))
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, _("%(who)s a rejoint le cercle et en est prévenu.") % {"who": _name(member)})
            return _back(request, circle_id)
    contacts = Contact.objects.filter(patient_id__in=acting.circles, until=None).exclude(
        pk__in=Member.objects.filter(circle_id=circle_id, ended_at=None, contact__isnull=False).values("contact")
    )
    return _sheet(
        request,
        acting,
        "add",
        {"form": form, "contacts": contacts, "chosen": _chosen(acting, request.POST.get("who", ""))},
    )


def _added(acting: Acting, data: dict) -> dict:
    kind, __, pk = data["who"].partition(":")
    given = {"role": data["role"], "ground": data["ground"] or LegalGround.RECOGNISED}
    if data["until"]:
        given["until"] = datetime.combine(data["until"], time(23, 59), timezone.get_current_timezone())
    if kind == "role":
        given["practice_role"] = get_object_or_404(PracticeRole.objects.invitable().with_names(), pk=pk)
    elif kind == "team":
        given["team"] = get_object_or_404(Team.objects.filter(closed_at=None).select_related("organization"), pk=pk)
    else:
        contact = get_object_or_404(Contact, pk=pk, patient_id__in=acting.circles, until=None)
        given |= {"contact": contact, "ground": LegalGround.LEGAL if contact.is_legal_rep else LegalGround.WISH}
    if given["ground"] == LegalGround.CONSENT:
        who = given.get("practice_role") or given.get("team")
        given["consent"] = actions.record_consent(
            acting,
            flow="consent",
            given_by="person",
            form=data["consent_form"] or "oral",
            given_on=timezone.localdate(),
            scope=str(who),
        )
    return given


def _chosen(acting: Acting, who: str):
    kind, __, pk = who.partition(":")
    try:
        if kind == "role":
            return PracticeRole.objects.invitable().with_names().filter(pk=pk).first()
        if kind == "team":
            return Team.objects.filter(pk=pk, closed_at=None).first()
        return Contact.objects.filter(pk=pk, patient_id__in=acting.circles).first()
    except (ValueError, TypeError, ValidationError):  # not an id
        return None


@require_safe
def candidates(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    """Directory search inside « Ajouter au cercle »: people and teams."""
    acting = enter(request, circle_id, Permission.MANAGE_MEMBERS)
    text = request.GET.get("q", "").replace("\x00", "").strip()[:80]
    roles = (
        [r for r in PracticeRole.objects.search(text, limit=12) if not r.practitioner.is_external]
        if len(text) > 1
        else []
    )
    teams = (
        Team.objects.filter(closed_at=None, name__icontains=text).select_related("organization")[:5]
        if len(text) > 2
        else ()
    )
    record(acting, "circles.directory_searched", kind=Kind.SEARCH, shown=[r.pk for r in roles])
    return render(request, "circles/panel.html#candidates", {"roles": roles, "teams": teams, "q": text})


@require_safe
def member(request: HttpRequest, circle_id: UUID, member_id: UUID) -> HttpResponse:
    """One member: ground, dates, who added her, what she may read."""
    acting = enter(request, circle_id, Permission.READ_CIRCLE)
    row = get_object_or_404(
        Member.objects.select_related("practice_role__practitioner", "practice_role__organization", "team__organization", "contact", "added_by"),
        pk=member_id, circle_id__in=acting.circles,
    )  # fmt: skip
    profile = rights.current().profiles[row.profile]
    cells = [(c.label, c.value in profile.readable, c.value in profile.writable) for c in Category]
    record(acting, "circles.member_read", on=row, kind=Kind.READ)
    context = {
        "member": row,
        "name": _name(row),
        "profile": profile,
        "cells": cells,
        "ground": LegalGround(row.ground).label,
        "manage": acting.may(Permission.MANAGE_MEMBERS),
        "is_lead": acting.circle.lead_id == row.pk,
        "is_me": acting.member and acting.member.pk == row.pk,
    }
    return _sheet(request, acting, "member", context)


@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, circle_id: UUID, member_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.MANAGE_MEMBERS)
    row = _member(acting, member_id)
    return _confirm(
        request, acting, lambda reason: actions.end_member(acting, member=row, reason=reason),
        title=_("Retirer %(who)s du cercle") % {"who": _name(row)}, verb=_("Retirer du cercle"),
        text=_("Son accès s’arrête aussitôt. Ce qu’elle ou il a écrit reste dans le cahier."), withdraw=True,
    )  # fmt: skip


@require_POST
def lead(request: HttpRequest, circle_id: UUID, member_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.MANAGE_MEMBERS)
    row = _member(acting, member_id)
    return _do(
        request,
        acting,
        lambda: actions.set_lead(acting, member=row),
        _("%(who)s coordonne maintenant le cercle.") % {"who": _name(row)},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.LEAVE)
    return _confirm(
        request, acting, lambda reason: actions.leave(acting, reason=reason), title=_("Quitter ce cercle"), verb=_("Quitter le cercle"),
        text=_("Vous ne verrez plus ce dossier. Le cercle en sera prévenu."), withdraw=True, then=reverse("record:patients"),
    )  # fmt: skip


@require_POST
def silence(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.READ_CIRCLE)
    if request.POST.get("off"):
        return _do(
            request,
            acting,
            lambda: notifications.unmute(acting, circle_id=circle_id),
            _("Vous êtes de nouveau prévenu pour ce patient."),
        )
    return _do(
        request,
        acting,
        lambda: notifications.mute(acting, circle_id=circle_id),
        _("Ce patient ne vous préviendra plus, sauf urgence."),
    )


# --- Information, consent, opposition -----------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def consent(request: HttpRequest, circle_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.RECORD_CONSENT)
    form = forms.ConsentForm(
        request.POST or None, initial={"flow": "information", "given_by": "person", "form": "oral"}
    )
    if request.method == "POST" and form.is_valid():
        try:
            actions.record_consent(acting, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, _("C’est noté."))
            return _back(request, circle_id)
    texts = {t.flow: t for t in ConsentText.objects.order_by("version")}
    return _sheet(request, acting, "consent", {"form": form, "texts": texts.values()})


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, circle_id: UUID, consent_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.RECORD_CONSENT)
    row = get_object_or_404(Consent, pk=consent_id, circle_id=acting.circle_id)
    return _confirm(
        request, acting, lambda reason: actions.withdraw_consent(acting, consent=row), title=_("La personne retire son accord"),
        verb=_("Retirer l’accord"), text=_("Ceux qui participaient sur ce seul accord quittent le cercle aussitôt."), withdraw=True, ask_reason=False,
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def oppose(request: HttpRequest, circle_id: UUID, target_id: UUID | None = None) -> HttpResponse:
    """About everything or one category; with `target_id`, about that one note (or document) only."""
    acting = enter(request, circle_id, Permission.RECORD_CONSENT)
    if target_id and not may_be_refused(acting, target_id):
        raise Http404
    form = forms.OppositionForm(request.POST or None, choices=_abouts(acting))
    if target_id:
        del form.fields["category"]
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        actions.oppose(
            acting, **_about(data["about"]), category=data.get("category", ""), target_id=target_id, said_by=data["said_by"],
            said_on=data["said_on"], reason=data["reason"],
        )  # fmt: skip
        messages.success(request, _("L’opposition est en vigueur, partout, dès maintenant."))
        return _back(request, circle_id, reverse("record:patient", args=[circle_id]) if target_id else "")
    return _sheet(request, acting, "oppose", {"form": form, "target_id": target_id, "form_url": request.path})


def _abouts(acting: Acting) -> list:
    people, places = [], {}
    for f in faces(acting):
        if f.practice_role_id:
            people.append((f"practitioner:{f.practitioner_id}", f"{f.name}, {f.label}"))
        elif f.user_id and f.kind == MemberKind.RELATIVE:
            people.append((f"user:{f.user_id}", f"{f.name}, {f.label}"))
        if f.place_id:
            places[f"organization:{f.place_id}"] = f.place
    professions = [
        (f"profession:{key}", label) for key, label in sorted(_profession_names().items(), key=lambda x: x[1])
    ]
    return [
        (_("Quelqu’un du cercle"), people),
        (_("Une structure"), sorted(places.items(), key=lambda x: x[1])),
        (_("Toute une profession"), professions),
    ]


def _about(text: str) -> dict:
    kind, __, rest = text.partition(":")
    if kind == "profession":
        return {"profession": rest}
    model = {"practitioner": Practitioner, "organization": Organization, "user": User}[kind]
    return {kind: get_object_or_404(model, pk=rest)}


@require_http_methods(["GET", "HEAD", "POST"])
def lift(request: HttpRequest, circle_id: UUID, opposition_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.RECORD_CONSENT)
    row = get_object_or_404(Opposition.objects.of(acting.circle), pk=opposition_id)
    return _confirm(
        request, acting, lambda reason: actions.lift_opposition(acting, opposition=row), title=_("Lever l’opposition"), verb=_("Lever l’opposition"),
        text=_("À la demande de la personne seulement. Le partage reprend aussitôt."), ask_reason=False,
    )  # fmt: skip


# --- Queues: those who ask, those who broke the glass, files brought together -------------------------------------------


@require_POST
def answer(request: HttpRequest, circle_id: UUID, request_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.MANAGE_MEMBERS)
    row = get_object_or_404(
        JoinRequest.objects.select_related("practice_role__practitioner"), pk=request_id, circle_id=acting.circle_id
    )
    accept = request.POST.get("accept") == "1"
    return _do(
        request, acting, lambda: actions.answer_join_request(acting, request=row, accept=accept, answer=request.POST.get("answer", "")[:1000]),
        _("La réponse est envoyée."),
    )  # fmt: skip


@require_POST
def review(request: HttpRequest, circle_id: UUID, opened_id: UUID) -> HttpResponse:
    acting = enter(request, circle_id, Permission.READ_CIRCLE)
    if not (acting.may(Permission.REVIEW_BREAK_GLASS) or (acting.member and acting.member.pk == acting.circle.lead_id)):
        raise PermissionDenied
    row = get_object_or_404(BreakGlass, pk=opened_id, circle_id=acting.circle_id)
    verdict = "contested" if request.POST.get("verdict") == "contested" else "justified"
    note = request.POST.get("note", "")[:1000]
    return _do(
        request,
        acting,
        lambda: actions.review_break_glass(acting, opened=row, verdict=verdict, note=note),
        _("L’examen est enregistré."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def crossing(request: HttpRequest, circle_id: UUID, absorbed_id: UUID) -> HttpResponse:
    """After a merge: who of the other circle comes along."""
    acting = enter(request, circle_id, Permission.MANAGE_MEMBERS)
    absorbed = get_object_or_404(Circle, pk=absorbed_id, canon_id=acting.circle_id, crossed_at=None)
    others = Member.objects.filter(in_force(), circle=absorbed).select_related(
        "practice_role__practitioner", "practice_role__organization", "team"
    )
    if request.method == "POST":
        chosen = set(request.POST.getlist("keep"))
        keep = [m for m in others if str(m.pk) in chosen]
        return _do(
            request,
            acting,
            lambda: actions.review_crossing(acting, absorbed=absorbed, keep=keep),
            _("Les deux cahiers se lisent maintenant ensemble."),
        )
    record(acting, "circles.crossing_read", kind=Kind.READ, shown=[m.pk for m in others])
    return _sheet(request, acting, "crossing", {"other_circle": absorbed, "others": [(m, _name(m)) for m in others]})


# --- Outside ------------------------------------------------------------------------------------------------------------


def join_token(circle_id: UUID, user_id: UUID) -> str:
    """What a screen gives to whoever typed an identity that resembles a file: opaque, hers, for an hour."""
    return _sealed().encrypt(f"{circle_id} {user_id}".encode()).decode()


def _sealed() -> Fernet:
    """Encrypted, not only signed: two identities typed must not be seen to lead to one file."""
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"{TOKEN} {settings.SECRET_KEY}".encode()).digest()))


@limited("join", per_minute=5)
@require_POST
def join(request: HttpRequest) -> HttpResponse:
    viewer = viewer_of(request)
    try:
        circle_id, user_id = _sealed().decrypt(request.POST.get("token", ""), ttl=3600).decode().split()
    except (InvalidToken, ValueError):
        raise Http404 from None
    if user_id != str(viewer.user_id):
        raise Http404
    try:
        actions.ask_to_join(viewer, circle_id=UUID(circle_id), message=request.POST.get("message", "")[:1000])
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, _("Votre demande est partie. Le responsable du cercle vous répondra."))
    return redirect("record:patients")


@limited("emergency", per_minute=6, per_hour=20)
@require_http_methods(["GET", "HEAD", "POST"])
def emergency(request: HttpRequest) -> HttpResponse:
    """Break-glass: health professionals, a fresh sign-in, the full identity, a reason."""
    viewer = viewer_of(request)
    if (
        not viewer.practice_role_id
        or Permission.BREAK_GLASS not in rights.current().profiles[viewer.profile].permissions
    ):
        raise PermissionDenied
    form = forms.BreakGlassForm(request.POST or None)
    if not fresh_sign_in(request):
        if request.method != "POST":
            return ask_again(request)
        form.add_error(
            None, _("Trop de temps a passé : prouvez de nouveau que c’est vous (dans un autre onglet), puis renvoyez.")
        )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        unknown = _("Aucun dossier ne peut être ouvert en urgence avec cette identité. Vérifiez chaque mot.")
        try:
            actions.check_break_glass_quota(viewer)
            found = _exactly(data["family"], data["given"], data["birth_date"])
            record(viewer, "circles.emergency_searched", kind=Kind.SEARCH, details={"found": len(found)})
            if len(found) != 1:
                raise Refused(unknown, "unknown")
            opened = actions.break_glass(viewer, circle_id=found[0], reason=data["reason"])
        except Refused as refused:
            form.add_error(None, unknown if refused.code == "not_available" else refused.message)
        else:
            return redirect("record:patient", opened.circle_id)
    return render(
        request,
        "circles/emergency.html",
        {"form": form, "quota": actions.BREAK_GLASS_QUOTA},
        status=422 if form.errors else 200,
    )


def _exactly(family: str, given: str, birth_date: str) -> list[UUID]:
    """Files whose identity is word for word this one; a partial birth date finds nothing. Raises Refused on an unreadable date."""
    born = dates.parse(birth_date)
    if born.earliest != born.latest:
        return []
    rows = Identity.objects.current().filter(
        birth_earliest=born.earliest, birth_latest=born.latest, patient__merged_into=None
    )
    wanted = name_key(family), name_key(given)
    rows = rows.values_list("patient_id", "birth_family", "birth_given", "used_family", "used_given")[:2000]
    return [
        pk
        for pk, f, g, uf, ug in rows
        if wanted[0] in (name_key(f), name_key(uf)) and wanted[1] in (name_key(g), name_key(ug))
    ]


@require_safe
def matrix(request: HttpRequest) -> HttpResponse:
    """The rights table, as it is in force."""
    found = rights.current()
    rows = [(p, [(c.value in p.readable, c.value in p.writable) for c in Category]) for p in found.profiles.values()]
    acts = [(a["label"], [found.profiles[p].label for p in a["profiles"]]) for a in found.data["acts"].values()]
    return render(
        request,
        "circles/matrix.html",
        {"matrix": found, "rows": rows, "categories": [c.label for c in Category], "acts": acts},
    )


# --- the small steps ----------------------------------------------------------------------------------------------------


def _name(row: Member) -> str:
    if row.practice_role_id:
        return row.practice_role.practitioner.display_name
    if row.team_id:
        return row.team.name
    if row.contact_id:
        return row.contact.full_name
    return row.api_client.name if row.api_client_id else _("La personne")


def _member(acting: Acting, member_id: UUID) -> Member:
    return get_object_or_404(
        Member.objects.select_related("practice_role__practitioner", "team", "contact", "api_client"),
        pk=member_id,
        circle_id=acting.circle_id,
        ended_at=None,
    )


def _sheet(request: HttpRequest, acting: Acting, which: str, context: dict, status: int = 200) -> HttpResponse:
    """In a dialog when htmx asks, else in the page."""
    context |= {"acting": acting, "circle_id": acting.circle_id, "which": which}
    if context.get("form") is not None and context["form"].errors:
        status = 422
    if request.headers.get("HX-Request") == "true":
        return render(request, f"circles/panel.html#{which}", context, status=status)
    context.pop("acting")
    return panels.show(request, acting, "cercle", status=status, **context)


def _back(request: HttpRequest, circle_id: UUID, then: str = "") -> HttpResponse:
    url = then or reverse("record:tab", args=[circle_id, "cercle"])
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def _do(request: HttpRequest, acting: Acting, act, said: str) -> HttpResponse:
    try:
        act()
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, said)
    return _back(request, acting.circle_id)


def _confirm(
    request: HttpRequest,
    acting: Acting,
    act,
    *,
    title: str,
    verb: str,
    text: str,
    withdraw: bool = False,
    then: str = "",
    ask_reason: bool = True,
) -> HttpResponse:
    context = {
        "title": title,
        "verb": verb,
        "text": text,
        "withdraw": withdraw,
        "ask_reason": ask_reason,
        "action": request.path,
    }
    if request.method != "POST":
        return _sheet(request, acting, "confirm", context)
    try:
        act(request.POST.get("reason", "")[:400])
    except Refused as refused:
        return _sheet(request, acting, "confirm", context | {"problem": refused.message}, status=422)
    messages.success(request, _("C’est fait."))
    return _back(request, acting.circle_id, then)


def may_break(request: HttpRequest) -> bool:
    """Is the emergency door shown to this person?"""
    viewer = viewer_of(request)
    return (
        bool(viewer.practice_role_id)
        and Permission.BREAK_GLASS in rights.current().profiles[viewer.profile].permissions
    )
