"""« Qui a consulté ce dossier »."""

import csv
import io
import uuid

from cercle.base.audit.export import csv_lines
from cercle.base.audit.models import AuditEvent, Kind
from cercle.base.audit.record import record

from .acting import alice


def test_only_this_circle_and_only_what_the_reader_may_know(db):
    circle, other = uuid.uuid4(), uuid.uuid4()
    plain = record(alice(circle), "notebook.read")
    masked = record(alice(circle), "notebook.note_added", hidden=8 | 16)
    record(alice(other), "notebook.read")
    assert list(AuditEvent.objects.about(circle).latest_first().values_list("id", flat=True)) == [masked, plain]
    assert list(AuditEvent.objects.about(circle).visible_to_class(8).values_list("id", flat=True)) == [plain]
    assert AuditEvent.objects.about(circle).visible_to_class(2).count() == 2
    assert AuditEvent.objects.about(circle, other).count() == 3


def test_the_panels_of_one_opening_are_one_entry(db):
    circle, opening = uuid.uuid4(), uuid.uuid4()
    note, sheet = uuid.uuid4(), uuid.uuid4()
    acting = alice(circle, opening=opening)
    record(acting, "circles.file_opened", shown=[sheet])
    record(acting, "notebook.read", shown=[note, sheet])
    record(acting, "notebook.note_added")
    alone = record(alice(circle), "notebook.read")
    first, second = AuditEvent.objects.about(circle).openings()
    assert (first.key, first.kinds) == (alone, [Kind.READ])
    assert (second.key, second.kinds, second.shown) == (opening, [Kind.READ, Kind.CREATE], 2)


def test_pages_follow_by_id_without_loss_or_repeat(db):
    circle = uuid.uuid4()
    ids = [record(alice(circle), "notebook.read") for _ in range(7)]
    seen, before = [], None
    while page := list(AuditEvent.objects.about(circle).latest_first(before)[:3]):
        seen += [e.id for e in page]
        before = page[-1].id
    assert seen == ids[::-1]


def test_the_export_is_a_table_that_no_spreadsheet_executes(db):
    circle = uuid.uuid4()
    record(alice(circle, actor_name="=cmd()"), "notebook.read", shown=[uuid.uuid4()])
    text = "".join(csv_lines(AuditEvent.objects.about(circle)))
    assert text.startswith("\ufeff")
    head, row = csv.reader(io.StringIO(text[1:]), delimiter=";")
    assert head[:3] == ["Date et heure", "Personne", "Fonction"]
    assert row[1] == "'=cmd()"
    assert row[head.index("Nature")] == "Consultation"
