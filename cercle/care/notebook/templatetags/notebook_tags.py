"""Small tags of the notebook's templates."""

from django import template
from django.template.backends.utils import csrf_input
from django.template.loader import render_to_string
from django.urls import reverse

from cercle.base.common.ids import uuid7
from cercle.base.web.templatetags.web import hot
from cercle.people.circles.vocabulary import Permission

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


class _Loose(dict):
    """What was typed: a field that is not there is empty."""

    def __missing__(self, key: str) -> str:
        return ""


@register.simple_tag(takes_context=True)
def compose(context):
    """The box where one writes (notebook/jinja2/notebook/compose.html)."""
    request, circle_id, form = context["request"], context["circle_id"], context.get("form")
    errors = render_to_string("notebook/panel.html#errors", {"form": form}, request) if form and form.errors else ""
    names = ("page", "me", "types", "urgencies", "kinds", "categories", "default_category", "hideable", "faces")
    return hot(
        "notebook/compose.html",
        {name: context[name] for name in names}
        | {
            "circle_id": circle_id, "typed": _Loose(context["typed"]), "errors": errors, "client_ref": client_ref(),
            "csrf_input": csrf_input(request), "draft_url": draft_url(circle_id, "note"),
        },
    )  # fmt: skip


@register.simple_tag(takes_context=True)
def side(context, sheet: bool = False):
    """The filters, as a column or in the phone's sheet (notebook/jinja2/notebook/side.html)."""
    names = ("page", "filters", "types", "professions", "circle_id")
    may_print = context["acting"].may(Permission.PRINT)
    more = {"sheet": sheet, "csrf_input": csrf_input(context["request"]), "may_print": may_print}
    return hot("notebook/side.html", {name: context[name] for name in names} | more)


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
