"""Who calls, and what that lets through: scopes × circles × rights matrix × visibility, by the same gates as the screens."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import record
from cercle.base.common.errors import Refused
from cercle.people.accounts.models import ApiClient
from cercle.people.circles import rights
from cercle.people.circles.access import Acting, Viewer, in_force, reach_as_feed
from cercle.people.circles.models import Circle, Member, Opposition
from cercle.people.circles.vocabulary import Ground, Reader

from .models import Token

SCOPE = re.compile(r"(system|user|patient)/(\*|[A-Z][A-Za-z]+)\.(\*|read|write|c?r?u?d?s?)")
LETTERS = {"read": "rs", "write": "cud", "*": "cruds"}
LASTS = timedelta(hours=1)


def viewer_of(client: ApiClient) -> Viewer:
    return Viewer(
        user_id=None, organization_id=client.organization_id, actor_name=client.name, actor_role="connecteur", source="fhir",
        ground=str(Ground.FEED),
    )  # fmt: skip


@dataclass
class Access:
    """One call of one machine."""

    client: ApiClient
    scopes: dict[str, str]  # type or "*" to letters of c r u d s
    _acting: dict[UUID, Acting | None] = field(default_factory=dict)

    @property
    def viewer(self) -> Viewer:
        return viewer_of(self.client)

    @property
    def profile(self) -> rights.Profile:
        return rights.current().profiles["connector"]

    def may(self, type_: str, letter: str) -> bool:
        return letter in self.scopes.get(type_, "") or letter in self.scopes.get("*", "")

    def acting(self, circle_id: UUID) -> Acting | None:
        if circle_id not in self._acting:
            self._acting[circle_id] = reach_as_feed(self.client, circle_id, source="fhir")
        return self._acting[circle_id]

    def forget(self, circle_id: UUID) -> None:
        """What it is there has just changed."""
        self._acting.pop(circle_id, None)

    def circles(self):
        """Circles where this machine is a member, and which did not refuse its structure as a whole."""
        refused = Opposition.objects.active().filter(
            self.viewer.opposed(), circle=OuterRef("circle_id"), category="", target_id=None
        )
        return Member.objects.filter(in_force(), ~Exists(refused), api_client=self.client).values("circle_id")

    def in_circles(self, name: str = "circle") -> Q:
        """Rows of its circles, and of the files brought together with them."""
        crossed = Circle.objects.filter(canon_id__in=self.circles(), crossed_at__isnull=False).values("pk")
        return Q(**{f"{name}_id__in": self.circles()}) | Q(**{f"{name}_id__in": crossed})

    def clinical(self) -> Q:
        """`visible_rows` over all its circles: a property test holds the two together."""
        named = Opposition.objects.active().filter(self.viewer.opposed(), circle=OuterRef("circle_id"))
        return (
            self.in_circles()
            & Q(hidden__clear_of=int(Reader.CONNECTOR), category__in=self.profile.readable)
            & ~Exists(named.filter(category=OuterRef("category"), target_id=None))
            & ~Exists(named.filter(target_id=OuterRef("pk")))
        )


def read_scope(said: str) -> dict[str, str]:
    """Raises Refused. « patient/ » and « user/ » need a person: a machine alone holds « system/ »."""
    found: dict[str, str] = {}
    for word in said.split():
        match = SCOPE.fullmatch(word.partition("?")[0])
        if match is None or match[1] != "system" or not match[3]:
            raise Refused(_("Cette portée n’est pas comprise : %(scope)s.") % {"scope": word[:60]}, "scope")
        found[match[2]] = "".join(sorted(set(found.get(match[2], "") + LETTERS.get(match[3], match[3]))))
    if not found:
        raise Refused(_("Donnez au moins une portée, par exemple « system/*.cruds »."), "scope")
    return found


def make_token(client: ApiClient, *, scope: str, lasts: timedelta = LASTS) -> str:
    """The bearer token; it is never shown again."""
    read_scope(scope)
    said = secrets.token_urlsafe(32)
    with transaction.atomic():
        row = Token.objects.create(client=client, sha256=_hash(said), scope=scope, expires_at=timezone.now() + lasts)
        record(viewer_of(client), "fhir.token_made", on=row, details={"scope": scope[:200]})
    return said


def open_door(said: str) -> Access | None:
    """None when the token is forged, over, revoked, or its machine is switched off."""
    now = timezone.now()
    row = (
        Token.objects.select_related("client__organization")
        .filter(sha256=_hash(said), revoked_at=None, expires_at__gt=now, client__active=True)
        .first()
    )
    if row is None or (row.client.until and row.client.until <= now):
        return None
    return Access(row.client, read_scope(row.scope))


def _hash(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()
