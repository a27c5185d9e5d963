"""The hot fragments of the agenda, by Jinja2 (agenda/jinja2/agenda)."""

from django import template
from django.template.backends.utils import csrf_input

from cercle.base.web.templatetags.web import hot

register = template.Library()


@register.simple_tag(takes_context=True)
def agenda_body(context):
    """All that changes when somebody moves an appointment. Context: agenda/views.mine."""
    request = context["request"]
    more = {
        "topic": context["frame"].own_topic,
        "here": request.get_full_path(),
        "csrf_input": csrf_input(request),
    }
    return hot("agenda/body.html", context["agenda"] | more)


@register.simple_tag(takes_context=True)
def patient_days(context):
    """A day, a week, a month of one person. Context: agenda/views.panel."""
    names = (
        "view",
        "views",
        "day",
        "title",
        "days",
        "weeks",
        "hours",
        "before",
        "after",
        "listed",
        "may_write",
        "circle_id",
    )
    return hot("agenda/of_patient.html", {name: context[name] for name in names})
