"""The map, by Jinja2: a region has a bubble for each of a thousand communes."""

from django import template

from cercle.base.web.templatetags.web import hot

register = template.Library()


@register.simple_tag
def bubble_map(drawn, label: str) -> str:
    return hot("structures/map.html", {"map": drawn, "label": label})
