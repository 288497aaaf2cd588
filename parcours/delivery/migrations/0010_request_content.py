"""The words of a message that a program brings along."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A column that old code does not know and does not need."""

    dependencies = [("delivery", "0009_lists_in_order")]
    operations = [migrations.AddField("request", "content", models.JSONField(null=True))]
