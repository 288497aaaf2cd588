"""What machines did with a message, beside what people did."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns with defaults only: old and new workers may meet."""

    dependencies = [("delivery", "0003_urgent_and_held")]
    operations = [
        migrations.AddField("message", "machine_opened_at", models.DateTimeField(null=True)),
        migrations.AddField("message", "machine_clicked_at", models.DateTimeField(null=True)),
        migrations.AddField("anonymousclick", "is_machine", models.BooleanField(db_default=False)),
    ]
