"""Who is told of an entry or a discharge: those of the circle who may know of stays."""

from uuid import UUID

from cercle.base.common.jobs import task
from cercle.base.notifications.actions import notify
from cercle.people.circles import audience
from cercle.people.circles.models import Circle

from .models import EXISTENCE, Stay


@task(queue="notify", retry=3)
def tell(stay_id: str, what: str, by: str = "") -> None:
    stay = Stay.objects.filter(pk=stay_id, cancelled_at=None).first()
    if stay is None:
        return
    lead = Circle.objects.values_list("lead_id", flat=True).get(pk=stay.circle_id)
    author = UUID(by) if by else None
    users = {
        user.pk: audience.relations(acting, lead)
        for user, acting in audience.people(stay.circle_id)
        if user.pk != author and EXISTENCE in acting.readable
    }
    notify("stay", users=users, circle_id=stay.circle_id, target=stay, once=what, params={"what": what})
