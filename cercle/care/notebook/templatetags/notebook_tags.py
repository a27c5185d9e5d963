"""Small tags of the notebook's templates."""

from django import template
from django.urls import reverse

from cercle.base.common.ids import uuid7

register = template.Library()


@register.simple_tag
def client_ref() -> str:
    """A name for what this form will send: two clicks, or a send repeated after a lost answer, are kept once."""
    return str(uuid7())


@register.simple_tag
def lookup(mapping, prefix, key):
    """`mapping[prefix + key]`, or nothing."""
    return (mapping or {}).get(f"{prefix}{key}", "")


@register.simple_tag
def draft_url(circle_id, slot, pk=""):
    return reverse("notebook:draft", args=[circle_id, f"{slot}:{pk}" if pk else slot])
