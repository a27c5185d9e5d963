from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StructuresConfig(AppConfig):
    name = "cercle.care.structures"
    label = "structures"

    def ready(self) -> None:
        from cercle.base.web import places
        from cercle.people.accounts.context import current_role
        from cercle.people.accounts.frame import administers
        from cercle.people.circles.desks import is_dac

        def works_here(request) -> bool:
            if administers(request):
                return True
            role = current_role(request)
            return role is not None and role.organization is not None and is_dac(role.organization)

        # The same place as the accounts' « Ma structure »: this page leads there too.
        places.register(
            places.Place(
                key="structure", label=_("Ma structure"), short=_("Structure"), icon="building-2",
                url_name="structures:home", order=80, allowed=works_here,
            )
        )  # fmt: skip
