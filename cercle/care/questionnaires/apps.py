from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class QuestionnairesConfig(AppConfig):
    name = "cercle.care.questionnaires"
    label = "questionnaires"

    def ready(self) -> None:
        from cercle.base.web import panels, places
        from cercle.people.circles.access import refusable
        from cercle.people.directory import reference

        from . import aggir_page, library, views
        from .instruments import hooks
        from .models import Response

        refusable(lambda acting, pk: Response.objects.visible_to(acting).filter(pk=pk).exists())
        reference.companions.append(library.load_and_say)
        hooks.register()
        aggir_page.register()

        panels.register(
            panels.Panel(
                slug="grilles", label=_("Grilles"), order=45, template="questionnaires/panel.html", context=views.panel,
                permission="read_circle",
            )
        )  # fmt: skip
        # Professionals reach the library from the tab; to the regional administrator it is a place of work.
        places.register(
            places.Place(
                key="forms", label=_("Formulaires"), icon="clipboard-list", url_name="questionnaires:library", order=80,
                allowed=lambda request: getattr(request.user, "kind", "") == "operator",
            )
        )  # fmt: skip
