"""Observation: measures taken at the bedside, joined to a note and seen with it."""

from django.db.models import Q

from cercle.care.notebook.measures import KINDS
from cercle.care.notebook.models import Measure
from cercle.doors.fhir.registry import TYPES, Type, coded, lean, meta, register
from cercle.doors.fhir.search import Ref, Token, When
from cercle.doors.fhir.shape import Node, text

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
UNITS = {"kg": "kg", "mmHg": "mm[Hg]", "/min": "/min", "°C": "Cel", "%": "%", "g/L": "g/L", "/10": "{score}"}
CODES = {k.loinc: code for code, k in KINDS.items()}
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


class ObservationType(Type):
    name = "Observation"
    row_label = "notebook.measure"
    interactions = "rs"
    includes = ("subject", "patient")
    sorts = {"date": "measured_at", "_lastUpdated": "note__recorded_at"}
    params = {
        "patient": Ref({"Patient": "circle"}),
        "subject": Ref({"Patient": "circle"}),
        "code": Token(lambda system, code: Q(kind=CODES.get(code, "none"))),
        "date": When("measured_at"),
        "category": Token(lambda system, code: Q() if code == "vital-signs" else Q(pk=None)),
        "status": Token(lambda system, code: Q() if code == "final" else Q(pk=None)),
    }

    def rows(self, access):
        notes = TYPES["DocumentReference"].rows(access).filter(state="current").order_by().values("pk")
        return Measure.objects.filter(is_current=True, note__in=notes).select_related("note", "circle")

    def write(self, access, rows):
        return [self.node(row) for row in rows]

    def node(self, row) -> Node:
        kind = KINDS[row.kind]
        found: Node = {
            "resourceType": self.name,
            "id": str(row.pk),
            "meta": meta(row.note.version, row.note.changed_at or row.note.recorded_at),
        }
        found |= {
            "status": "final",
            "category": [coded(CATEGORY, "vital-signs")],
            "code": coded(LOINC, kind.loinc, text=str(kind.label)),
        }
        found["subject"] = {"reference": f"Patient/{row.circle.canon_id or row.circle_id}"}
        found["effectiveDateTime"] = row.measured_at.isoformat(timespec="seconds")
        if row.note.author_role_id:
            found["performer"] = [
                {"reference": f"PractitionerRole/{row.note.author_role_id}", "display": row.note.author_name}
            ]
        if kind.pair:
            found["component"] = [
                {"code": coded(LOINC, code, words), "valueQuantity": _quantity(value, kind)}
                for code, words, value in (("8480-6", "Systolique", row.value), ("8462-4", "Diastolique", row.value2))
                if value is not None
            ]
        else:
            found["valueQuantity"] = _quantity(row.value, kind)
        found["derivedFrom"] = [{"reference": f"DocumentReference/{row.note_id}"}]
        return lean(found)

    def history(self, access, row):
        return [(row.note.version, row.note.recorded_at, self.node(row))]

    def references(self, node, param):
        return [text(node["subject"], "reference")]


def _quantity(value, kind) -> Node:
    number = float(value)
    return {
        "value": int(number) if number.is_integer() else number,
        "unit": kind.unit,
        "system": UCUM,
        "code": UNITS.get(kind.unit, kind.unit),
    }


register(ObservationType())
