"""How much marketing a person wants to have: a pause, a lower frequency."""

import django.db.models.deletion
from django.db import migrations, models

POLICY = """
SELECT kernel_protect('consent_pace');
ALTER TABLE consent_pace ADD CONSTRAINT pace_contact FOREIGN KEY (workspace_id, contact_id)
    REFERENCES contacts_contact (workspace_id, id) ON DELETE CASCADE;
"""


class Migration(migrations.Migration):
    """A new table: old workers do not know it, and do not keep pauses until they are new."""

    dependencies = [("consent", "0005_archived_purposes"), ("contacts", "0002_row_security")]
    operations = [
        migrations.CreateModel(
            name="Pace",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("workspace_id", models.IntegerField()),
                ("paused_until", models.DateTimeField(null=True)),
                ("every_days", models.SmallIntegerField(null=True)),
                ("changed_at", models.DateTimeField()),
                (
                    "contact",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="contacts.contact",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("workspace_id", "contact"), name="pace_once"),
                    models.CheckConstraint(
                        condition=models.Q(("every_days__in", (7, 30))), name="pace_frequency"
                    ),
                ],
            },
        ),
        migrations.RunSQL(POLICY),
    ]
