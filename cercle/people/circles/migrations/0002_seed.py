from django.db import migrations


def seed(apps, schema_editor):
    from cercle.people.circles import texts
    from cercle.people.circles.rights import seed_data

    db = schema_editor.connection.alias
    apps.get_model("circles", "RightsMatrix").objects.using(db).create(version=1, data=seed_data(1))
    text = apps.get_model("circles", "ConsentText").objects.using(db)
    text.create(flow="information", version=1, body=texts.INFORMATION)
    text.create(flow="consent", version=1, body=texts.CONSENT)
    # Narrow and updated at each note: leave room in the page.
    schema_editor.execute("ALTER TABLE circles_circlecounter SET (fillfactor = 80)")


class Migration(migrations.Migration):
    dependencies = [("circles", "0001_initial")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
