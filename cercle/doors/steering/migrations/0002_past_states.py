from django.db import migrations

# What a row said until it changed, only the columns that figures need (sources.KEPT, repeated here: a migration does not move).
# A deletion takes the past states away with the row: what the law deletes is not kept elsewhere.
FORWARD = """
CREATE FUNCTION steering_keep() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  columns text[] := string_to_array(TG_ARGV[0], ' ');
  was jsonb;
BEGIN
  IF TG_OP = 'DELETE' THEN
    DELETE FROM steering_superseded WHERE source = TG_TABLE_NAME AND row_id = OLD.id;
    RETURN NULL;
  END IF;
  SELECT jsonb_object_agg(key, value) INTO was FROM jsonb_each(to_jsonb(OLD)) WHERE key = ANY (columns);
  IF was IS DISTINCT FROM (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE key = ANY (columns)) THEN
    INSERT INTO steering_superseded (source, row_id, data, superseded_at)
    VALUES (TG_TABLE_NAME, OLD.id, was, transaction_timestamp());
  END IF;
  RETURN NULL;
END $$;
"""
TABLES = {
    "coordination_coordinationfile": (
        "id recorded_at patient_id organization_id team_id level referent_id opened_at closed_at entry_reason exit_reason"
        " state family_situation"
    ),
    "coordination_followupsheet": "id recorded_at file_id organization_id act at minutes topic author_role_id state",
    "coordination_careplan": "id recorded_at circle_id organization_id state number review_on opened_at closed_at",
    "coordination_meeting": "id recorded_at circle_id organization_id starts_at minutes state",
    "questionnaires_response": "id recorded_at circle_id status scores finished_at",
}  # fmt: skip
TRIGGERS = "".join(
    f"CREATE TRIGGER steering_keep AFTER UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION steering_keep('{columns}');\n"
    for table, columns in TABLES.items()
)
BACK = "".join(f"DROP TRIGGER steering_keep ON {table};\n" for table in TABLES) + "DROP FUNCTION steering_keep();"


class Migration(migrations.Migration):
    dependencies = [
        ("steering", "0001_initial"),
        ("coordination", "0004_plan_kept"),
        ("questionnaires", "0001_initial"),
    ]
    operations = [migrations.RunSQL(FORWARD + TRIGGERS, BACK)]
