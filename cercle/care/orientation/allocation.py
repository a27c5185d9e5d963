"""Whom a request is given to: the territory's team (directory), whoever is there (agenda), the least loaded of them."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from cercle.care.agenda.queries import absent
from cercle.care.coordination.models import CoordinationFile
from cercle.people.directory.models import Organization, PracticeRole, Team, TeamMember
from cercle.people.directory.queries import covering, team_for

from .models import OrientationRequest

# Coordonnateur de parcours, by function or by profession: who is given requests when no team answers.
COORDINATORS = Q(function="330") | Q(profession_system="JDV_J48", profession="309")


def team_of(request: OrientationRequest) -> Team | None:
    """The team that answers for it today: its own, or the one that covers it."""
    if request.team_id:
        return covering(request.team)
    return team_for(request.organization_id, request.commune_code) if request.commune_code else None


def coordinators(organization: Organization, team: Team | None = None) -> QuerySet:
    found = PracticeRole.objects.filter(organization=organization, ended_at=None).select_related("practitioner")
    if team is None:
        return found.filter(COORDINATORS)
    return found.filter(pk__in=TeamMember.objects.filter(team=team, ended_at=None).values("practice_role_id"))


def cover_of(role: PracticeRole) -> PracticeRole:
    """Who answers for her today. A cover who is away too passes it on; two who cover each other keep it."""
    seen = {role.pk}
    while away := absent([role.pk], timezone.localdate()).get(role.pk):
        if away.cover is None or away.cover.ended_at or away.cover_id in seen:
            break
        role = away.cover
        seen.add(role.pk)
    return role


def covered_by(role_id: UUID, colleagues: Iterable[UUID]) -> list[UUID]:
    """Those of her colleagues whom she stands in for today."""
    return [pk for pk, away in absent(colleagues, timezone.localdate()).items() if away.cover_id == role_id]


def least_loaded(organization: Organization, team: Team | None) -> PracticeRole | None:
    """Open requests count, then living files. Whoever is away is left out; when all are, who covers them is asked."""
    people = list(coordinators(organization, team))
    away = absent([r.pk for r in people], timezone.localdate())
    there = [r for r in people if r.pk not in away]
    if not there:
        covers = {c.pk: c for c in map(cover_of, people)}
        still_away = absent(covers, timezone.localdate())
        there = [c for pk, c in covers.items() if pk not in still_away]
    ids = [r.pk for r in there]
    asked = dict(
        OrientationRequest.objects.open()
        .filter(assigned_role__in=ids).values_list("assigned_role").annotate(n=Count("id"))
    )  # fmt: skip
    held = dict(
        CoordinationFile.objects.living()
        .filter(referent__in=ids).values_list("referent").annotate(n=Count("id"))
    )  # fmt: skip
    return min(there, key=lambda r: (asked.get(r.pk, 0), held.get(r.pk, 0), str(r.pk)), default=None)
