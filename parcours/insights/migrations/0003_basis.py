"""What the roll-ups were made with. Those of before have no basis, so the workers make them anew from the log."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """A table of its own, visible to its workspace only."""

    dependencies = [("insights", "0002_row_security"), ("accounts", "0002_row_security")]
    operations = [
        migrations.CreateModel(
            name="Basis",
            fields=[
                (
                    "workspace",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="accounts.workspace",
                    ),
                ),
                ("time_zone", models.TextField()),
                ("currency", models.TextField()),
                ("revision", models.IntegerField()),
            ],
        ),
        migrations.RunSQL("SELECT kernel_protect('insights_basis');"),
    ]
