"""Where an import goes on after a crash. Content is stored in plain slices, so that a portion is read without the rest."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns with defaults made by the database: old and new code may run side by side."""

    dependencies = [("contacts", "0002_row_security")]
    operations = [
        *(
            migrations.AddField("import", name, models.IntegerField(db_default=default))
            for name, default in (
                ("offset", 0),
                ("line", 1),
                ("skipped_count", 0),
                ("suppressed_count", 0),
                ("refusing_count", 0),
            )
        ),
        migrations.RunSQL(
            "ALTER TABLE contacts_import ALTER COLUMN content SET STORAGE EXTERNAL",
            "ALTER TABLE contacts_import ALTER COLUMN content SET STORAGE EXTENDED",
        ),
    ]
