"""Purposes that are not used any more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A column without a value: old and new processes may meet."""

    dependencies = [("consent", "0004_double_opt_in")]
    operations = [migrations.AddField("purpose", "archived_at", models.DateTimeField(null=True))]
