"""The members of a circle as screens show them: a face, a word under it, a label after the name."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cercle.base.common.prepared import prepared
from cercle.people.directory import light
from cercle.people.directory.models import TeamMember
from cercle.people.patients.names import title
from cercle.people.patients.relationships import Relationship

from . import rights
from .access import Acting, oppositions_of
from .models import Opposition
from .vocabulary import MemberKind


@dataclass(slots=True)
class Face:
    """One member as the page shows her."""

    pk: UUID
    kind: str
    profile: str
    mask: int
    started_at: datetime
    until: datetime | None
    role: str  # in this circle: « Médecin traitant »
    practice_role_id: UUID | None
    team_id: UUID | None
    user_id: UUID | None
    name: str = ""
    initials: str = ""
    tint: str = "proche"
    word: str = ""  # under the face: « IDEL », « Fille »
    label: str = ""  # after the name: « infirmière libérale »
    place: str = ""  # where she works
    place_id: UUID | None = None
    practitioner_id: UUID | None = None
    profession: str = ""
    profession_system: str = ""
    users: tuple[UUID, ...] = ()
    phone: str = ""
    email: str = ""
    is_me: bool = False
    readable: frozenset[str] = frozenset()
    refused: frozenset[UUID] = frozenset()  # notes and documents that the person keeps from her


SHORT = {
    "prescriber": "Méd.", "nurse": "IDEL", "pharmacist": "Pharm.", "therapist": "Soin", "psychologist": "Psy.",
    "coordination": "DAC", "social": "Social", "home_care": "SAAD", "person": "La personne", "legal_rep": "Tuteur",
    "carer": "Proche", "volunteer": "Voisin", "connector": "Logiciel", "other_pro": "Autre",
}  # fmt: skip
PROFESSION_SHORT = {"70": "Kiné", "91": "Ortho.", "50": "SF", "80": "Pédic.", "94": "Ergo.", "95": "Diét.", "35": "AS"}


# One statement for all kinds of members; hand-written because every page of a patient asks it (directory/light.py).
MEMBERS = f"""
SELECT m.id, m.kind, m.profile, m.reader_mask, m.started_at, m.until, m.role, m.practice_role_id, m.team_id, m.user_id,
  {light.COLUMNS}, {light.ORGANIZATION_COLUMNS}, u.id, w.phone, coalesce(nullif(w.mss, ''), w.email), t.name,
  c.family, c.given, c.relationship, c.phone, k.name
FROM circles_member m
  LEFT JOIN directory_practicerole w ON w.id = m.practice_role_id
  LEFT JOIN directory_practitioner p ON p.id = w.practitioner_id
  LEFT JOIN accounts_user u ON u.practitioner_id = p.id
  LEFT JOIN directory_team t ON t.id = m.team_id
  LEFT JOIN directory_organization o ON o.id = coalesce(w.organization_id, t.organization_id)
  LEFT JOIN patients_contact c ON c.id = m.contact_id
  LEFT JOIN accounts_apiclient k ON k.id = m.api_client_id
WHERE m.circle_id = %s AND m.ended_at IS NULL AND m.started_at <= statement_timestamp()
  AND (m.until IS NULL OR m.until > statement_timestamp())
ORDER BY m.started_at, m.id
"""


def faces(acting: Acting) -> list[Face]:
    """The open members, in the order in which they joined; one statement, one more when teams are members."""
    with prepared() as cursor:
        cursor.execute(MEMBERS, [acting.circle_id])
        rows = cursor.fetchall()
    in_teams: dict[UUID, list[UUID]] = defaultdict(list)
    teams = [row[8] for row in rows if row[8]]
    if teams:
        found = TeamMember.objects.filter(
            team_id__in=teams, ended_at=None, practice_role__practitioner__user__isnull=False
        )
        for team_id, user_id in found.values_list("team_id", "practice_role__practitioner__user"):
            in_teams[team_id].append(user_id)
    profiles = rights.current().profiles
    me = acting.member.pk if acting.member else None
    refusals = oppositions_of(acting.circle)
    shown = []
    for row in rows:
        face = Face(*row[:10])
        rest = row[10:]
        place = rest[light.WIDTH : light.WIDTH + light.ORGANIZATION_WIDTH]
        user_id, phone, email, team, family, given, relationship, contact_phone, client = rest[
            light.WIDTH + light.ORGANIZATION_WIDTH :
        ]
        organization = light.LightOrganization(*place) if place[0] else None
        if organization:
            face.place, face.place_id = organization.display_name, organization.pk
        if face.kind == MemberKind.PRACTICE_ROLE:
            role = light.LightRole(*rest[: light.WIDTH])
            face.name, face.initials, face.tint = role.practitioner.display_name, role.practitioner.initials, role.tint
            face.label, face.profession, face.practitioner_id = role.short_label, role.profession, role.practitioner.pk
            face.profession_system = role.profession_system
            face.users, face.phone, face.email = (user_id,) if user_id else (), phone, email
            face.word = _word(face, organization)
        elif face.kind == MemberKind.TEAM:
            face.name, face.tint, face.word, face.label, face.phone = (
                team,
                organization.tint,
                "Équipe",
                face.place,
                organization.phone,
            )
            face.initials = "".join(w[0] for w in face.place.split()[:2]).upper()
            face.users = tuple(in_teams[face.team_id])
        elif face.kind == MemberKind.RELATIVE:
            known = relationship in Relationship.values
            face.word = str(Relationship(relationship).label) if known else SHORT.get(face.profile, "")
            face.name, face.label, face.phone = (
                f"{title(given)} {title(family)}".strip(),
                face.word.lower(),
                contact_phone,
            )
            face.initials, face.users = (given[:1] + family[:1]).upper(), (face.user_id,) if face.user_id else ()
        elif face.kind == MemberKind.PATIENT:
            identity = acting.patient.identity
            face.name, face.word = identity.full_name, SHORT["person"]
            face.initials, face.users = (
                (identity.given[:1] + identity.family[:1]).upper(),
                (face.user_id,) if face.user_id else (),
            )
        else:
            face.name, face.initials, face.tint, face.word, face.label = (
                client,
                client[:2].upper(),
                "hosp",
                SHORT["connector"],
                "logiciel raccordé",
            )
        face.readable = profiles[face.profile].readable
        for row in refusals:
            if _is_named(row, face):
                if row.target_id:
                    face.refused |= {row.target_id}
                else:
                    face.readable -= {row.category} if row.category else face.readable
        face.is_me = face.pk == me
        shown.append(face)
    return shown


def _is_named(row: Opposition, face: Face) -> bool:
    """Who is refused, as access.Viewer.is_opposed_by says it; a team goes with its structure."""
    return bool(
        (row.user_id and row.user_id in face.users)
        or (row.practitioner_id and row.practitioner_id == face.practitioner_id)
        or (row.organization_id and row.organization_id == face.place_id)
        or (row.profession and row.profession == f"{face.profession_system}:{face.profession}")
    )


def _word(face: Face, organization) -> str:
    if organization and organization.kind == "hospital":
        return "CH"
    if face.profile == "prescriber" and face.profession == "10":
        return "MT" if face.role.lower().startswith("médecin traitant") else "Méd."
    return PROFESSION_SHORT.get(face.profession) or SHORT.get(face.profile, "")
