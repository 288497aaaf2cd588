"""Messages that ask for the confirmation of a double opt-in."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A wider constraint: old and new processes may meet."""

    dependencies = [("delivery", "0004_machines")]
    operations = [
        migrations.RemoveConstraint("mailing", "mailing_origin"),
        migrations.AddConstraint(
            "mailing",
            models.CheckConstraint(
                condition=models.Q(("origin__in", ["journey", "campaign", "api", "confirm"])),
                name="mailing_origin",
            ),
        ),
    ]
