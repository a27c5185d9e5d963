from django.db import migrations, models


class Migration(migrations.Migration):
    """Rooms are the agenda's: what the structure's file said of them joins their calendar."""

    dependencies = [("agenda", "0001_initial")]

    operations = [
        migrations.AlterField("calendar", "name", models.CharField(blank=True, db_default="", max_length=120)),
        migrations.AddField("calendar", "seats", models.PositiveSmallIntegerField(null=True)),
        migrations.AddField("calendar", "note", models.CharField(blank=True, db_default="", max_length=300)),
    ]
