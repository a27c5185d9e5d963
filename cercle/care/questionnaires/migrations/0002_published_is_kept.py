from django.db import migrations

# A published form and a signed answer are never rewritten: another version stands beside them.
FORWARD = """
CREATE FUNCTION questionnaires_published_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status <> 'draft' AND (TG_OP = 'DELETE' OR NEW.data IS DISTINCT FROM OLD.data OR NEW.url <> OLD.url
     OR NEW.version <> OLD.version OR NEW.status = 'draft') THEN
    RAISE EXCEPTION 'a published questionnaire is never changed';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER questionnaires_published_is_kept BEFORE UPDATE OR DELETE ON questionnaires_questionnaire
  FOR EACH ROW EXECUTE FUNCTION questionnaires_published_is_kept();
CREATE FUNCTION questionnaires_version_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a version of an answer is never changed'; END $$;
CREATE TRIGGER questionnaires_version_is_kept BEFORE UPDATE OR DELETE ON questionnaires_responseversion
  FOR EACH ROW EXECUTE FUNCTION questionnaires_version_is_kept();
"""
BACK = """
DROP TRIGGER questionnaires_version_is_kept ON questionnaires_responseversion;
DROP FUNCTION questionnaires_version_is_kept();
DROP TRIGGER questionnaires_published_is_kept ON questionnaires_questionnaire;
DROP FUNCTION questionnaires_published_is_kept();
"""


class Migration(migrations.Migration):
    dependencies = [("questionnaires", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
