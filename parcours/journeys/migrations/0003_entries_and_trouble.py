"""From when people may enter a journey, why the engine paused one, and one index of runs less."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """After row security."""

    dependencies = [("journeys", "0002_row_security")]
    operations = [
        migrations.AddField("journey", "entries_from", models.DateTimeField(null=True)),
        migrations.AddField(
            "journey", "trouble", models.CharField(max_length=400, blank=True, db_default="")
        ),
        migrations.RemoveConstraint("journey", "journey_live_version"),
        migrations.AddConstraint(
            "journey",
            models.CheckConstraint(
                condition=Q(state="draft") | Q(live__isnull=False, entries_from__isnull=False),
                name="journey_live_version",
            ),
        ),
        # One index finds a person's runs and keeps them apart: each one less makes every walk cheaper.
        migrations.RemoveIndex("run", "run_of_contact"),
        migrations.RemoveConstraint("run", "run_once"),
        migrations.AddConstraint(
            "run",
            models.UniqueConstraint(
                fields=["workspace_id", "contact_id", "journey_id", "entry_key"], name="run_once"
            ),
        ),
    ]
