from django.db import migrations

# Identity and coordinates rows are history: the only change they know is to be superseded, once.
# AFTER: a BEFORE trigger sees the generated columns of NEW empty.
FORWARD = """
CREATE FUNCTION patients_history_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.superseded_at IS NOT NULL OR NEW.superseded_at IS NULL
     OR to_jsonb(OLD) - 'superseded_at' <> to_jsonb(NEW) - 'superseded_at' THEN
    RAISE EXCEPTION 'a row of % is never changed, only superseded', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER identity_history AFTER UPDATE ON patients_identity
  FOR EACH ROW EXECUTE FUNCTION patients_history_row();
CREATE TRIGGER coordinates_history AFTER UPDATE ON patients_coordinates
  FOR EACH ROW EXECUTE FUNCTION patients_history_row();
"""
BACKWARD = """
DROP TRIGGER identity_history ON patients_identity;
DROP TRIGGER coordinates_history ON patients_coordinates;
DROP FUNCTION patients_history_row();
"""


class Migration(migrations.Migration):
    dependencies = [("patients", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
