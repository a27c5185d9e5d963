"""The patient's page is a frame whose panels come from the apps that own them.

    panels.register(panels.Panel(slug="cahier", label=_("Cahier"), order=10, template="notebook/panel.html", context=f))

The frame (care/record) registers itself with `set_frame`; a panel's own view shows the whole page, again through its
gate, with `panels.show(request, acting, "cahier", form=form)`: same page, same fragment, one request.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse


@dataclass(frozen=True)
class Panel:
    slug: str
    label: Any
    order: int
    template: str
    # context(request, acting, **extra) -> dict; `extra` is what the panel's own view passes to `show`.
    context: Callable[..., dict]
    permission: str = "read_circle"
    url_name: str = ""  # default: record:tab with this slug
    count: str = ""  # name in the frame's counts


_panels: dict[str, Panel] = {}
_frame: Callable[..., HttpResponse] | None = None


def register(panel: Panel) -> None:
    _panels[panel.slug] = panel


def get(slug: str) -> Panel | None:
    return _panels.get(slug)


def ordered() -> list[Panel]:
    return sorted(_panels.values(), key=lambda p: p.order)


def set_frame(render: Callable[..., HttpResponse]) -> None:
    global _frame
    _frame = render


def show(request: HttpRequest, acting, slug: str, *, status: int = 200, **extra) -> HttpResponse:
    """The whole patient's page on this panel; `acting` comes from the gate the caller has passed."""
    assert _frame is not None, "care/record registers the frame"
    return _frame(request, acting, _panels[slug], status=status, **extra)
