"""Due messages of held mailings are set aside, so that claims do not walk over them again and again."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """A column with a default only: old and new workers may meet."""

    dependencies = [("delivery", "0007_mailing_names")]
    operations = [
        migrations.AddField("message", "is_held", models.BooleanField(db_default=False)),
        migrations.AddConstraint(
            "message",
            models.CheckConstraint(
                condition=Q(is_held=False) | Q(state="queued"), name="message_held_is_queued"
            ),
        ),
        migrations.RemoveIndex("message", "message_due"),
        migrations.AddIndex(
            "message",
            models.Index(
                condition=Q(state="queued", is_held=False),
                fields=["workspace_id", "is_urgent", "due_at", "queued_at"],
                name="message_due",
            ),
        ),
        migrations.AddIndex(
            "message",
            models.Index(condition=Q(is_held=True), fields=["workspace_id", "mailing"], name="message_held"),
        ),
    ]
