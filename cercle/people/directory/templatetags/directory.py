"""How the directory's raw values are read: capitals softened, distances in words."""

from django import template

from cercle.people.directory import models

register = template.Library()
register.filter("soften", lambda text: models.soften(text or ""))


@register.filter
def km(value: float) -> str:
    """« 3,4 km »; below 100 m the distance between town halls says nothing."""
    if value < 0.1:
        return ""
    return (f"{value:.1f}".replace(".", ",") if value < 10 else f"{value:.0f}") + "\u00a0km"
