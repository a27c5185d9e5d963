from django.db import migrations


class Migration(migrations.Migration):
    """Counters of limits are worth nothing after a crash: no write-ahead log for them."""

    dependencies = [("web", "0001_initial")]
    operations = [
        migrations.RunSQL("ALTER TABLE web_counter SET UNLOGGED", "ALTER TABLE web_counter SET LOGGED"),
    ]
