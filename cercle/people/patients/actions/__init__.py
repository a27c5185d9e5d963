"""The verbs of patients and identities. `acting` first, everything else by keyword; each leaves its trace."""

from cercle.people.patients.actions.around import (
    add_contact,
    add_identifier,
    cancel_death,
    change_contact,
    change_coordinates,
    declare_treating_doctor,
    end_contact,
    end_identifier,
    keep_in_touch,
    record_death,
)
from cercle.people.patients.actions.duplicates import merge, set_apart, unmerge
from cercle.people.patients.actions.identity import (
    Created,
    InsOutcome,
    create_patient,
    lower_status,
    mark,
    recover_ins,
    take_ins,
    update_identity,
    validate_identity,
)
from cercle.people.patients.actions.receive import Found, Received, receive_patient

__all__ = [
    "Created",
    "Found",
    "InsOutcome",
    "Received",
    "add_contact",
    "add_identifier",
    "cancel_death",
    "change_contact",
    "change_coordinates",
    "create_patient",
    "declare_treating_doctor",
    "end_contact",
    "end_identifier",
    "keep_in_touch",
    "lower_status",
    "mark",
    "merge",
    "receive_patient",
    "record_death",
    "recover_ins",
    "set_apart",
    "take_ins",
    "unmerge",
    "update_identity",
    "validate_identity",
]
