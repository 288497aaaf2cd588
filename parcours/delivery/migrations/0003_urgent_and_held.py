"""Urgent messages first, and mailings that are held or stopped."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns with defaults only: old and new workers may meet."""

    dependencies = [("delivery", "0002_row_security")]
    operations = [
        migrations.AddField("mailing", "held_at", models.DateTimeField(null=True)),
        migrations.AddField("mailing", "stopped_at", models.DateTimeField(null=True)),
        migrations.AddField("message", "is_urgent", models.BooleanField(db_default=False)),
        migrations.RemoveIndex("message", "message_due"),
        migrations.AddIndex(
            "message",
            models.Index(
                condition=models.Q(("state", "queued")),
                fields=["workspace_id", "is_urgent", "due_at", "queued_at"],
                name="message_due",
            ),
        ),
    ]
