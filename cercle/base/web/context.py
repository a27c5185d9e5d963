"""The one context processor of the frame: costs nothing until a template asks."""

from functools import cached_property

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language

from cercle.base.web import french, live
from cercle.base.web import places as registry
from cercle.base.web.places import Person, Shown

THEMES = ("light", "dark")


class Frame:
    """What rail, top bar and bottom bar show. Each property asks its provider once per request."""

    def __init__(self, request: HttpRequest):
        self.request = request

    @property
    def region(self) -> str:
        return settings.SITE_NAME

    @property
    def theme(self) -> str:
        """ "" follows the system; the cookie `theme` holds the person's choice."""
        chosen = self.request.COOKIES.get("theme", "")
        return chosen if chosen in THEMES else ""

    @property
    def fresh_at(self) -> str:
        return french.hour(timezone.now())

    @cached_property
    def signature(self) -> tuple:
        """All that rail, top bar and bottom bar depend on: while it is the same, so is their HTML (the tag `kept`)."""
        places = tuple((p.key, p.count, p.here) for p in self.places)
        person = self.person
        who = (person.name, person.detail) if person else ()
        session = getattr(self.request, "session", None)
        minute = int(timezone.now().timestamp() // 60)
        return (
            session.session_key if session else "",
            get_language(),
            self.theme,
            places,
            self.bell_count,
            who,
            minute,
            self.request.path == "/",
        )

    @cached_property
    def places(self) -> list[Shown]:
        return registry.of(self.request)

    @cached_property
    def bottom(self) -> list[Shown]:
        """Left and right of the phone's « + »: those that asked, then the first others, three at most."""
        asked = [p for p in self.places if p.on_phone]
        others = [p for p in self.places if not p.on_phone]
        keep = {p.key for p in (asked + others)[:3]}
        return [p for p in self.places if p.key in keep]

    @cached_property
    def bottom_left(self) -> list[Shown]:
        return self.bottom[: (len(self.bottom) + 1) // 2]

    @cached_property
    def bottom_right(self) -> list[Shown]:
        return self.bottom[(len(self.bottom) + 1) // 2 :]

    @cached_property
    def rest(self) -> list[Shown]:
        """Behind « Plus »."""
        keep = {p.key for p in self.bottom}
        return [p for p in self.places if p.key not in keep]

    @cached_property
    def new_things(self) -> list[dict]:
        return registry.new_things(self.request)

    @cached_property
    def person(self) -> Person | None:
        provider = registry.hook("person")
        person = provider(self.request) if provider else None
        if person:
            person.links = [*person.links, *registry.person_links()]
        return person

    @cached_property
    def bell_count(self) -> int:
        hook = registry.hook("bell")
        return hook[0](self.request) if hook else 0

    @cached_property
    def bell_url(self) -> str:
        hook = registry.hook("bell")
        return registry.address(hook[1]) if hook else ""

    @cached_property
    def palette_url(self) -> str:
        return registry.address(registry.hook("palette") or "search:palette")

    @cached_property
    def help_url(self) -> str:
        return registry.address(registry.hook("help") or "")

    @property
    def bell_fragment_url(self) -> str:
        return registry.address("web:bell")

    @property
    def own_topic(self) -> str:
        return f"user:{self.request.user.pk}"

    @cached_property
    def topics(self) -> str:
        """What every page listens to; a view that shows a circle gives its own list as `topics`."""
        return live.topics_for(self.request)


def frame(request: HttpRequest) -> dict:
    return {"frame": Frame(request)}
