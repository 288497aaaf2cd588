"""What came of each message, link by link. The workers fill it from the log (`actions.REVISION` has risen)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A table of its own, visible to its workspace only."""

    dependencies = [("insights", "0003_basis"), ("accounts", "0002_row_security")]
    operations = [
        migrations.CreateModel(
            name="Reaction",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "workspace_id",
                        "mailing_id",
                        "link",
                        "message_id",
                        "is_machine",
                        "device",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("workspace_id", models.IntegerField()),
                ("mailing_id", models.IntegerField()),
                ("link", models.SmallIntegerField()),
                ("message_id", models.UUIDField()),
                ("is_machine", models.BooleanField()),
                ("device", models.TextField()),
                ("count", models.IntegerField()),
            ],
        ),
        migrations.RunSQL("SELECT kernel_protect('insights_reaction');"),
    ]
