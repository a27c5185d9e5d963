from django.db import migrations

# A movement is a fact that was told: it is answered by another, never rewritten.
FORWARD = """
CREATE FUNCTION stays_movement_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a row of % is never changed', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER movement_kept BEFORE UPDATE ON stays_movement FOR EACH ROW EXECUTE FUNCTION stays_movement_is_kept();
"""
BACKWARD = "DROP TRIGGER movement_kept ON stays_movement; DROP FUNCTION stays_movement_is_kept();"


class Migration(migrations.Migration):
    dependencies = [("stays", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
