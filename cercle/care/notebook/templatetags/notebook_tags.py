"""Small tags of the notebook's templates."""

from django import template
from django.urls import reverse

from cercle.base.common.ids import uuid7
from cercle.base.web.templatetags.web import hot

register = template.Library()


@register.simple_tag
def client_ref() -> str:
    """A name for what this form will send: two clicks, or a send repeated after a lost answer, are kept once."""
    return str(uuid7())


@register.simple_tag(takes_context=True)
def timeline(context):
    """The hot fragment, by Jinja2 (notebook/jinja2/notebook/timeline.html)."""
    from cercle.care.notebook.views import timeline_context

    return hot("notebook/timeline.html", timeline_context(context))


NOTE = "00000000-0000-0000-0000-000000000002"  # what compose.js replaces by the id of the note one answers


@register.simple_tag
def reply_template(circle_id) -> dict:
    return {
        "reply_url": reverse("notebook:reply", args=[circle_id, NOTE]),
        "draft_url": reverse("notebook:draft", args=[circle_id, f"reply:{NOTE}"]),
        "note_id": NOTE,
    }


@register.simple_tag
def lookup(mapping, prefix, key):
    """`mapping[prefix + key]`, or nothing."""
    return (mapping or {}).get(f"{prefix}{key}", "")


@register.simple_tag
def draft_url(circle_id, slot, pk=""):
    return reverse("notebook:draft", args=[circle_id, f"{slot}:{pk}" if pk else slot])
