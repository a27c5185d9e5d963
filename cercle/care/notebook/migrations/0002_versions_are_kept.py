from django.db import migrations

# What was said is never changed: a version row is inserted once.
FORWARD = """
CREATE FUNCTION notebook_version_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a version of a note is never changed'; END $$;
CREATE TRIGGER notebook_version_is_kept BEFORE UPDATE OR DELETE ON notebook_noteversion
  FOR EACH ROW EXECUTE FUNCTION notebook_version_is_kept();
"""
BACK = "DROP TRIGGER notebook_version_is_kept ON notebook_noteversion; DROP FUNCTION notebook_version_is_kept();"


class Migration(migrations.Migration):
    dependencies = [("notebook", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
