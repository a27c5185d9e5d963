"""What is done to the directory by people: teams, corrections, reports of errors. Imports are in `imports/`."""

from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import ActingLike, record
from cercle.base.common.errors import Refused
from cercle.people.directory.models import (
    Commune,
    DirectoryReport,
    Organization,
    PracticeRole,
    Practitioner,
    Team,
    TeamCover,
    TeamMember,
    TeamTerritory,
)

Entry = Practitioner | PracticeRole | Organization

# What an operator may set right here; the rest is corrected by the source (Ordre, ARS, CPAM).
CORRECTABLE = {
    Practitioner: ("family", "given"),
    PracticeRole: ("phone", "phone2", "email", "mss", "address", "postal_code", "city"),
    Organization: ("phone", "phone2", "email", "mss", "address", "postal_code", "city", "name"),
}
FIELD_OF_REPORT = {"phone": "phone", "address": "address", "mss": "mss", "email": "email"}


# --- Teams -------------------------------------------------------------------------------------------------------------


def create_team(acting: ActingLike, *, organization: Organization, name: str) -> Team:
    name = " ".join(name.split())
    if not name:
        raise Refused(_("Donnez un nom à l’équipe."), "team_name")
    try:
        with transaction.atomic():
            team = Team(organization=organization, name=name[:120])
            team.save(force_insert=True)
            record(acting, "directory.team_created", on=team, details={"organization": organization.pk})
    except IntegrityError:
        raise Refused(_("Une équipe porte déjà ce nom dans cette structure."), "team_name_taken") from None
    return team


def close_team(acting: ActingLike, *, team: Team) -> None:
    """The team and its open memberships end now; what it did keeps its name."""
    with transaction.atomic():
        now = timezone.now()
        if not Team.objects.open().filter(pk=team.pk).update(closed_at=now):
            raise Refused(_("Cette équipe est déjà fermée."), "team_closed")
        TeamMember.objects.filter(team=team, ended_at=None).update(ended_at=now)
        team.closed_at = now
        record(acting, "directory.team_closed", on=team)


def add_member(acting: ActingLike, *, team: Team, practice_role: PracticeRole) -> TeamMember:
    """Only people who exercise in the team's structure, today, and whom a directory vouches for."""
    if practice_role.organization_id != team.organization_id:
        raise Refused(_("Cette personne n’exerce pas dans cette structure."), "elsewhere")
    if practice_role.ended_at is not None:
        raise Refused(_("Cette situation d’exercice est terminée."), "role_ended")
    if practice_role.practitioner.is_external:
        raise Refused(
            _("Cette personne n’est connue que d’un flux : elle ne peut pas entrer dans une équipe."), "external"
        )
    try:
        with transaction.atomic():
            if not Team.objects.select_for_update().open().filter(pk=team.pk).exists():
                raise Refused(_("Cette équipe est fermée."), "team_closed")
            member = TeamMember(team=team, practice_role=practice_role)
            member.save(force_insert=True)
            record(
                acting, "directory.team_member_added", on=member,
                details={"team": team.pk, "practice_role": practice_role.pk},
            )  # fmt: skip
    except IntegrityError:
        raise Refused(_("Cette personne est déjà dans l’équipe."), "already_member") from None
    return member


def end_member(acting: ActingLike, *, member: TeamMember) -> None:
    """She loses at once what she saw through the team (circles react to the fact)."""
    with transaction.atomic():
        now = timezone.now()
        if not TeamMember.objects.filter(pk=member.pk, ended_at=None).update(ended_at=now):
            raise Refused(_("Cette personne n’est déjà plus dans l’équipe."), "already_ended")
        member.ended_at = now
        record(
            acting, "directory.team_member_ended", on=member,
            details={"team": member.team_id, "practice_role": member.practice_role_id},
        )  # fmt: skip


# --- Territory ----------------------------------------------------------------------------------------------------------


def give_territory(acting: ActingLike, *, team: Team, communes: list[str], on: date | None = None) -> int:
    """The team looks after these communes from that day; whoever had them in the same structure stops the day before."""
    on = on or timezone.localdate()
    wanted = sorted({c.strip().upper() for c in communes if c.strip()})
    known = set(Commune.objects.filter(code__in=wanted).values_list("code", flat=True))
    if unknown := [c for c in wanted if c not in known]:
        raise Refused(_("Communes inconnues : %s.") % ", ".join(unknown[:10]), "unknown_commune")
    with transaction.atomic():
        # The structure's row orders two writers: the second one sees what the first gave.
        Organization.objects.select_for_update().get(pk=team.organization_id)
        if not Team.objects.open().filter(pk=team.pk).exists():
            raise Refused(_("Cette équipe est fermée."), "team_closed")
        held = {
            row.commune_code: row
            for row in TeamTerritory.objects.filter(
                organization_id=team.organization_id, commune_code__in=wanted, until_on=None
            )
        }
        given = 0
        for code in wanted:
            row = held.get(code)
            if row is not None and row.team_id == team.pk:
                continue
            if row is not None:
                _end_territory(row, on)
            TeamTerritory.objects.create(organization_id=team.organization_id, team=team, commune_code=code, from_on=on)
            given += 1
        if given:
            record(acting, "directory.territory_given", on=team, details={"communes": given})
    return given


def take_territory(acting: ActingLike, *, team: Team, communes: list[str], on: date | None = None) -> int:
    """The team no longer looks after these communes from that day."""
    on = on or timezone.localdate()
    with transaction.atomic():
        Organization.objects.select_for_update().get(pk=team.organization_id)
        rows = list(TeamTerritory.objects.filter(team=team, commune_code__in=communes, until_on=None))
        for row in rows:
            _end_territory(row, on)
        if rows:
            record(acting, "directory.territory_taken", on=team, details={"communes": len(rows)})
    return len(rows)


def _end_territory(row: TeamTerritory, on: date) -> None:
    """Given today and taken today: it never was. A future start that is taken back neither."""
    if row.from_on >= on:
        row.delete()
    else:
        TeamTerritory.objects.filter(pk=row.pk).update(until_on=on - timedelta(days=1))


def cover_team(
    acting: ActingLike, *, team: Team, covered_by: Team, from_on: date, until_on: date, reason: str = ""
) -> TeamCover:
    """While it is away, its territory's requests go to another team of the same structure."""
    if team.pk == covered_by.pk or team.organization_id != covered_by.organization_id:
        raise Refused(_("Choisissez une autre équipe de la même structure."), "cover_elsewhere")
    if until_on < from_on:
        raise Refused(_("La fin du remplacement précède son début."), "cover_dates")
    if team.closed_at or covered_by.closed_at:
        raise Refused(_("Cette équipe est fermée."), "team_closed")
    with transaction.atomic():
        cover = TeamCover(
            team=team, covered_by=covered_by, from_on=from_on, until_on=until_on, reason=" ".join(reason.split())[:200]
        )
        cover.save(force_insert=True)
        record(acting, "directory.team_covered", on=cover, details={"team": team.pk, "by": covered_by.pk})
    return cover


def end_cover(acting: ActingLike, *, cover: TeamCover) -> None:
    with transaction.atomic():
        if not TeamCover.objects.filter(pk=cover.pk, cancelled_at=None).update(cancelled_at=timezone.now()):
            raise Refused(_("Ce remplacement est déjà terminé."), "cover_ended")
        record(acting, "directory.team_cover_ended", on=cover, details={"team": cover.team_id})


# --- Corrections and reports --------------------------------------------------------------------------------------------


def correct(acting: ActingLike, entry: Entry, *, field: str, value: str) -> None:
    """Set a value right here. Imports keep it until the source says something new (imports/corrections.py)."""
    if field not in CORRECTABLE[type(entry)]:
        raise Refused(_("Ce champ se corrige à la source, pas ici."), "not_correctable")
    value = value.strip()
    limit = entry._meta.get_field(field).max_length
    if limit and len(value) > limit:
        raise Refused(_("Cette valeur est trop longue (%d caractères au plus).") % limit, "too_long")
    if not value and field in ("family", "name"):
        raise Refused(_("Un nom ne peut pas être vide."), "name_missing")
    with transaction.atomic():
        row = type(entry)._default_manager.select_for_update().get(pk=entry.pk)
        if getattr(row, field) == value:
            return
        earlier = row.corrections.get(field)
        source_says = earlier["source"] if earlier else getattr(row, field)
        corrections = {k: v for k, v in row.corrections.items() if k != field}
        if value != source_says and row.source != "manual":
            corrections[field] = {"value": value, "source": source_says}
        type(entry)._default_manager.filter(pk=entry.pk).update(
            **{field: value}, corrections=corrections, updated_at=timezone.now()
        )
        setattr(entry, field, value)
        entry.corrections = corrections
        record(acting, "directory.entry_corrected", on=entry, details={"field": field})


def report_error(acting: ActingLike, *, about: Entry, field: str, text: str, proposed: str = "") -> DirectoryReport:
    text, proposed = text.strip(), " ".join(proposed.split())
    if not text and not proposed:
        raise Refused(_("Dites ce qui est faux, ou ce qu’il faudrait lire."), "report_empty")
    if acting.user_id is None:
        raise Refused(_("Connectez-vous pour signaler une erreur."), "anonymous")
    target = {Practitioner: "practitioner", PracticeRole: "practice_role", Organization: "organization"}[type(about)]
    with transaction.atomic():
        report = DirectoryReport(
            field=field, text=text[:4000], proposed=proposed[:254], author_user_id=acting.user_id, **{target: about}
        )
        report.save(force_insert=True)
        record(acting, "directory.error_reported", on=report, kind=None, details={"field": field, "about": target})
    return report


def answer_report(
    acting: ActingLike, *, report: DirectoryReport, status: str, answer: str = "", value: str | None = None
) -> None:
    """Close the loop: the one who reported is told (reactions.py). `value`: what to write here, when it is corrected."""
    if status not in DirectoryReport.Status.values or status == DirectoryReport.Status.OPEN:
        raise Refused(_("Choisissez une suite."), "status")
    if status == DirectoryReport.Status.REFUSED and not answer.strip():
        raise Refused(_("Dites pourquoi le signalement reste sans suite."), "answer_missing")
    with transaction.atomic():
        closed = DirectoryReport.objects.filter(pk=report.pk, status=DirectoryReport.Status.OPEN).update(
            status=status, answer=answer.strip()[:4000], answered_by_user_id=acting.user_id, answered_at=timezone.now()
        )
        if not closed:
            raise Refused(_("Quelqu’un a déjà répondu à ce signalement."), "already_answered")
        field = FIELD_OF_REPORT.get(report.field)
        if status == DirectoryReport.Status.CORRECTED and value and field:
            target = report.target
            if field in CORRECTABLE[type(target)]:
                correct(acting, target, field=field, value=value)
        report.refresh_from_db()
        record(acting, "directory.report_answered", on=report, details={"status": status})
