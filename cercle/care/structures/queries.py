"""What the pages of a structure show."""

from django.db.models import Count, F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.care.coordination.models import Handover
from cercle.people.circles import rights
from cercle.people.circles.desks import AT_DESK, DeskRight, is_dac
from cercle.people.directory.models import Commune, Organization, PracticeRole, TeamCover, TeamTerritory

from . import map
from .forms import DAYS
from .models import StructureInfo

GROUPS = 6  # tints of the map


def info_of(organization: Organization) -> StructureInfo:
    nothing = StructureInfo(organization=organization, presentation="", hours={}, hours_note="", changed_by="")
    return StructureInfo.objects.filter(pk=organization.pk).first() or nothing


def hours_said(spans: list) -> str:
    """« 9 h à 12 h 30, 14 h à 17 h »."""

    def hour(text: str) -> str:
        h, m = text.split(":")
        return f"{int(h)}\u00a0h" + ("" if m == "00" else f"\u00a0{m}")

    return ", ".join(_("%(a)s\u00a0à\u00a0%(b)s") % {"a": hour(a), "b": hour(b)} for a, b in spans)


def week(info: StructureInfo) -> list[tuple[str, str]]:
    return [(str(word), hours_said(info.hours.get(str(day), []))) for day, word in enumerate(DAYS)]


def teams_of(organization: Organization) -> list:
    """Open teams with who is in them, how many communes and inhabitants they answer for, and who covers them today."""
    teams = list(organization.teams.open().order_by("name"))
    held: dict = {}
    for row in territory_of(organization):
        held.setdefault(row.team_id, []).append(row)
    today = timezone.localdate()
    covers = {
        c.team_id: c
        for c in TeamCover.objects.filter(
            team__in=teams, cancelled_at=None, from_on__lte=today, until_on__gte=today
        ).select_related("covered_by")
    }
    people: dict = {}
    for role in (
        PracticeRole.objects.open()
        .filter(team_memberships__team__in=teams, team_memberships__ended_at=None)
        .annotate(in_team=F("team_memberships__team_id"))
        .select_related("practitioner")
        .order_by("practitioner__sort")
    ):
        people.setdefault(role.in_team, []).append(role)
    for group, team in enumerate(teams):
        team.group = group % GROUPS
        team.people = people.get(team.pk, [])
        team.communes = held.get(team.pk, [])
        team.population = sum(row.commune.population or 0 for row in team.communes if row.commune)
        team.cover = covers.get(team.pk)
    return teams


def territory_of(organization: Organization) -> list[TeamTerritory]:
    """What is looked after today, each with its `commune` (None when the code left the national list)."""
    today = timezone.localdate()
    rows = list(
        TeamTerritory.objects.filter(organization=organization, from_on__lte=today, team__closed_at=None)
        .filter(Q(until_on=None) | Q(until_on__gte=today))
        .select_related("team")
    )
    known = {c.code: c for c in Commune.objects.filter(kind="COM", code__in={row.commune_code for row in rows})}
    for row in rows:
        row.commune = known.get(row.commune_code)
    return sorted(rows, key=lambda row: row.commune.key if row.commune else row.commune_code)


def territory_map(teams: list):
    return map.draw(
        (
            row.commune.lat, row.commune.lon, row.commune.population or 0, row.commune.name,
            _("%(commune)s : %(team)s") % {"commune": row.commune.name, "team": team.name}, team.group,
        )
        for team in teams for row in team.communes if row.commune
    )  # fmt: skip


def staff_of(organization: Organization) -> list[PracticeRole]:
    """Who works here today: account, teams, what one may do for the structure."""
    roles = list(
        organization.roles.open().select_related("practitioner__user").order_by("practitioner__sort", "id")[:500]
    )
    admins = set(organization.administrators.open().values_list("user_id", flat=True))
    names: dict = {}
    for role_id, name in (
        organization.teams.open().filter(members__ended_at=None).values_list("members__practice_role_id", "name")
    ):
        names.setdefault(role_id, []).append(name)
    table, dac = rights.current(), is_dac(organization)
    for role in roles:
        role.account = getattr(role.practitioner, "user", None)
        role.is_admin = role.account is not None and role.account.pk in admins
        role.team_names = sorted(names.get(role.pk, []))
        may = set()
        profile = table.profile_of(role.profession_system, role.profession).code
        if dac and profile in AT_DESK:
            may |= {DeskRight.DESK, DeskRight.FILES}
            if profile == "coordination":
                may.add(DeskRight.STEERING)
        if role.is_admin:
            may |= {DeskRight.STRUCTURE, DeskRight.STEERING}
        role.may = [right.label for right in DeskRight if right in may]
    return roles


def left(organization: Organization) -> list[PracticeRole]:
    """Who no longer works here, the latest first."""
    return list(
        PracticeRole.objects.filter(organization=organization, ended_at__isnull=False)
        .select_related("practitioner")
        .order_by("-ended_at", "id")[:50]
    )


def delegations(organization: Organization) -> list[Handover]:
    """Caseloads that someone holds for someone else, until when."""
    return list(
        Handover.objects.filter(organization=organization, ended_at=None, until__isnull=False)
        .select_related("from_role__practitioner", "to_role__practitioner")
        .annotate(files=Count("lines", filter=Q(lines__kept="", lines__given_back_at=None)))
        .order_by("until", "id")
    )


def region_structures() -> list[Organization]:
    """The structures that live in Cercle: those with a team, an administrator or an account."""
    rows = Organization.objects.filter(
        Q(administrators__until__isnull=True, administrators__isnull=False) | Q(teams__closed_at=None, teams__isnull=False)
        | Q(invitations__makes_admin=True)
    )  # fmt: skip
    return list(
        Organization.objects.filter(pk__in=rows.values("pk"))
        .annotate(
            admins=Count("administrators", Q(administrators__until__isnull=True), distinct=True),
            team_count=Count("teams", Q(teams__closed_at=None), distinct=True),
            people=Count("roles", Q(roles__ended_at=None), distinct=True),
            invited=Count("invitations", Q(invitations__accepted_at=None, invitations__cancelled_at=None), distinct=True),
        )
        .order_by("sort")[:300]
    )  # fmt: skip
