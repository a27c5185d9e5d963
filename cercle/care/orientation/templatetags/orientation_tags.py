"""The rows of the desk, by Jinja2 (orientation/jinja2/orientation/requests.html): a big structure has two hundred."""

from django import template
from django.utils.translation import gettext as _

from cercle.base.web.templatetags.web import hot

register = template.Library()


@register.simple_tag(takes_context=True)
def request_rows(context, part: str, rows):
    """`part`: queue or board. Context: orientation/views.desk."""
    here = context.get("row")
    more = {"query": context.get("query", ""), "here": here.pk if here else None, "nobody": _("À confier")}
    return hot("orientation/requests.html", {"part": part, "rows": rows} | more)
