"""What programs ask to be sent, by their own ids: each counts once."""

from django.db import migrations, models
import django.db.models.deletion


class Migration(migrations.Migration):
    """A table of its own, visible to its workspace only."""

    dependencies = [("delivery", "0004_machines"), ("accounts", "0002_row_security")]
    operations = [
        migrations.CreateModel(
            name="Request",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=100)),
                ("digest", models.BinaryField()),
                ("message_id", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField()),
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
                    models.UniqueConstraint(fields=("workspace", "key"), name="request_once"),
                ],
            },
        ),
        migrations.RunSQL("SELECT kernel_protect('delivery_request');"),
    ]
