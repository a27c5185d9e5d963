from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DirectoryConfig(AppConfig):
    name = "cercle.people.directory"
    label = "directory"
    verbose_name = _("Annuaire")

    def ready(self) -> None:
        from cercle.base.notifications.renderers import register_renderer
        from cercle.base.web import places
        from cercle.people.directory import notices, reactions  # noqa: F401 - reactions register themselves

        register_renderer("directory_correction", notices.lines)
        places.register(
            places.Place(key="directory", label=_("Annuaire"), icon="contact", url_name="directory:search", order=50)
        )
