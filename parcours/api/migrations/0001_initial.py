"""The table of replays, visible to its own workspace only."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Replays of requests with an Idempotency-Key."""

    initial = True
    dependencies = [("accounts", "0002_row_security"), ("kernel", "0001_foundation")]
    operations = [
        migrations.CreateModel(
            name="Replay",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=200)),
                ("request_digest", models.BinaryField()),
                ("status", models.SmallIntegerField(default=0)),
                ("body", models.TextField(default="")),
                ("at", models.DateTimeField()),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.workspace",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("workspace", "key"), name="replay_once")
                ],
                "indexes": [models.Index(fields=["workspace", "at"], name="replay_age")],
            },
        ),
        migrations.RunSQL("SELECT kernel_protect('api_replay')", "DROP POLICY workspace ON api_replay"),
    ]
