from django.db import migrations

MOVED = """
INSERT INTO agenda_calendar (id, kind, organization_id, name, seats, note, closed_at)
SELECT id, 'room', organization_id, name, seats, note, closed_at FROM structures_room
ON CONFLICT DO NOTHING;
"""


class Migration(migrations.Migration):
    """One row a room: the one that is booked."""

    dependencies = [("agenda", "0002_rooms"), ("structures", "0001_initial")]

    operations = [
        migrations.RunSQL(MOVED, migrations.RunSQL.noop),
        migrations.DeleteModel("Room"),
    ]
