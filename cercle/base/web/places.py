"""What the frame shows and who provides it: apps register here from `AppConfig.ready`, the frame asks lazily.

    from cercle.base.web import places
    places.register(places.Place(key="patients", label=_("Mes patients"), short=_("Patients"), icon="users",
                                 url_name="record:patients", order=10, counter=unread_circles))

`web` imports no app above it: this registry is how they reach the frame. Nothing registered here runs before a
template asks, so a page without the frame pays nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

Count = Callable[[HttpRequest], int]
Test = Callable[[HttpRequest], bool]


@dataclass(frozen=True)
class Place:
    """One entry of the rail. Shown when its URL exists and `allowed` says so."""

    key: str
    label: Any
    icon: str
    url_name: str
    order: int
    short: Any = ""  # under the icon, on a phone
    counter: Count | None = None
    news: bool = True  # the counter is a filled bubble (things to read), not a grey figure
    allowed: Test | None = None
    on_phone: bool = False  # wants one of the bottom bar's places


@dataclass(frozen=True)
class NewThing:
    """One line behind the phone's « + » and in the palette: a verb."""

    key: str
    label: Any
    icon: str
    url_name: str
    order: int = 50
    allowed: Test | None = None


@dataclass(frozen=True)
class Choice:
    """One context of exercise that can be taken; `url` receives a POST with `value` under the name `context`."""

    value: str
    label: str
    detail: str = ""
    current: bool = False


@dataclass
class Person:
    """Who is signed in, acting as whom."""

    name: str
    initials: str
    tint: str = ""
    detail: str = ""  # « Infirmière libérale · Cabinet de la Madeleine »
    choices: list[Choice] = field(default_factory=list)
    switch_url: str = ""
    links: list[tuple[str, str, str]] = field(default_factory=list)  # (icon, label, url): « Mon compte »…
    sign_out_url: str = ""


_places: dict[str, Place] = {}
_new: dict[str, NewThing] = {}
_links: list[tuple[int, str, Any, str]] = []
_hooks: dict[str, Any] = {}


def register(place: Place) -> None:
    _places[place.key] = place


def register_new(thing: NewThing) -> None:
    _new[thing.key] = thing


def register_person(person: Callable[[HttpRequest], Person | None]) -> None:
    """Accounts say who is acting."""
    _hooks["person"] = person


def register_link(icon: str, label: Any, url_name: str, order: int = 50) -> None:
    """One more line of the person's menu, after those that accounts give."""
    if (order, icon, label, url_name) not in _links:
        _links.append((order, icon, label, url_name))


def person_links() -> list[tuple[str, Any, str]]:
    return [(i, label, address(name)) for _order, i, label, name in sorted(_links, key=lambda x: x[0]) if address(name)]


def register_bell(count: Count, url_name: str) -> None:
    """Notifications' counter and the URL of its panel."""
    _hooks["bell"] = (count, url_name)


def register_palette(url_name: str) -> None:
    """URL of the Ctrl K results: GET ?q=…, answers `role=option` lines (see README)."""
    _hooks["palette"] = url_name


def register_help(url_name: str) -> None:
    _hooks["help"] = url_name


def register_demo(is_demo: Callable[[], bool]) -> None:
    """Says whether this database is a demonstration: opens `/style/`."""
    _hooks["demo"] = is_demo


def hook(name: str):
    return _hooks.get(name)


def address(url_name: str) -> str:
    """The URL, or "" when no app has it (yet)."""
    try:
        return reverse(url_name) if url_name else ""
    except NoReverseMatch:
        return ""


@dataclass
class Shown:
    key: str
    label: Any
    short: Any
    icon: str
    url: str
    news: bool
    on_phone: bool
    here: bool
    _counter: Count | None
    _request: HttpRequest

    @property
    def count(self) -> int:
        if self._counter is None:
            return 0
        cached = self._request.__dict__.setdefault("_place_counts", {})
        if self.key not in cached:
            cached[self.key] = self._counter(self._request)
        return cached[self.key]


def of(request: HttpRequest) -> list[Shown]:
    """The places of this request, in order; `here` on the one whose address begins the current one."""
    shown = []
    for place in sorted(_places.values(), key=lambda p: p.order):
        url = address(place.url_name)
        if url and (place.allowed is None or place.allowed(request)):
            shown.append(
                Shown(
                    place.key,
                    place.label,
                    place.short or place.label,
                    place.icon,
                    url,
                    place.news,
                    place.on_phone,
                    False,
                    place.counter,
                    request,
                )  # fmt: skip
            )
    inside = [s for s in shown if request.path.startswith(s.url)]
    if inside:
        max(inside, key=lambda s: len(s.url)).here = True
    return shown


def new_things(request: HttpRequest) -> list[dict]:
    return [
        {"label": t.label, "icon": t.icon, "url": address(t.url_name)}
        for t in sorted(_new.values(), key=lambda t: t.order)
        if address(t.url_name) and (t.allowed is None or t.allowed(request))
    ]
