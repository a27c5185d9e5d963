"""What identity adds to the frame; called by `RecordConfig.ready`."""

from django.utils.translation import gettext_lazy as _

from cercle.base.web import panels, places

from . import create, dossier


def register() -> None:
    places.register_new(
        places.NewThing(
            key="patient",
            label=_("Ajouter un patient"),
            icon="user-plus",
            url_name="record:new_patient",
            order=20,
            allowed=create.offered,
        )  # fmt: skip
    )
    panels.register(
        panels.Panel(
            slug=dossier.TAB,
            label=_("Dossier"),
            order=30,
            template="record/dossier.html",
            context=dossier.panel,
            permission="read_circle",
        )  # fmt: skip
    )
