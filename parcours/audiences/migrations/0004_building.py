"""How far the building of a segment has come, so that it goes range by range."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns with defaults only: old and new workers may meet."""

    dependencies = [("audiences", "0003_narrow_rows")]
    operations = [
        migrations.AddField("segment", "building_revision", models.IntegerField(db_default=0)),
        migrations.AddField("segment", "building_after", models.UUIDField(null=True)),
    ]
