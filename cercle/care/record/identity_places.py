"""What identity adds to the frame; called by `RecordConfig.ready`."""

from django.utils.translation import gettext_lazy as _

from cercle.base.web import panels, places
from cercle.people.circles.access import may_keep_identities

from . import create, dossier, identity_queue


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
    places.register(
        places.Place(
            key="identities",
            label=_("Identitovigilance"),
            short=_("Identités"),
            icon="git-merge",
            url_name="record:identities",
            order=60,
            counter=identity_queue.waiting_count,
            news=False,
            allowed=may_keep_identities,
        )  # fmt: skip
    )
