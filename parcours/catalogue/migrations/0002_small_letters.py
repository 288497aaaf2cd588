"""Ids are found whatever letters they have: small letters are those of the database, not of "C", which knows ASCII only."""

import django.db.models.functions.comparison
import django.db.models.functions.text
from django.db import migrations, models


def key(field: str) -> models.GeneratedField:
    """As `models._key` has it."""
    return models.GeneratedField(
        db_persist=True,
        expression=django.db.models.functions.text.Lower(
            django.db.models.functions.comparison.Collate(field, "default")
        ),
        output_field=models.TextField(db_collation="C"),
    )


class Migration(migrations.Migration):
    """Writes the table and its indexes anew; the names' key was right already."""

    dependencies = [("catalogue", "0001_initial")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    """ALTER TABLE catalogue_product
                       ALTER COLUMN id_key SET EXPRESSION AS (lower(product_id COLLATE "default"))""",
                    "ALTER TABLE catalogue_product ALTER COLUMN id_key SET EXPRESSION AS (lower(product_id))",
                )
            ],
            state_operations=[
                migrations.AlterField("product", "id_key", key("product_id")),
                migrations.AlterField("product", "name_key", key("name")),
            ],
        )
    ]
