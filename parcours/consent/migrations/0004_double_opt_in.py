"""Purposes whose consent has to be confirmed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A column with its default: old and new processes may meet."""

    dependencies = [("consent", "0003_channel_of_measuring")]
    operations = [
        migrations.AddField("purpose", "double_opt_in", models.BooleanField(db_default=False)),
        migrations.AddConstraint(
            "purpose",
            models.CheckConstraint(
                condition=models.Q(("double_opt_in", False), ("basis", "consent"), _connector="OR"),
                name="purpose_double_opt_in_is_consent",
            ),
        ),
    ]
