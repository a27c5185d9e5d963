"""« Ma structure »: its people and their accounts, for those who administer it."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cercle.base.common.errors import Refused
from cercle.people.directory.models import PracticeRole

from .. import actions, lockout, policy, rights, sign_in
from ..acting import person_acting
from ..forms import IdentityCheckForm, InvitationForm, ReasonForm
from ..models import Invitation, RecoveryRequest, StructureAdmin, User


def structures(request: HttpRequest) -> HttpResponse:
    """Straight to the only one, or the list."""
    mine = list(rights.structures_of(request.user)[:50])
    if not mine:
        if rights.is_operator(request.user):
            return redirect("accounts:region")
        raise Http404
    if len(mine) == 1:
        return redirect("accounts:structure", mine[0].pk)
    return render(request, "accounts/structures.html", {"structures": mine})


def structure(request: HttpRequest, organization_id: UUID) -> HttpResponse:
    organization = rights.structure_for(request.user, organization_id)
    return render(
        request, "accounts/structure.html",
        {
            "organization": organization,
            "people": directory_of(organization),
            "invitations": organization.invitations.pending().order_by("-invited_at"),
            "admins": organization.administrators.open().select_related("user").order_by("since"),
            "recoveries": RecoveryRequest.objects.filter(
                status=RecoveryRequest.Status.PENDING, user__in=rights.people_of(organization)
            ).select_related("user").order_by("requested_at"),
        },
    )  # fmt: skip


def directory_of(organization) -> list[PracticeRole]:
    """The open roles of the structure, each with its account or its pending invitation."""
    roles = list(
        organization.roles.open().select_related("practitioner__user").order_by("practitioner__sort", "id")[:500]
    )
    waiting = {i.practice_role_id for i in organization.invitations.pending()}
    for role in roles:
        role.account = getattr(role.practitioner, "user", None)
        role.is_invited = role.pk in waiting
    return roles


def invite(request: HttpRequest, organization_id: UUID) -> HttpResponse:
    """Someone of the directory (`?role=`), or anyone by e-mail address."""
    organization = rights.structure_for(request.user, organization_id)
    role = None
    if wanted := request.GET.get("role"):
        role = organization.roles.open().select_related("practitioner").filter(pk=as_uuid(wanted)).first()
        if role is None:
            raise Http404
    form = InvitationForm(request.POST or None, role=role)
    if request.method == "POST" and form.is_valid():
        try:
            actions.invite(person_acting(request), organization=organization, practice_role=role, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused.message))
        else:
            messages.success(request, _("L’invitation part par e-mail. Elle est valable sept jours."))
            return redirect("accounts:structure", organization.pk)
    return render(request, "accounts/invite.html", {"form": form, "organization": organization, "role": role})


@require_POST
def invitation(request: HttpRequest, organization_id: UUID, invitation_id: UUID, verb: str) -> HttpResponse:
    organization = rights.structure_for(request.user, organization_id)
    row = get_object_or_404(Invitation, pk=invitation_id, organization=organization)
    try:
        if verb == "renvoyer":
            actions.send_again(person_acting(request), row)
            messages.success(request, _("L’invitation est renvoyée. Le lien précédent ne marche plus."))
        else:
            actions.cancel_invitation(person_acting(request), row)
            messages.success(request, _("L’invitation est annulée."))
    except Refused as refused:
        messages.error(request, str(refused.message))
    return redirect("accounts:structure", organization.pk)


def account(request: HttpRequest, organization_id: UUID, account_id: UUID) -> HttpResponse:
    organization = rights.structure_for(request.user, organization_id)
    person = rights.account_for(request.user, organization, account_id)
    form = ReasonForm(request.POST if request.POST.get("verb") == "close" else None)
    if request.method == "POST":
        try:
            done = act_on(request, person, organization, form)
        except Refused as refused:
            messages.error(request, str(refused.message))
            done = True
        if done:
            return redirect("accounts:account", organization.pk, person.pk)
    roles = organization.roles.open().select_related("practitioner").filter(practitioner=person.practitioner_id)
    return render(
        request, "accounts/account.html",
        {
            "organization": organization, "person": person, "form": form, "is_self": person.pk == request.user.pk,
            "roles": roles if person.practitioner_id else [],
            "elsewhere": works_elsewhere(person, organization),
            "admin": organization.administrators.open().filter(user=person).first(),
            **access_of(person),
        },
    )  # fmt: skip


def access_of(person: User) -> dict:
    """What one may know of an account's access without reading anything of what it does."""
    keys = (lockout.account_key(person.email), lockout.code_key(person.pk))
    return {
        "locked": any(lockout.is_locked(key) for key in keys),
        "has_second_factor": policy.has_second_factor(person),
        "session_count": person.usersession_set.count(),
    }


def works_elsewhere(person: User, organization) -> bool:
    return person.practitioner_id is not None and (
        person.practitioner.roles.open().exclude(organization=organization).exists()
    )


def act_on(request: HttpRequest, person: User, organization, form: ReasonForm) -> bool:
    """One verb of the account's page. False: the form has something to say."""
    acting, verb = person_acting(request), request.POST.get("verb")
    if verb in {"close", "reopen"} and works_elsewhere(person, organization) and not rights.is_operator(request.user):
        # Closing an account would shut her out of structures that asked for nothing.
        raise Refused(
            _(
                "Cette personne exerce aussi ailleurs : mettez fin à son exercice ici dans l’annuaire,"
                " ou demandez à l’opérateur."
            ),
            "works_elsewhere",
        )  # fmt: skip
    match verb:
        case "close":
            if not form.is_valid():
                return False
            actions.deactivate(acting, person, reason=form.cleaned_data["reason"])
            messages.success(request, _("Le compte est désactivé, ses sessions sont terminées."))
        case "reopen":
            actions.reactivate(acting, person)
            messages.success(request, _("Le compte est de nouveau actif."))
        case "unlock":
            actions.unlock(acting, person)
            messages.success(request, _("Le compte est débloqué."))
        case "sessions":
            actions.end_sessions(acting, person)
            messages.success(request, _("Toutes ses sessions sont terminées."))
        case "make_admin":
            actions.make_admin(acting, person, organization)
        case "end_admin":
            admins = StructureAdmin.objects.open().filter(organization=organization, user__is_active=True)
            if not admins.exclude(user=person).exists() and not rights.is_operator(request.user):
                raise Refused(_("La structure doit garder un administrateur."), "last_admin")
            actions.end_admin(acting, organization.administrators.open().get(user=person))
        case _:
            raise Http404
    return True


def recovery(request: HttpRequest, recovery_id: UUID) -> HttpResponse:
    """Confirm, having seen the person, that she may enrol another second factor; a fresh sign-in is asked."""
    row = get_object_or_404(RecoveryRequest.objects.select_related("user"), pk=recovery_id)
    if not rights.may_confirm_recovery(request.user, row.user):
        raise Http404
    if not sign_in.fresh_sign_in(request):
        return sign_in.ask_again(request)
    form = IdentityCheckForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        decide = actions.refuse_recovery if request.POST.get("verb") == "refuse" else actions.confirm_recovery
        word = "reason" if decide is actions.refuse_recovery else "identity_check"
        try:
            decide(person_acting(request), row, **{word: form.cleaned_data["identity_check"]})
        except Refused as refused:
            form.add_error(None, str(refused.message))
        else:
            messages.success(request, _("C’est noté. La personne est prévenue par e-mail."))
            return redirect("accounts:structures" if not rights.is_operator(request.user) else "accounts:region")
    return render(request, "accounts/recovery.html", {"form": form, "asked": row})


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
