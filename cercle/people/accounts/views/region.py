"""The region's operator (structures, administrators, terms), and support, which acts on accounts and reads nothing."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused
from cercle.base.common.text import name_key
from cercle.people.directory.models import Organization

from .. import actions, rights
from ..acting import person_acting
from ..forms import EmailForm, InvitationForm, ReasonForm
from ..models import Invitation, Kind, RecoveryRequest, TermsVersion, User
from .structure import access_of, as_uuid


def region(request: HttpRequest) -> HttpResponse:
    """Structures by name, with how many administrators and accounts each has."""
    operator_only(request)
    words = name_key(request.GET.get("q", ""))
    found = Organization.objects.order_by("sort")
    if words:
        found = found.filter(sort__contains=words)
    else:
        found = found.filter(administrators__until__isnull=True, administrators__isnull=False).distinct()
    found = found.annotate(admins=Count("administrators", Q(administrators__until__isnull=True), distinct=True))
    asked = RecoveryRequest.objects.filter(status=RecoveryRequest.Status.PENDING).select_related("user")
    return render(
        request, "accounts/region.html",
        {
            "structures": found[:50], "q": request.GET.get("q", ""),
            "staff": User.objects.filter(kind__in=[Kind.OPERATOR, Kind.SUPPORT]).order_by("kind", "last_name"),
            "invitations": Invitation.objects.pending().filter(organization=None).order_by("-invited_at")[:50],
            "recoveries": asked.order_by("requested_at")[:50],
            "terms": TermsVersion.objects.first(),
        },
    )  # fmt: skip


def invite_staff(request: HttpRequest) -> HttpResponse:
    operator_only(request)
    form = InvitationForm(request.POST or None, kinds=(Kind.SUPPORT, Kind.OPERATOR))
    del form.fields["makes_admin"]
    if request.method == "POST" and form.is_valid():
        try:
            actions.invite(person_acting(request), **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused.message))
        else:
            messages.success(request, _("L’invitation part par e-mail. Elle est valable sept jours."))
            return redirect("accounts:region")
    return render(request, "accounts/invite.html", {"form": form})


def publish_terms(request: HttpRequest) -> HttpResponse:
    operator_only(request)
    last = TermsVersion.objects.first()
    text = request.POST.get("text", last.text if last else "").strip()
    if request.method == "POST" and text:
        actions.publish_terms(person_acting(request), text=text, summary=request.POST.get("summary", "").strip()[:300])
        messages.success(request, _("La nouvelle version est en vigueur : chacun devra l’accepter avant de continuer."))
        return redirect("accounts:region")
    return render(request, "accounts/publish_terms.html", {"text": text, "last": last})


def support(request: HttpRequest) -> HttpResponse:
    """One account, by its exact address: is it locked, has it sessions, what was it sent. Nothing about patients."""
    if not rights.is_support(request.user):
        raise Http404
    form = EmailForm(request.POST or None)
    found = {}
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        person = User.objects.filter(email=email).first()
        if verb := request.POST.get("verb"):
            return help_with(request, verb, person, email)
        found = {
            "searched": email, "person": person,
            "invitations": Invitation.objects.pending().filter(email=email).select_related("organization"),
        }  # fmt: skip
        if person is not None:
            found |= access_of(person)
    return render(request, "accounts/support.html", {"form": form, **found})


def help_with(request: HttpRequest, verb: str, person: User | None, email: str) -> HttpResponse:
    acting = person_acting(request)
    try:
        if verb == "resend":
            row = get_object_or_404(
                Invitation.objects.pending(), pk=as_uuid(request.POST.get("invitation", "")), email=email
            )
            actions.send_again(acting, row)
            messages.success(request, _("L’invitation est renvoyée. Le lien précédent ne marche plus."))
        elif person is None:
            raise Http404
        elif verb == "unlock":
            actions.unlock(acting, person)
            messages.success(request, _("Le compte est débloqué."))
        elif verb == "sessions":
            actions.end_sessions(acting, person)
            messages.success(request, _("Toutes ses sessions sont terminées."))
        else:
            raise Http404
    except Refused as refused:
        messages.error(request, str(refused.message))
    return redirect("accounts:support")


def staff_account(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Close or reopen any account that no structure answers for."""
    operator_only(request)
    person = get_object_or_404(User, pk=account_id)
    form = ReasonForm(request.POST if request.POST.get("verb") == "close" else None)
    if request.method == "POST":
        try:
            match request.POST.get("verb"):
                case "close" if form.is_valid():
                    actions.deactivate(person_acting(request), person, reason=form.cleaned_data["reason"])
                case "reopen":
                    actions.reactivate(person_acting(request), person)
                case "unlock":
                    actions.unlock(person_acting(request), person)
                case "sessions":
                    actions.end_sessions(person_acting(request), person)
        except Refused as refused:
            messages.error(request, str(refused.message))
        if not form.errors:
            return redirect("accounts:staff_account", person.pk)
    return render(
        request, "accounts/account.html",
        {
            "person": person, "form": form, "is_self": person.pk == request.user.pk, "roles": [], **access_of(person),
        },
    )  # fmt: skip


def operator_only(request: HttpRequest) -> None:
    if not rights.is_operator(request.user):
        raise Http404
