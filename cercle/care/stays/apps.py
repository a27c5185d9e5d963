from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StaysConfig(AppConfig):
    name = "cercle.care.stays"
    label = "stays"

    def ready(self) -> None:
        from cercle.base.notifications.renderers import register_renderer
        from cercle.base.web import panels
        from cercle.people.circles.access import refusable

        from . import notices
        from .models import Stay

        refusable(lambda acting, pk: Stay.objects.visible_to(acting).filter(pk=pk).exists())
        register_renderer("stay", notices.lines)

        # In the frame of the patient's page but without a tab of its own: no one holds this permission, and the
        # stay's views have passed their own gate.
        panels.register(
            panels.Panel(
                slug="sejour", label=_("Séjour"), order=900, template="stays/panel.html",
                context=lambda request, acting, **extra: extra, permission="no_tab",
            )
        )  # fmt: skip
