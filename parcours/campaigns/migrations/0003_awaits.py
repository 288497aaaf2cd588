"""Which message a running campaign was last seen to wait for, so that the queue is not read again and again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column."""

    dependencies = [("campaigns", "0002_row_security")]
    operations = [migrations.AddField("campaign", "awaits", models.UUIDField(null=True))]
