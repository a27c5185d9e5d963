"""cercle account …: the operator's first account, invitations, unlocking, terms of use."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from cercle.base.audit.record import Machine
from cercle.people.accounts import actions, tasks
from cercle.people.accounts.models import Invitation, Kind, User, clean_email
from cercle.people.directory.models import Organization, Practitioner

SHELL = Machine(source="cli", ground="shell", actor_name="cercle account")


class Command(BaseCommand):
    help = "Accounts: first operator, invitations, unlocking, closing, terms of use."

    def add_arguments(self, parser):
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create-operator", help="invite a regional operator and print the activation link")
        create.add_argument("email")
        create.add_argument("--first-name", default="")
        create.add_argument("--last-name", default="")
        invite = verbs.add_parser("invite", help="invite someone by mail, or print the link with --print-link")
        invite.add_argument("email")
        invite.add_argument("--kind", choices=Kind.values, default=Kind.PROFESSIONAL)
        invite.add_argument("--rpps", help="the professional of the directory this account is for")
        invite.add_argument("--finess", help="the structure where she works, or that she will administer")
        invite.add_argument("--admin", action="store_true", help="administers the structure's accounts")
        invite.add_argument("--first-name", default="")
        invite.add_argument("--last-name", default="")
        invite.add_argument("--print-link", action="store_true")
        for verb, text in (
            ("unlock", "forget the failures that lock an account"),
            ("reactivate", "reopen a closed account"),
            ("end-sessions", "sign an account out everywhere"),
        ):
            verbs.add_parser(verb, help=text).add_argument("email")
        close = verbs.add_parser("deactivate", help="close an account, its sessions end")
        close.add_argument("email")
        close.add_argument("--reason", required=True)
        terms = verbs.add_parser("publish-terms", help="a new version of the terms of use, from a text file")
        terms.add_argument("file", type=Path)
        terms.add_argument("--summary", default="")

    def handle(self, *, verb: str, **options):
        getattr(self, verb.replace("-", "_"))(**options)

    def create_operator(self, *, email, first_name, last_name, **_):
        self.print_link(
            self.invitation(email, kind=Kind.OPERATOR, first_name=first_name, last_name=last_name, by_mail=False)
        )

    def invite(self, *, email, kind, rpps, finess, admin, first_name, last_name, print_link, **_):
        practitioner = organization = role = None
        if rpps:
            practitioner = Practitioner.objects.filter(rpps=rpps).first()
            if practitioner is None:
                raise CommandError(f"no professional with RPPS {rpps} in the directory")
        if finess:
            organization = Organization.objects.filter(finess=finess).first()
            if organization is None:
                raise CommandError(f"no structure with FINESS {finess} in the directory")
        if practitioner and organization:
            role = practitioner.roles.open().filter(organization=organization).order_by("id").first()
        invitation = self.invitation(
            email, kind=kind, practitioner=practitioner, organization=organization, practice_role=role,
            makes_admin=admin, first_name=first_name, last_name=last_name, by_mail=not print_link,
        )  # fmt: skip
        if print_link:
            self.print_link(invitation)
        else:
            self.stdout.write(f"invitation sent to {invitation.email}")

    def invitation(self, email: str, *, by_mail: bool, **fields) -> Invitation:
        """A new one, or the one that waits (asked twice, the command prints a link again)."""
        if User.objects.filter(email=clean_email(email), kind=fields["kind"]).exists():
            raise CommandError("this address already has an account")
        waiting = Invitation.objects.pending().filter(email=clean_email(email), organization=fields.get("organization"))
        if found := waiting.first():
            actions.send_again(SHELL, found, by_mail=by_mail)
            found.refresh_from_db()
            return found
        return actions.invite(SHELL, email=email, by_mail=by_mail, **fields)

    def print_link(self, invitation: Invitation) -> None:
        with transaction.atomic():
            token = actions.invitation_link(invitation)
        self.stdout.write(tasks.absolute("accounts:activation", token))
        days = (invitation.expires_at - timezone.now()).days + 1
        self.stderr.write(f"serves once, within {days} days")

    def unlock(self, *, email, **_):
        actions.unlock(SHELL, self.account(email))
        self.stdout.write("unlocked")

    def end_sessions(self, *, email, **_):
        self.stdout.write(f"{actions.end_sessions(SHELL, self.account(email))} session(s) ended")

    def deactivate(self, *, email, reason, **_):
        actions.deactivate(SHELL, self.account(email), reason=reason)
        self.stdout.write("closed")

    def reactivate(self, *, email, **_):
        actions.reactivate(SHELL, self.account(email))
        self.stdout.write("open again")

    def publish_terms(self, *, file: Path, summary, **_):
        try:
            text = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"cannot read {file}: {error}") from error
        if not text:
            raise CommandError(f"{file} is empty")
        self.stdout.write(f"version {actions.publish_terms(SHELL, text=text, summary=summary).number}")

    def account(self, email: str) -> User:
        user = User.objects.filter(email=clean_email(email)).first()
        if user is None:
            raise CommandError("no account at this address")
        return user
