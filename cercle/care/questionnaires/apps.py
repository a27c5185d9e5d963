from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class QuestionnairesConfig(AppConfig):
    name = "cercle.care.questionnaires"
    label = "questionnaires"

    def ready(self) -> None:
        from cercle.base.web import panels, places

        from . import aggir_page, views
        from .instruments import hooks

        hooks.register()
        aggir_page.register()

        panels.register(
            panels.Panel(
                slug="grilles", label=_("Grilles"), order=45, template="questionnaires/panel.html", context=views.panel,
                permission="read_circle",
            )
        )  # fmt: skip
        places.register_link("clipboard-list", _("Formulaires"), "questionnaires:library", order=40)
