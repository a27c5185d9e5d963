from django.db import migrations

# What happened is never changed; no state of a plan, a goal, an action or a meeting without its event, hence its author.
KEPT = "planevent goalevent actionevent meetingevent planversion signature agreement".split()
STATED = {"careplan": "plan", "goal": "goal", "action": "action", "meeting": "meeting"}

FORWARD = """
CREATE FUNCTION coordination_plan_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'what happened to a plan is never changed' USING ERRCODE = 'check_violation'; END $$;
"""
BACK = ""
for table in KEPT:
    FORWARD += f"""
CREATE TRIGGER coordination_{table}_is_kept BEFORE UPDATE OR DELETE ON coordination_{table}
  FOR EACH ROW EXECUTE FUNCTION coordination_plan_is_kept();
"""
    BACK += f"DROP TRIGGER coordination_{table}_is_kept ON coordination_{table};\n"
BACK += "DROP FUNCTION coordination_plan_is_kept();\n"
for table, name in STATED.items():
    FORWARD += f"""
CREATE FUNCTION coordination_{name}_state_has_its_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM coordination_{name}event e WHERE e.{name}_id = NEW.id AND e.to_state = NEW.state
                 AND (TG_OP = 'INSERT' OR e.recorded_at >= transaction_timestamp())) THEN
    RAISE EXCEPTION 'a {name} moves with its event' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER coordination_{name}_opened AFTER INSERT ON coordination_{table}
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION coordination_{name}_state_has_its_event();
CREATE CONSTRAINT TRIGGER coordination_{name}_moved AFTER UPDATE ON coordination_{table}
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
  EXECUTE FUNCTION coordination_{name}_state_has_its_event();
"""
    BACK += f"""
DROP TRIGGER coordination_{name}_opened ON coordination_{table};
DROP TRIGGER coordination_{name}_moved ON coordination_{table};
DROP FUNCTION coordination_{name}_state_has_its_event();
"""


class Migration(migrations.Migration):
    dependencies = [("coordination", "0003_plan")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
