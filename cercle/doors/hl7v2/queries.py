"""What the operator's screens read."""

from django.http import HttpRequest

from .models import Message

WAITING = (Message.State.WARNED, Message.State.REFUSED, Message.State.QUARANTINE)


def waiting():
    return Message.objects.filter(state__in=(Message.State.REFUSED, Message.State.QUARANTINE))


def bad_count(request: HttpRequest) -> int:
    return waiting().count()
