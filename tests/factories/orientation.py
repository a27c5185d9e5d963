"""A request at a DAC's desk."""

from cercle.care.orientation import actions
from tests.factories import coordination as made


def asked(who, **more):
    given = {
        "channel": "phone",
        "asker_kind": "professional",
        "asker_name": "Dre Hélène Quéré",
        "reason_text": "Deux chutes.",
    } | more
    return actions.receive_request(who.desk, **given)


def walk_rows(acting, note) -> dict:
    """A request about this person, a resource asked, a saved filter: of a DAC where nobody of the walks works."""
    who = made.coordinator(made.dac("DAC du Léon"), "Tanguy", "Bozec")
    row = asked(who, patient=acting.patient, person_informed_at=note.written_at, reason_text=note.text)
    solicited = actions.solicit(who.desk, request=row, what=note.text, resource_name="Les Bruyères")
    saved = actions.save_filter(who.desk, name="À moi", query="qui=moi")
    return {"orientation_id": row.pk, "solicitation_id": solicited.pk, "filter_id": saved.pk, "model": "accuse"}
