"""The members of a circle as screens show them: a face, a word under it, a label after the name."""

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from cercle.people.directory.models import TeamMember
from cercle.people.patients.relationships import Relationship

from . import rights
from .access import Acting, in_force
from .models import Member
from .vocabulary import MemberKind


@dataclass(slots=True)
class Face:
    """One member as the page shows her."""

    member: Member
    name: str
    initials: str
    tint: str
    word: str  # under the face: « IDEL », « Fille »
    label: str  # after the name: « infirmière libérale »
    profile: str
    mask: int
    users: tuple[UUID, ...]
    phone: str = ""
    email: str = ""
    is_me: bool = False
    readable: frozenset[str] = frozenset()


SHORT = {
    "prescriber": "Méd.", "nurse": "IDEL", "pharmacist": "Pharm.", "therapist": "Soin", "psychologist": "Psy.",
    "coordination": "DAC", "social": "Social", "home_care": "SAAD", "person": "La personne", "legal_rep": "Tuteur",
    "carer": "Proche", "volunteer": "Voisin", "connector": "Logiciel", "other_pro": "Autre",
}  # fmt: skip
PROFESSION_SHORT = {"70": "Kiné", "91": "Ortho.", "50": "SF", "80": "Pédic.", "94": "Ergo.", "95": "Diét.", "35": "AS"}


def faces(acting: Acting) -> list[Face]:
    """The open members of the circle, in the order in which they joined; one statement, one more when teams are members."""
    members = list(
        Member.objects.filter(in_force(), circle_id=acting.circle_id)
        .select_related(
            "practice_role__practitioner__user",
            "practice_role__organization",
            "team__organization",
            "contact",
            "api_client",
            "user",
        )
        .order_by("started_at", "id")
    )
    teams = [m.team_id for m in members if m.team_id]
    in_teams: dict[UUID, list[UUID]] = defaultdict(list)
    if teams:
        rows = TeamMember.objects.filter(team_id__in=teams, ended_at=None).values_list(
            "team_id", "practice_role__practitioner__user"
        )
        for team_id, user_id in rows:
            if user_id:
                in_teams[team_id].append(user_id)
    matrix = rights.current()
    shown = []
    for m in members:
        readable = matrix.profiles[m.profile].readable
        if m.kind == MemberKind.PRACTICE_ROLE:
            role = m.practice_role
            person = role.practitioner
            user = getattr(person, "user", None)
            word = PROFESSION_SHORT.get(role.profession) or SHORT.get(m.profile, "")
            if m.profile == "prescriber" and role.profession == "10":
                word = "MT" if m.role.lower().startswith("médecin traitant") else "Méd."
            if role.organization_id and role.organization.kind == "hospital":
                word = "CH"
            face = Face(
                m, person.display_name, person.initials, role.tint, word, role.short_label, m.profile, m.reader_mask,
                (user.pk,) if user else (), role.phone, role.mss or role.email,
            )  # fmt: skip
        elif m.kind == MemberKind.TEAM:
            name = m.team.name
            initials = "".join(w[0] for w in m.team.organization.display_name.split()[:2]).upper()
            face = Face(
                m, name, initials, m.team.organization.tint, "Équipe", m.team.organization.display_name, m.profile, m.reader_mask,
                tuple(in_teams[m.team_id]), m.team.organization.phone,
            )  # fmt: skip
        elif m.kind == MemberKind.RELATIVE:
            known = m.contact.relationship in Relationship.values
            word = str(Relationship(m.contact.relationship).label) if known else SHORT.get(m.profile, "")
            face = Face(
                m, m.contact.full_name, (m.contact.given[:1] + m.contact.family[:1]).upper(), "proche", word, word.lower(), m.profile,
                m.reader_mask, (m.user_id,) if m.user_id else (), m.contact.phone,
            )  # fmt: skip
        elif m.kind == MemberKind.PATIENT:
            identity = acting.patient.identity
            face = Face(
                m, identity.full_name, (identity.given[:1] + identity.family[:1]).upper(), "proche", SHORT["person"], "", m.profile,
                m.reader_mask, (m.user_id,) if m.user_id else (),
            )  # fmt: skip
        else:
            face = Face(
                m, m.api_client.name, "↔", "hosp", SHORT["connector"], "logiciel raccordé", m.profile, m.reader_mask, ()
            )
            face.initials = m.api_client.name[:2].upper()
        face.readable = readable
        face.is_me = acting.member is not None and m.pk == acting.member.pk
        shown.append(face)
    return shown
