"""A day's sum holds whatever its events add up to; PostgreSQL widens the column without rewriting the table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column, wider."""

    dependencies = [("insights", "0004_reactions")]
    operations = [
        migrations.AlterField("daily", "amount", models.DecimalField(decimal_places=2, max_digits=30)),
    ]
