"""Small tags of « Mes patients »."""

from django import template

from cercle.base.web.templatetags.web import hot

register = template.Library()


@register.simple_tag
def patient_rows(lines, group: str):
    """The rows of one group, by Jinja2 (record/jinja2/record/patient_rows.html)."""
    return hot("record/patient_rows.html", {"lines": lines, "group": group})
