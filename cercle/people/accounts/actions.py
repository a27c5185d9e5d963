"""The verbs of accounts: invite, activate, choose a password, recover, close, answer for a structure, accept terms."""

from datetime import timedelta

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.models import Kind as Act
from cercle.base.audit.record import SYSTEM, ActingLike, record
from cercle.base.common.errors import Refused
from cercle.people.directory.models import Organization, PracticeRole, Practitioner

from . import links, lockout, policy, tasks
from .acting import user_acting
from .models import (
    Invitation,
    Kind,
    OneTimeLink,
    RecoveryRequest,
    StructureAdmin,
    TermsAcceptance,
    TermsVersion,
    User,
    clean_email,
)

INVITATION, PASSWORD, SECOND_FACTOR = "invitation", "password", "second_factor"
LASTS = {INVITATION: timedelta(days=7), PASSWORD: timedelta(hours=1), SECOND_FACTOR: timedelta(hours=24)}


# --- Invitation and activation ---------------------------------------------------------------------------------------


def invite(
    acting: ActingLike,
    *,
    email: str,
    kind: str = Kind.PROFESSIONAL,
    organization: Organization | None = None,
    practice_role: PracticeRole | None = None,
    practitioner: Practitioner | None = None,
    first_name: str = "",
    last_name: str = "",
    makes_admin: bool = False,
    by_mail: bool = True,
) -> Invitation:
    """Offer an account; the message leaves by a job. From the directory: give `practice_role`, the rest follows.

    `by_mail=False`: the caller hands over the link itself (`invitation_link`).
    """
    if practice_role is not None:
        practitioner = practice_role.practitioner
        organization = organization or practice_role.organization
    if practitioner is not None:
        _must_be_linkable(practitioner)
        first_name, last_name = _names(practitioner)
    if makes_admin and organization is None:
        raise Refused(_("Indiquez la structure à administrer."), "structure_missing")
    with transaction.atomic():
        try:
            with transaction.atomic():
                invitation = Invitation.objects.create(
                    email=clean_email(email), kind=kind, organization=organization, practitioner=practitioner,
                    practice_role=practice_role, first_name=first_name, last_name=last_name, makes_admin=makes_admin,
                    invited_by_id=acting.user_id, expires_at=timezone.now() + LASTS[INVITATION],
                )  # fmt: skip
        except IntegrityError as error:
            raise Refused(
                _("Une invitation attend déjà cette adresse. Vous pouvez la renvoyer."), "already_invited"
            ) from error
        record(
            acting, "accounts.person_invited", on=invitation,
            details={"kind": kind, "organization": organization and organization.pk, "admin": makes_admin},
        )  # fmt: skip
        if by_mail:
            tasks.send_invitation.defer(invitation_id=invitation.pk)
    return invitation


def send_again(acting: ActingLike, invitation: Invitation, *, by_mail: bool = True) -> None:
    """A new link for another week; the earlier one stops working."""
    if not invitation.is_pending:
        raise Refused(_("Cette invitation n’attend plus de réponse."), "not_pending")
    with transaction.atomic():
        Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now() + LASTS[INVITATION])
        record(acting, "accounts.invitation_sent_again", on=invitation, kind=Act.UPDATE)
        if by_mail:
            tasks.send_invitation.defer(invitation_id=invitation.pk)


def cancel_invitation(acting: ActingLike, invitation: Invitation) -> None:
    with transaction.atomic():
        done = Invitation.objects.pending().filter(pk=invitation.pk).update(
            cancelled_at=timezone.now(), cancelled_by=acting.user_id
        )  # fmt: skip
        if not done:
            raise Refused(_("Cette invitation n’attend plus de réponse."), "not_pending")
        links.revoke(INVITATION, invitation.pk)
        record(acting, "accounts.invitation_cancelled", on=invitation, kind=Act.UPDATE)


def invitation_link(invitation: Invitation) -> str:
    """A fresh token for the message (or for the operator's screen: `cercle account create-operator`)."""
    row, token, _code = links.make(
        INVITATION, invitation.pk, lasts=max(invitation.expires_at - timezone.now(), timedelta(minutes=1)),
        created_by=invitation.invited_by,
    )  # fmt: skip
    Invitation.objects.filter(pk=invitation.pk).update(sent_at=timezone.now(), sent_count=F("sent_count") + 1)
    return token


def activate(
    link: OneTimeLink, invitation: Invitation, *, password: str, first_name: str = "", last_name: str = "",
    terms: TermsVersion | None = None,
) -> User:  # fmt: skip
    """The invited person makes her account: the link is burnt, the password set, the terms accepted."""
    with transaction.atomic():
        links.use(link)
        if User.objects.filter(email=clean_email(invitation.email)).exists():
            raise Refused(
                _("Un compte existe déjà pour cette adresse : connectez-vous pour accepter."), "account_exists"
            )
        user = User.objects.create_user(
            invitation.email, password, kind=invitation.kind,
            first_name=invitation.first_name or first_name, last_name=invitation.last_name or last_name,
        )  # fmt: skip
        _grant(user, invitation)
        record(user_acting(user), "accounts.account_activated", on=user, kind=Act.CREATE)
        if terms is not None:
            accept_terms(user_acting(user), user, terms)
    return user


def accept_invitation(link: OneTimeLink, invitation: Invitation, user: User) -> None:
    """Someone who already has an account takes what the invitation gives."""
    if user.email != clean_email(invitation.email):
        raise Refused(_("Cette invitation est adressée à une autre adresse que la vôtre."), "other_address")
    with transaction.atomic():
        links.use(link)
        _grant(user, invitation)
        record(user_acting(user), "accounts.invitation_accepted", on=invitation, kind=Act.UPDATE)


def _grant(user: User, invitation: Invitation) -> None:
    done = Invitation.objects.pending().filter(pk=invitation.pk).update(
        accepted_at=timezone.now(), accepted_by=user
    )  # fmt: skip
    if not done:
        raise Refused(_("Cette invitation n’attend plus de réponse."), "not_pending")
    if invitation.practitioner is not None and user.practitioner_id != invitation.practitioner_id:
        _must_be_linkable(invitation.practitioner)
        if user.practitioner_id is not None or user.kind != Kind.PROFESSIONAL:
            raise Refused(_("Ce compte est déjà celui d’une autre personne de l’annuaire."), "other_person")
        user.practitioner = invitation.practitioner
    if invitation.practice_role is not None:
        user.last_context = invitation.practice_role
    user.save(update_fields=["practitioner", "last_context"])
    if invitation.makes_admin:
        StructureAdmin.objects.get_or_create(
            user=user, organization=invitation.organization, until=None,
            defaults={"granted_by": invitation.invited_by},
        )  # fmt: skip


def _must_be_linkable(practitioner: Practitioner) -> None:
    # A practitioner that only a feed names may be anyone: attribution, never an account.
    if practitioner.is_external:
        raise Refused(
            _("Cette personne n’est connue que par un flux : elle ne peut pas recevoir de compte."), "external"
        )
    if User.objects.filter(practitioner=practitioner).exists():
        raise Refused(_("Cette personne a déjà un compte."), "has_account")


def _names(practitioner: Practitioner) -> tuple[str, str]:
    from cercle.people.directory.models import soften

    return soften(practitioner.given), soften(practitioner.family)


# --- Password and second factor --------------------------------------------------------------------------------------


def ask_new_password(email: str) -> None:
    """Someone says she forgot. Known or not, the same job leaves: neither the answer nor its time tells who exists."""
    user = User.objects.filter(email=clean_email(email), is_active=True).first()
    with transaction.atomic():
        if user is not None:
            record(SYSTEM, "accounts.password_forgotten", on=user, kind=Act.OTHER)
        tasks.send_password_link.defer(user_id=user.pk if user else None)


def set_password(link: OneTimeLink, user: User, *, password: str) -> None:
    """By the link received. Every open session ends, the lock-out too; the second factor stays as it is."""
    with transaction.atomic():
        links.use(link)
        user.set_password(password)
        user.save(update_fields=["password"])
        lockout.forget(lockout.account_key(user.email))
        end_sessions(user_acting(user), user)
        record(user_acting(user), "accounts.password_reset", on=user)
        tasks.tell.defer(user_id=user.pk, what="password")


def ask_recovery(user: User) -> RecoveryRequest:
    """The password was right, the second factor is lost. Asking again while one waits changes nothing."""
    with transaction.atomic():
        request, made = RecoveryRequest.objects.get_or_create(user=user, status=RecoveryRequest.Status.PENDING)
        if made:
            record(user_acting(user), "accounts.recovery_asked", on=request, kind=Act.CREATE)
            tasks.tell_recovery_asked.defer(request_id=request.pk)
    return request


def confirm_recovery(acting: ActingLike, request: RecoveryRequest, *, identity_check: str) -> None:
    """The administrator has recognised the person: she gets a link, once, that lets her enrol another second factor."""
    with transaction.atomic():
        _decide(acting, request, RecoveryRequest.Status.CONFIRMED, identity_check)
        record(
            acting, "accounts.recovery_confirmed", on=request, reason=identity_check, details={"user": request.user_id}
        )
        tasks.send_second_factor_link.defer(request_id=request.pk)


def refuse_recovery(acting: ActingLike, request: RecoveryRequest, *, reason: str) -> None:
    with transaction.atomic():
        _decide(acting, request, RecoveryRequest.Status.REFUSED, reason)
        record(acting, "accounts.recovery_refused", on=request, reason=reason, details={"user": request.user_id})
        tasks.tell.defer(user_id=request.user_id, what="recovery_refused")


def _decide(acting: ActingLike, request: RecoveryRequest, status: str, why: str) -> None:
    if acting.user_id == request.user_id:
        raise Refused(_("Une autre personne que vous doit confirmer votre demande."), "own_request")
    done = RecoveryRequest.objects.filter(pk=request.pk, status=RecoveryRequest.Status.PENDING).update(
        status=status, decided_at=timezone.now(), decided_by=acting.user_id, identity_check=why
    )
    if not done:
        raise Refused(_("Cette demande a déjà reçu une réponse."), "not_pending")


def drop_second_factor(link: OneTimeLink, request: RecoveryRequest) -> None:
    """By the link received, password given: lost keys and codes stop working, the next sign-in enrols new ones."""
    user = request.user
    with transaction.atomic():
        links.use(link)
        RecoveryRequest.objects.filter(pk=request.pk).update(status=RecoveryRequest.Status.USED, used_at=timezone.now())
        Authenticator.objects.filter(user=user).delete()
        lockout.forget(lockout.code_key(user.pk))
        end_sessions(user_acting(user), user)
        record(user_acting(user), "accounts.second_factor_dropped", on=user, details={"request": request.pk})
        tasks.tell.defer(user_id=user.pk, what="second_factor_dropped")


def give_second_factor(user: User, secret: str) -> None:
    """A TOTP secret (base 32) and recovery codes, without ceremony: demo accounts and tests."""
    Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).delete()
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)


# --- Sessions, closing, reopening ------------------------------------------------------------------------------------


def end_session(acting: ActingLike, session: UserSession) -> None:
    """That device is signed out at once: its next request, and its open /events, find no session."""
    with transaction.atomic():
        Session.objects.filter(session_key=session.session_key).delete()
        record(acting, "accounts.session_ended", on=session.user, kind=Act.UPDATE)
        session.delete()


def end_sessions(acting: ActingLike, user: User, *, but: str | None = None) -> int:
    """All of them, except the one of key `but`. Returns how many."""
    with transaction.atomic():
        rows = UserSession.objects.filter(user=user)
        if but:
            rows = rows.exclude(session_key=but)
        keys = list(rows.values_list("session_key", flat=True))
        Session.objects.filter(session_key__in=keys).delete()
        rows.delete()
        if keys:
            record(acting, "accounts.sessions_ended", on=user, kind=Act.UPDATE, details={"count": len(keys)})
    return len(keys)


def unlock(acting: ActingLike, user: User) -> None:
    """Forget the failures that keep her out."""
    with transaction.atomic():
        lockout.forget(lockout.account_key(user.email), lockout.code_key(user.pk))
        record(acting, "accounts.account_unlocked", on=user)


def deactivate(acting: ActingLike, user: User, *, reason: str) -> None:
    """She cannot sign in any more and her sessions end at once. What she wrote stays hers."""
    if acting.user_id == user.pk:
        raise Refused(_("Vous ne pouvez pas désactiver votre propre compte."), "own_account")
    with transaction.atomic():
        done = User.objects.filter(pk=user.pk, is_active=True).update(
            is_active=False, deactivated_at=timezone.now(), deactivated_by=acting.user_id, deactivation_reason=reason
        )
        if not done:
            raise Refused(_("Ce compte est déjà désactivé."), "already")
        end_sessions(acting, user)
        record(acting, "accounts.account_deactivated", on=user, reason=reason)


def reactivate(acting: ActingLike, user: User) -> None:
    with transaction.atomic():
        done = User.objects.filter(pk=user.pk, is_active=False).update(
            is_active=True, deactivated_at=None, deactivated_by=None, deactivation_reason=""
        )
        if not done:
            raise Refused(_("Ce compte est déjà actif."), "already")
        record(acting, "accounts.account_reactivated", on=user)


# --- Structures and terms --------------------------------------------------------------------------------------------


def make_admin(acting: ActingLike, user: User, organization: Organization) -> StructureAdmin:
    with transaction.atomic():
        row, made = StructureAdmin.objects.get_or_create(
            user=user, organization=organization, until=None, defaults={"granted_by_id": acting.user_id}
        )
        if made:
            record(acting, "accounts.admin_added", on=row, details={"user": user.pk, "organization": organization.pk})
    return row


def end_admin(acting: ActingLike, row: StructureAdmin) -> None:
    """A structure may be left without administrator only by the operator: `views` offer it to nobody else."""
    with transaction.atomic():
        done = StructureAdmin.objects.open().filter(pk=row.pk).update(until=timezone.now(), ended_by=acting.user_id)
        if done:
            about = {"user": row.user_id, "organization": row.organization_id}
            record(acting, "accounts.admin_ended", on=row, details=about)


def change_context(acting: ActingLike, user: User, role: PracticeRole) -> None:
    """The role must be one of hers and open; the view then writes it in the session."""
    if role.practitioner_id != user.practitioner_id or role.ended_at is not None:
        raise Refused(_("Ce contexte d’exercice n’est pas le vôtre."), "not_yours")
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(last_context=role)
        record(acting, "accounts.context_changed", on=user, kind=Act.LOGIN, details={"practice_role": role.pk})


def publish_terms(acting: ActingLike, *, text: str, summary: str = "") -> TermsVersion:
    """A new version: everybody accepts it before going on."""
    with transaction.atomic():
        last = TermsVersion.objects.select_for_update().order_by("-number").first()
        version = TermsVersion.objects.create(
            number=(last.number if last else 0) + 1, text=text, summary=summary, published_by_id=acting.user_id
        )
        record(acting, "accounts.terms_published", on=version, kind=Act.CREATE, details={"number": version.number})
    policy.forget_terms_number()
    return version


def accept_terms(acting: ActingLike, user: User, version: TermsVersion) -> None:
    with transaction.atomic():
        _row, made = TermsAcceptance.objects.get_or_create(user=user, version=version)
        if made:
            record(acting, "accounts.terms_accepted", on=version, details={"number": version.number})


def set_preferences(acting: ActingLike, user: User, *, language: str, theme: str) -> None:
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(language=language, theme=theme)
        record(acting, "accounts.preferences_changed", on=user)
