"""What each resource type can do: its rows, its search parameters, how it is written. Everything the door says of itself comes
from here: routes, CapabilityStatement, conformance page."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from .access import Access
from .models import Kept, Link
from .search import Param, as_uuid
from .shape import Node

BASE = "/fhir"


class Type(ABC):
    """One resource type, backed by rows of ours. A subclass says the rows this caller may see, and nothing else is reachable."""

    name: str
    row_label = ""  # "patients.patient": how Link names the row
    params: dict[str, Param] = {}
    includes: tuple[str, ...] = ()  # parameters of kind reference
    sorts: dict[str, str] = {}  # parameter to column
    interactions = "rs"  # r s, v h (vread, history), c u d
    profiles: tuple[str, ...] = ()
    aside: "Type | None" = None  # the same type, as kept from its sender

    @abstractmethod
    def rows(self, access: Access) -> QuerySet: ...

    @abstractmethod
    def write(self, access: Access, rows: Sequence[Any]) -> list[Node]:
        """In the order given; a constant number of statements."""

    def both(self) -> "list[Type]":
        return [self, self.aside] if self.aside else [self]

    @abstractmethod
    def references(self, node: Node, param: str) -> list[str]:
        """« Type/id » that an `_include` of this parameter brings."""

    def known_id(self, access: Access, said: str) -> UUID | None:
        """Our id for the id that the caller uses: ours, or her own name of what she sent."""
        if found := as_uuid(said):
            if self.row_label and (mine := self._named(access, said)):
                return mine
            return found
        return self._named(access, said)

    def _named(self, access: Access, said: str) -> UUID | None:
        if not self.row_label:
            return None
        links = Link.objects.filter(client=access.client, ref=f"{self.name}/{said}"[:300], target_type=self.row_label)
        return links.order_by("-received__received_at", "-pk").values_list("target_id", flat=True).first()

    @abstractmethod
    def history(self, access: Access, row: Any) -> list[tuple[int, datetime, Node]]:
        """(version, when, resource), the newest first, with today's rights."""


TYPES: dict[str, Type] = {}


def register(type_: Type) -> Type:
    TYPES[type_.name] = type_
    return type_


def kept_beside(name: str, ids: Sequence[UUID]) -> dict[UUID, Kept]:
    return {k.pk: k for k in Kept.objects.filter(pk__in=ids, type=name, alone=False)}


def meta(version: int, at: datetime, *profiles: str) -> Node:
    found: Node = {"versionId": str(version), "lastUpdated": instant(at)}
    if profiles:
        found["profile"] = list(profiles)
    return found


def instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def lean(node: Node) -> Node:
    """Without what is empty: FHIR has no empty element."""
    return {k: v for k, v in node.items() if v not in (None, "", [], {})}


def coded(system: str, code: str, display: str = "", text: str = "") -> Node:
    coding = lean({"system": system, "code": code, "display": display})
    return lean({"coding": [coding] if code else [], "text": text})


NOS = "https://mos.esante.gouv.fr/NOS"
FRC = "https://hl7.fr/ig/fhir/core"


def nos(table: str, name: str) -> str:
    """The address of a national code table: nos("TRE_R13", "Commune")."""
    return f"{NOS}/{table}-{name}/FHIR/{table.replace('_', '-')}-{name}"
