from django.db import migrations, models

# The day its row was first written, beside each past state: what was written after the day asked for is left out unread.
FILL = "UPDATE steering_superseded SET recorded_at = (data ->> 'recorded_at')::timestamptz;"
KEEP = """
CREATE OR REPLACE FUNCTION steering_keep() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  columns text[] := string_to_array(TG_ARGV[0], ' ');
  was jsonb;
BEGIN
  IF TG_OP = 'DELETE' THEN
    DELETE FROM steering_superseded WHERE source = TG_TABLE_NAME AND row_id = OLD.id;
    INSERT INTO steering_deletion (organization_id, last_at)
    SELECT d.organization_id, transaction_timestamp() FROM jsonb_to_record(to_jsonb(OLD)) AS d(organization_id uuid)
    WHERE d.organization_id IS NOT NULL
    ON CONFLICT (organization_id) DO UPDATE SET last_at = excluded.last_at;
    RETURN NULL;
  END IF;
  SELECT jsonb_object_agg(key, value) INTO was FROM jsonb_each(to_jsonb(OLD)) WHERE key = ANY (columns);
  IF was IS DISTINCT FROM (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE key = ANY (columns)) THEN
    INSERT INTO steering_superseded (source, row_id, organization_id, recorded_at, data, superseded_at)
    VALUES (
      TG_TABLE_NAME, OLD.id, CASE WHEN was ->> 'organization_id' = to_jsonb(NEW) ->> 'organization_id' THEN (was ->> 'organization_id')::uuid END,
      OLD.recorded_at, was, transaction_timestamp()
    );
  END IF;
  RETURN NULL;
END $$;
"""
# What figures read of each table, and nothing else: a year of a region is read from these without the rows. The structure comes
# first; without one, PostgreSQL skips from structure to structure.
INDEXES = {
    "steering_received": "orientation_orientationrequest (organization_id, received_at)"
    " INCLUDE (id, level, commune_code, channel, reason, urgency, asker_kind, recorded_at)",
    "steering_answered": "orientation_orientationrequest (organization_id, answered_at)"
    " INCLUDE (id, received_at, level, recorded_at) WHERE answered_at IS NOT NULL",
    "steering_closed": "orientation_orientationrequest (organization_id, closed_at)"
    " INCLUDE (id, received_at, answered_at, level, outcome, recorded_at) WHERE closed_at IS NOT NULL",
    "steering_files": "coordination_coordinationfile (organization_id, opened_at)"
    " INCLUDE (id, closed_at, level, referent_id, recorded_at, patient_id)",
    "steering_sheets": "coordination_followupsheet (organization_id, at) INCLUDE (id, act, minutes, recorded_at) WHERE state = 'current'",
    "steering_plans": "coordination_careplan (organization_id, opened_at) INCLUDE (id, closed_at, review_on, recorded_at, circle_id)",
}  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("steering", "0003_past_requests"),
        ("coordination", "0005_sheet_lists"),
        ("orientation", "0003_code_of_the_receipt"),
    ]
    operations = [
        migrations.CreateModel(
            "Deletion",
            [
                (
                    "organization",
                    models.OneToOneField(
                        "directory.Organization",
                        models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                    ),
                ),
                ("last_at", models.DateTimeField()),
                ("accounted_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField("monthlyfigure", "known_on", models.DateField(null=True)),
        migrations.AddField("monthlyfigure", "lost_value", models.FloatField(null=True)),
        migrations.AddField("monthlyfigure", "lost_people", models.IntegerField(db_default=0)),
        migrations.RunSQL(
            "UPDATE steering_monthlyfigure SET known_on = (frozen_at AT TIME ZONE 'Europe/Paris')::date - 1;",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField("monthlyfigure", "known_on", models.DateField()),
        migrations.AddIndex(
            "monthlyfigure",
            models.Index(
                fields=["indicator", "dimension", "month"],
                name="monthlyfigure_lost",
                condition=~models.Q(lost_people=0),
            ),
        ),
        migrations.AddField("superseded", "organization_id", models.UUIDField(null=True)),
        migrations.AddField("superseded", "recorded_at", models.DateTimeField(null=True)),
        migrations.RunSQL(FILL + KEEP, migrations.RunSQL.noop),
        migrations.AlterField("superseded", "recorded_at", models.DateTimeField()),
        migrations.RemoveIndex("superseded", "superseded_since"),
        migrations.AddIndex(
            "superseded",
            models.Index(fields=["source", "superseded_at", "recorded_at"], name="superseded_since"),
        ),
        migrations.AddIndex(
            "superseded",
            models.Index(
                fields=["source", "organization_id", "superseded_at", "recorded_at"], name="superseded_of_structure"
            ),
        ),
        *(migrations.RunSQL(f"CREATE INDEX {name} ON {on}", f"DROP INDEX {name}") for name, on in INDEXES.items()),
    ]
