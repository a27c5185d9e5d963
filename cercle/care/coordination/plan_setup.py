"""What the plan gives to the rest of the house when the app starts."""

from importlib import import_module

from django.utils.translation import gettext_lazy as _


def register() -> None:
    from cercle.base.notifications.renderers import register_renderer
    from cercle.base.web import panels
    from cercle.people.circles.access import hangs_on

    from . import plan_notices
    from .models import Goal, Problem
    from .views import plan

    import_module(f"{__package__}.plan_reactions")  # they declare themselves, and the jobs that they enqueue
    # Who was refused a plan is refused its goals and problems; documents made of it hang on it by their holder.
    hangs_on(lambda ids: Goal.objects.filter(plan__in=ids).values_list("pk", flat=True))
    hangs_on(lambda ids: Problem.objects.filter(plan__in=ids).values_list("pk", flat=True))
    for kind in ("plan", "plan_action", "plan_review", "meeting"):
        register_renderer(kind, plan_notices.lines)
    panels.register(
        panels.Panel(
            slug="plan", label=_("Plan"), order=40, template="coordination/plan_panel.html", context=plan.panel, permission="read_plan"
        )
    )  # fmt: skip
