"""Jobs of the messages; their times are in config/schedule.py."""

from cercle.base.common.jobs import task

from . import email


@task(queue="mail")
def send_due() -> None:
    """Every minute, and after each notice that is to leave at once."""
    email.send_due()
