from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SteeringConfig(AppConfig):
    name = "cercle.doors.steering"
    label = "steering"

    def ready(self) -> None:
        from cercle.base.web import places
        from cercle.people.accounts.rights import is_operator
        from cercle.people.circles.desks import DeskRight, desk

        def reads(request) -> bool:
            if not request.user.is_authenticated:
                return False
            if is_operator(request.user):
                return True
            found = desk(request)
            return found is not None and found.may(DeskRight.STEERING)

        places.register(
            places.Place(
                key="steering",
                label=_("Pilotage"),
                icon="chart-column",
                url_name="steering:home",
                order=70,
                allowed=reads,
            )
        )
