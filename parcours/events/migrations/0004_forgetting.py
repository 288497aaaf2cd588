"""How far the daily pass over the receipts has come."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A table with one row for each workspace."""

    dependencies = [("events", "0003_months_aside")]
    operations = [
        migrations.CreateModel(
            name="Forgetting",
            fields=[
                ("workspace_id", models.IntegerField(primary_key=True, serialize=False)),
                ("block", models.BigIntegerField(db_default=0)),
                ("next_at", models.DateTimeField()),
            ],
        ),
        migrations.RunSQL("SELECT kernel_protect('events_forgetting')"),
    ]
