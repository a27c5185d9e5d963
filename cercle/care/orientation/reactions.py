"""Whoever asked learns that the request arrived, and that it is answered: by the link left in a mailbox, or in the circle."""

from cercle.base.audit.reactions import Fact, on

from .tasks import send_status_link, tell_the_circle_asker


@on("orientation.request_received")
def acknowledge(event: Fact) -> None:
    if str(event.details.get("channel", "")).startswith("web"):
        send_status_link.defer(request_id=event.target_id, news="received")


@on("orientation.asker_answered")
def tell_the_asker(event: Fact) -> None:
    send_status_link.defer(request_id=event.target_id)
    tell_the_circle_asker.defer(request_id=event.target_id)
