from django.db import migrations

COLUMNS = (
    "id recorded_at organization_id team_id assigned_role_id patient_id channel kind level reason urgency outcome"
    " asker_kind commune_code received_at first_contact_at answered_at closed_at state"
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("steering", "0002_past_states"), ("orientation", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "CREATE TRIGGER steering_keep AFTER UPDATE OR DELETE ON orientation_orientationrequest"
            f" FOR EACH ROW EXECUTE FUNCTION steering_keep('{COLUMNS}');",
            "DROP TRIGGER steering_keep ON orientation_orientationrequest;",
        )
    ]
