"""An answer to someone who asked by the public form: a link goes to the address she left."""

from cercle.base.audit.reactions import Fact, on

from .tasks import send_status_link


@on("orientation.asker_answered")
def tell_the_asker(event: Fact) -> None:
    send_status_link.defer(request_id=event.target_id)
