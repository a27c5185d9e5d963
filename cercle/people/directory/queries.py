"""How the directory is read. Searches are bounded: an index for each way in, a limit on what comes out."""

import re
from datetime import date
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import ACos, Concat, Cos, Least, Radians, Sin
from django.utils import timezone

from cercle.base.common.text import name_key
from cercle.people.directory import geo, nomenclature

# The big cities' own codes cover their arrondissements.
CITIES = {"75056": "751", "13055": "132", "69123": "6938"}


def rotations(key: str) -> list[str]:
    """« claire le gall » is looked for as such, then « le gall claire », then « gall claire le »."""
    words = key.split()[:5]
    return [" ".join(words[i:] + words[:i]) for i in range(len(words))]


def starts_with(field: str, key: str) -> Q:
    found = Q()
    for text in rotations(key):
        # A half-open range rather than LIKE: the plain btree serves it under any plan.
        found |= Q(**{f"{field}__gte": text, f"{field}__lt": text + "\U0010ffff"})
    return found


def named(rows, field: str, key: str):
    """`rows` whose `field` begins with the words of `key` in any rotation, in order of name."""
    rows = rows.filter(starts_with(field, key))
    if " " not in key:
        return rows.order_by(field, "id")
    # Several ranges: the index finds them, then they are sorted. Asked for in its own order, it would be walked whole.
    return rows.order_by(Concat(field, Value(""), output_field=models.TextField()), "id")


class Near(models.QuerySet):
    """Rows with lat and lon."""

    def within(self, lat: float, lon: float, km: float):
        """Annotates `distance` (km), nearest first. The box uses the index, the arc decides."""
        south, north, west, east = geo.box(lat, lon, km)
        cosine = Sin(Radians(Value(lat))) * Sin(Radians("lat")) + Cos(Radians(Value(lat))) * Cos(Radians("lat")) * Cos(
            Radians(F("lon") - Value(lon))
        )
        return (
            self.filter(lat__range=(south, north), lon__range=(west, east))
            .annotate(distance=ACos(Least(cosine, Value(1.0))) * Value(geo.EARTH))
            .filter(distance__lte=km)
            .order_by("distance", "id")
        )

    def in_commune(self, code: str):
        if code in CITIES:
            return self.filter(commune_code__startswith=CITIES[code])
        return self.filter(commune_code=code)


class PractitionerQuerySet(models.QuerySet):
    def find(self, text: str, limit: int = 30) -> list:
        """By name, exact beginning first; by RPPS when eleven digits are given."""
        key = name_key(text)
        if not key:
            return []
        if key.isdigit():
            return list(self.filter(Q(rpps=key) | Q(adeli=key))[:1])
        found = list(named(self, "sort", key)[:limit])
        if not found and len(key) >= 4:
            order = {pk: rank for rank, pk in enumerate(misspelt("directory_practitioner", key, limit))}
            found = sorted(self.filter(pk__in=order), key=lambda p: order[p.pk])
        return found


class PracticeRoleQuerySet(Near):
    def open(self):
        return self.filter(ended_at=None)

    def with_names(self):
        return self.select_related("practitioner", "organization")

    def invitable(self):
        """Open situations of people that a national or local directory vouches for."""
        return self.open().filter(practitioner__is_external=False)

    def search(
        self,
        text: str = "",
        *,
        profession: str = "",
        specialty: str = "",
        commune: str = "",
        near: tuple[float, float] | None = None,
        km: float = 0,
        organization: Any = None,
        limit: int = 30,
    ) -> list:
        """Open situations, with person and structure. `profession`: "60" or "JDV_J48:41"; `commune`: its INSEE code.

        `near` (lat, lon) and `km` replace `commune`. At most four statements; misspellings are looked for only
        when no name begins so.
        """
        rows = self.open()
        if profession:
            system, _sep, code = profession.rpartition(":")
            rows = rows.filter(profession=code, **({"profession_system": system} if system else {}))
        if specialty:
            rows = rows.filter(specialty=specialty)
        if organization is not None:
            rows = rows.filter(organization=organization)
        key = name_key(text)
        if key.isdigit():
            return list(rows.with_names().filter(Q(practitioner__rpps=key) | Q(practitioner__adeli=key))[:limit])
        if near is not None and km > 0:
            return _first(rows.with_names(), key, near, km, limit, "directory_practitioner", "practitioner")
        narrow = bool(commune or organization is not None)
        if commune:
            rows = rows.in_commune(commune)
        rows = rows.with_names()
        if not key:
            return list(rows.order_by("practitioner__sort", "id")[:limit])
        if narrow:
            # The few people of a commune are read and compared: walking the index of names would meet all France.
            rows = rows.annotate(key=Concat("practitioner__sort", Value(""), output_field=models.TextField()))
            found = list(named(rows, "key", key)[:limit])
        else:
            found = list(named(rows, "practitioner__sort", key)[:limit])
        return found or _closest(rows, key, "directory_practitioner", "practitioner_id", limit)


class OrganizationQuerySet(Near):
    def open(self):
        return self.filter(Q(closed_on=None) | Q(closed_on__gt=models.functions.Now()))

    def of_kind(self, kind: str):
        """dac, cpts, hospital… (data/structure_kinds.csv)."""
        found = Q(category__in=nomenclature.categories_of(kind))
        if sectors := nomenclature.sectors_of(kind):
            found |= Q(category="", sector__in=sectors)
        return self.filter(found)

    def search(
        self,
        text: str = "",
        *,
        kind: str = "",
        commune: str = "",
        near: tuple[float, float] | None = None,
        km: float = 0,
        limit: int = 30,
    ) -> list:
        """Open structures by name, FINESS or SIRET, kind, commune or distance."""
        rows = self.open().select_related("parent")
        if kind:
            rows = rows.of_kind(kind)
        key = name_key(text)
        number = key.replace(" ", "").upper()
        if len(number) in (9, 14) and number[2:].isdigit():
            return list(rows.filter(Q(finess=number) | Q(siret=number))[:limit])
        if near is not None and km > 0:
            return _first(rows, key, near, km, limit, "directory_organization", "")
        if commune:
            rows = rows.in_commune(commune)
            rows = rows.annotate(key=Concat("sort", Value(""), output_field=models.TextField()))
        field = "key" if commune else "sort"
        if not key:
            return list(rows.order_by(field, "id")[:limit])
        found = list(named(rows, field, key)[:limit])
        return found or _closest(rows, key, "directory_organization", "pk", limit)


class CommuneQuerySet(models.QuerySet):
    def find(self, text: str, limit: int = 8) -> list:
        """Communes of a postal code, or whose name begins so; the most populated first, exact names before."""
        key = name_key(text)
        rows = self.filter(kind__in=["COM", "ARM"])
        if key.isdigit() and len(key) == 5:
            return list(
                rows.filter(postal_codes__contains=[key]).order_by(F("population").desc(nulls_last=True))[:limit]
            )
        if len(key) < 2 or key.isdigit():
            return []
        key = re.sub(r"^st(e?) ", r"saint\1 ", key)
        exact = models.Case(models.When(key=key, then=0), default=1)
        rows = rows.filter(key__gte=key, key__lt=key + "\U0010ffff")
        return list(rows.order_by(exact, F("population").desc(nulls_last=True), "code")[:limit])


class TeamQuerySet(models.QuerySet):
    def open(self):
        return self.filter(closed_at=None)


def team_for(organization_id: Any, commune_code: str, on: date | None = None) -> Any:
    """The open team that answers for a commune that day; the one that covers it while it is away; None if nobody does."""
    on = on or timezone.localdate()
    current = Q(from_on__lte=on) & (Q(until_on=None) | Q(until_on__gte=on))
    found = (
        apps.get_model("directory", "TeamTerritory")
        .objects.filter(current, organization_id=organization_id, commune_code=commune_code, team__closed_at=None)
        .select_related("team")
        .order_by("-from_on", "-id")
        .first()
    )
    return covering(found.team, on) if found else None


def covering(team: Any, on: date | None = None) -> Any:
    """Who answers for a team that day. A cover that is away too passes it on; two that cover each other keep it."""
    on = on or timezone.localdate()
    seen = {team.pk}
    while cover := (
        apps.get_model("directory", "TeamCover")
        .objects.filter(team=team, from_on__lte=on, until_on__gte=on, cancelled_at=None, covered_by__closed_at=None)
        .exclude(covered_by__in=seen)
        .select_related("covered_by")
        .order_by("-id")
        .first()
    ):
        team = cover.covered_by
        seen.add(team.pk)
    return team


def logo_of(organization_id: Any) -> Any:
    """The structure's logo (`sha256`, `media_type`: open it in the blobs), or None."""
    return apps.get_model("directory", "StructureLogo").objects.filter(pk=organization_id).first()


def _first(rows, key: str, near: tuple[float, float], km: float, limit: int, table: str, path: str) -> list:
    """The nearest ones. Around a big city a circle holds tens of thousands: a smaller one that is full says it all."""
    wanted = rows.filter(starts_with(f"{path}__sort" if path else "sort", key)) if key else rows
    for radius in (km,) if key else (km / 16, km / 4, km):
        # Keys first: joining people and structures to all that the circle holds would cost more than finding them.
        nearest = dict(wanted.within(*near, radius).values_list("pk", "distance")[:limit])
        if len(nearest) == limit:
            break
    if not nearest and key:
        return _closest(rows.within(*near, km), key, table, f"{path}_id" if path else "pk", limit)
    found = list(rows.filter(pk__in=nearest))
    for row in found:
        row.distance = nearest[row.pk]
    return sorted(found, key=lambda row: (row.distance, row.pk))


def _closest(rows, key: str, table: str, attribute: str, limit: int) -> list:
    """Rows whose name is close to `key`, the closest first; nothing for a key too short to be misspelt."""
    if len(key) < 4:
        return []
    order = {pk: rank for rank, pk in enumerate(misspelt(table, key, 50))}
    found = rows.filter(**{f"{attribute}__in": list(order)})
    return sorted(found, key=lambda row: order[getattr(row, attribute)])[:limit]


# Words that half of the structures share: alone, each would fetch the whole table.
COMMON = frozenset(
    "cabinet pharmacie ehpad centre hospitalier residence maison clinique scm selarl association docteur dr service sante de"
    " du des la le les l d infirmier medical".split()
)


def misspelt(table: str, key: str, limit: int) -> list:
    """Ids whose name holds words close to `key`, the closest first. One GIN scan."""
    key = " ".join(word for word in key.split() if word not in COMMON) or key
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL pg_trgm.word_similarity_threshold = 0.45"
        )  # « legal kervela » is 0.48 from Le Gall-Kervella
        cursor.execute(
            f"SELECT id, word_similarity(%s, sort) AS close FROM {table} WHERE %s <%% sort"
            " ORDER BY close DESC, sort LIMIT %s",
            [key, key, limit],
        )
        rows = cursor.fetchall()
    # Beside a good match, the bad ones are noise.
    return [pk for pk, close in rows if close >= 0.75 * rows[0][1]]
