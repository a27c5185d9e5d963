"""PD1: opposition to publicity and protection (PD1-12)."""

from ..parse import Parsed


def is_protected(message: Parsed) -> bool:
    """The person asked her establishment that nobody be told she is there."""
    return message.first("PD1").text(12).upper() == "Y"
