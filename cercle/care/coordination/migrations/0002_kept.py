from django.db import migrations

# What happened is never changed; a sheet's structure is its file's; no state changes without its event.
FORWARD = """
CREATE FUNCTION coordination_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'what happened to a coordination file is never changed'; END $$;
CREATE TRIGGER coordination_event_is_kept BEFORE UPDATE OR DELETE ON coordination_fileevent
  FOR EACH ROW EXECUTE FUNCTION coordination_is_kept();
CREATE TRIGGER coordination_administrative_is_kept BEFORE UPDATE OR DELETE ON coordination_administrativeversion
  FOR EACH ROW EXECUTE FUNCTION coordination_is_kept();
CREATE TRIGGER coordination_sheetversion_is_kept BEFORE UPDATE OR DELETE ON coordination_sheetversion
  FOR EACH ROW EXECUTE FUNCTION coordination_is_kept();

ALTER TABLE coordination_followupsheet ADD CONSTRAINT sheet_of_its_structure
  FOREIGN KEY (file_id, organization_id) REFERENCES coordination_coordinationfile (id, organization_id);

CREATE FUNCTION coordination_change_has_its_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM coordination_fileevent e WHERE e.file_id = NEW.id AND e.recorded_at >= transaction_timestamp()) THEN
    RAISE EXCEPTION 'a coordination file changes with its event' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER coordination_change_has_its_event AFTER UPDATE ON coordination_coordinationfile
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.state, OLD.level, OLD.referent_id, OLD.suspended_until) IS DISTINCT FROM (NEW.state, NEW.level, NEW.referent_id, NEW.suspended_until))
  EXECUTE FUNCTION coordination_change_has_its_event();
"""
BACK = """
DROP TRIGGER coordination_change_has_its_event ON coordination_coordinationfile;
DROP FUNCTION coordination_change_has_its_event();
ALTER TABLE coordination_followupsheet DROP CONSTRAINT sheet_of_its_structure;
DROP TRIGGER coordination_sheetversion_is_kept ON coordination_sheetversion;
DROP TRIGGER coordination_administrative_is_kept ON coordination_administrativeversion;
DROP TRIGGER coordination_event_is_kept ON coordination_fileevent;
DROP FUNCTION coordination_is_kept();
"""


class Migration(migrations.Migration):
    dependencies = [("coordination", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
