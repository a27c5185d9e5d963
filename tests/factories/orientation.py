"""A request at a DAC's desk."""

from cercle.care.orientation import actions


def asked(who, **more):
    given = {
        "channel": "phone",
        "asker_kind": "professional",
        "asker_name": "Dre Hélène Quéré",
        "reason_text": "Deux chutes.",
    } | more
    return actions.receive_request(who.desk, **given)
