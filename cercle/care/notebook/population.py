"""What the notebook knows that a form may start with: `%measures.weight` (care/questionnaires/population)."""

from cercle.people.circles.access import Acting
from cercle.people.circles.vocabulary import Permission

from .models import Measure, Note


def last_measures(acting: Acting) -> dict:
    """The last value of each kind, from notes that this person may read: {"weight": 62.5, "bp": 130, "bp2": 80}."""
    if not acting.may(Permission.READ_NOTEBOOK):
        return {}
    rows = (
        Measure.objects.filter(circle_id__in=acting.circles, is_current=True, note__in=Note.objects.visible_to(acting))
        .order_by("kind", "-measured_at")
        .distinct("kind")
    )
    found = {}
    for row in rows:
        found[row.kind] = float(row.value)
        if row.value2 is not None:
            found[f"{row.kind}2"] = float(row.value2)
    return found
