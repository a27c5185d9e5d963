"""Who is told of a note, once it is written."""

from cercle.base.common.jobs import task
from cercle.base.notifications.actions import notify
from cercle.base.notifications.models import Notification
from cercle.base.notifications.rules import Relation
from cercle.people.circles import audience
from cercle.people.circles.models import Circle

from .models import Note
from .vocabulary import State, Urgency


@task(queue="notify", retry=3)
def tell(note_id: str) -> None:
    """Those who may read it, by what they are to it; its author is not told of her own words."""
    note = Note.objects.select_related("reply_to").filter(pk=note_id, state=State.CURRENT).first()
    if note is None:
        return
    lead = Circle.objects.values_list("lead_id", flat=True).get(pk=note.circle_id)
    named = set(note.recipients.values_list("member_id", flat=True))
    users, asked = {}, {}
    for user, acting in audience.people(note.circle_id):
        if user.pk == note.author_user_id or not may_read(note, acting):
            continue
        found = audience.relations(acting, lead)
        if acting.member.pk in named:
            found.add(Relation.NAMED)
            asked[user.pk] = Relation.NAMED
        if note.reply_to_id and note.thread_user == user.pk:
            found.add(Relation.PARENT_AUTHOR)
        users[user.pk] = found
    urgency = "urgent" if note.urgency == Urgency.URGENT else "normal"
    kind = "reply" if note.reply_to_id else "note"
    notify(kind, users=users, circle_id=note.circle_id, target=note, urgency=urgency, hidden=note.hidden)
    if note.asks_receipt:
        notify(
            "acknowledgement_asked",
            users=asked or dict.fromkeys(users, Relation.NAMED),
            circle_id=note.circle_id,
            target=note,
            hidden=note.hidden,
        )


@task(queue="notify", retry=3)
def take_back(note_id: str) -> None:
    """After a correction or a withdrawal: unread notices of those who may not read it now go away."""
    note = Note.objects.get(pk=note_id)
    may = {
        user.pk
        for user, acting in audience.people(note.circle_id)
        if note.state == State.CURRENT and may_read(note, acting)
    }
    waiting = Notification.objects.filter(target_id=note.pk, read_at=None)
    waiting.exclude(user_id__in=may).delete()
    waiting.update(hidden=note.hidden)


def may_read(note: Note, acting) -> bool:
    return acting.sees(
        hidden=note.hidden, category=note.category, author_user_id=note.author_user_id, target_id=note.pk
    ) or (note.thread_user is not None and note.thread_user == acting.user_id and note.pk not in acting.opposed_targets)
