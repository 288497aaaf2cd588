"""What a mailing is called in each language of the interface; empty where one name serves both."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0006_returns")]

    operations = [
        migrations.AddField(
            "mailing", "name_fr", models.CharField(blank=True, db_default="", max_length=160)
        ),
        migrations.AddField(
            "mailing", "name_en", models.CharField(blank=True, db_default="", max_length=160)
        ),
    ]
