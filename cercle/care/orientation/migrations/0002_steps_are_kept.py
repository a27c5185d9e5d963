from django.db import migrations

# A step is a fact with its author: it is answered by another, never rewritten.
FORWARD = """
CREATE FUNCTION orientation_step_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a row of % is never changed', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER step_kept BEFORE UPDATE ON orientation_step FOR EACH ROW EXECUTE FUNCTION orientation_step_is_kept();
"""
BACKWARD = "DROP TRIGGER step_kept ON orientation_step; DROP FUNCTION orientation_step_is_kept();"


class Migration(migrations.Migration):
    dependencies = [("orientation", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
