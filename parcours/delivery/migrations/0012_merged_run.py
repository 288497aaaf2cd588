"""What a merge knows of a message's copies; the index holds the messages of merged people alone."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("delivery", "0011_tests")]

    operations = [
        migrations.AddField("message", "merged_run", models.BigIntegerField(null=True)),
        AddIndexConcurrently(
            "message",
            models.Index(
                fields=["workspace_id", "contact_id"],
                condition=models.Q(merged_run__isnull=False),
                name="message_merged",
            ),
        ),
    ]
