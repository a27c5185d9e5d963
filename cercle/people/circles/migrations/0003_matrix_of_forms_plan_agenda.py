from django.db import migrations


def publish(apps, schema_editor):
    """The acts of forms, plan, agenda and desk, added to the matrix in force; what a region had changed stays."""
    from cercle.people.circles.rights import seed_data

    rows = apps.get_model("circles", "RightsMatrix").objects.using(schema_editor.connection.alias)
    last = rows.order_by("-version").first()
    added = seed_data(2)["acts"]
    version = last.version + 1
    title = f"Matrice des droits du cercle, version {version}"
    data = last.data | {"version": version, "title": title, "acts": added | last.data["acts"]}
    rows.create(version=version, data=data)


class Migration(migrations.Migration):
    dependencies = [("circles", "0002_seed")]
    operations = [migrations.RunPython(publish, migrations.RunPython.noop)]
