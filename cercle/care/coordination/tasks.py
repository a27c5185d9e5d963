"""What happens without anybody: replacements end, the person is told of her referent."""

from uuid import UUID

from django.utils import timezone

from cercle.base.common.jobs import task
from cercle.base.notifications.actions import notify
from cercle.base.notifications.rules import Relation
from cercle.people.circles import audience

from .models import CoordinationFile, Handover


@task(queue="notify", retry=3)
def tell_referent(file_id: str, by: str = "") -> None:
    """The person, those near her and the new referent; the message itself names nobody."""
    file = CoordinationFile.objects.filter(pk=file_id).first()
    if file is None:
        return
    told = {}
    for user, acting in audience.people(file.patient_id):
        if str(user.pk) == by:
            continue
        if acting.practice_role_id == file.referent_id:
            told[user.pk] = {Relation.NAMED}
        elif acting.ground in ("person", "relative"):
            told[user.pk] = {Relation.PERSON}
    event = file.events.filter(kind="referent").order_by("-recorded_at").values_list("pk", flat=True).first()
    notify("referent_changed", users=told, circle_id=file.patient_id, target=file, once=str(event or UUID(int=0)))


@task(queue="default")
def end_handovers() -> None:
    """The morning after the last day of a replacement, the files go back."""
    from .actions.files import end_handover

    for handover in Handover.objects.filter(ended_at=None, until__lt=timezone.localdate())[:200]:
        end_handover(handover)
