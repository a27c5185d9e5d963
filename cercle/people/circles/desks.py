"""Gates of a structure's own work: a DAC's desk before any circle exists, its own files, its information, its figures.

`enter_desk()` answers 404 to whoever does not work there in her current context of exercise, 403 to the wrong role, and gives
a `Desk`: who, in which practice, in which structure. A row of another structure is reached by giving its `organization_id`.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404
from django.utils.translation import gettext_lazy as _

from cercle.base.audit.record import Kind, record
from cercle.people.accounts.models import StructureAdmin
from cercle.people.directory.models import Organization, PracticeRole

from . import rights
from .access import Viewer, viewer_of
from .models import Opposition
from .vocabulary import Ground

# TRE_R66-CategorieEtablissement: dispositif d’appui à la coordination.
DAC = "606"
# Profiles of the rights matrix that work at a desk; a profession outside R1110-2 never does (rule 2).
AT_DESK = frozenset({"coordination", "social", "nurse", "prescriber", "psychologist", "therapist"})


class DeskRight(models.TextChoices):
    DESK = "desk", _("tenir le guichet")
    FILES = "files", _("tenir des dossiers de coordination")
    STRUCTURE = "structure", _("tenir les informations de la structure")
    STEERING = "steering", _("lire les chiffres de la structure")


@dataclass(frozen=True, slots=True)
class Desk:
    """One person at work for one structure; an `ActingLike` for the journal."""

    viewer: Viewer
    organization: Organization
    rights: frozenset[str]
    ground: str = str(Ground.DESK)
    circle_id: uuid.UUID | None = None
    opening: uuid.UUID | None = None

    user_id = property(lambda self: self.viewer.user_id)
    user = property(lambda self: self.viewer.user)
    practice_role_id = property(lambda self: self.viewer.practice_role_id)
    practice_role = property(lambda self: self.viewer.practice_role)
    organization_id = property(lambda self: self.organization.pk)
    actor_name = property(lambda self: self.viewer.actor_name)
    actor_role = property(lambda self: self.viewer.actor_role)
    source = property(lambda self: self.viewer.source)

    def may(self, right: str) -> bool:
        return right in self.rights


def desk_of(viewer: Viewer) -> Desk | None:
    """The structure of the current context and what one may do for it; None without structure or right. One statement at most."""
    role = viewer.practice_role
    if role is None or role.organization_id is None or viewer.user is None:
        return None
    held: set[str] = set()
    if holds_files(role):
        held |= {DeskRight.DESK, DeskRight.FILES}
        if viewer.profile == "coordination":
            held.add(DeskRight.STEERING)
    admin = StructureAdmin.objects.open().filter(user_id=viewer.user_id, organization_id=role.organization_id)
    if admin.exists():
        held |= {DeskRight.STRUCTURE, DeskRight.STEERING}
    return Desk(viewer=viewer, organization=role.organization, rights=frozenset(held)) if held else None


def desk(request) -> Desk | None:
    """`desk_of` the signed-in person, once a request."""
    if not hasattr(request, "_desk"):
        request._desk = desk_of(viewer_of(request)) if request.user.is_authenticated else None
    return request._desk


def is_dac(organization: Organization) -> bool:
    return organization.category == DAC


def holds_files(role: PracticeRole) -> bool:
    """This colleague may be a referent: she has the right to the structure's files (`desk_of`)."""
    profile = rights.current().profile_of(role.profession_system, role.profession)
    return role.organization_id is not None and is_dac(role.organization) and profile.code in AT_DESK


def enter_desk(request, right: str, *, organization_id: Any = None) -> Desk:
    """The gate. `organization_id` is that of the row one wants: another structure's row does not exist."""
    found = desk(request)
    if found is None or (organization_id is not None and organization_id != found.organization.pk):
        raise Http404
    if not found.may(right):
        record(found, "circles.refused", kind=Kind.READ, details={"permission": str(right)}, outcome="refused")
        raise PermissionDenied
    return found


def opposed_circles(found: Desk) -> models.QuerySet:
    """Ids of the circles whose person refused this professional, this structure or this profession as a whole (rule 4).

    The structure's own files about her stay kept, and are not shown: lists exclude these ids, gates answer 404.
    """
    return (
        Opposition.objects.active()
        .filter(found.viewer.opposed(), category="", target_id=None)
        .values_list("circle_id", flat=True)
    )
