"""Products are searched as people are: in small letters, without accents (`kernel.searching`)."""

from django.db import migrations, models

import parcours.kernel.searching


def key(field: str) -> models.GeneratedField:
    """As the model has it."""
    return models.GeneratedField(
        db_persist=True,
        expression=parcours.kernel.searching.Key(field),
        output_field=models.TextField(db_collation="C", null=True),
    )


class Migration(migrations.Migration):
    """Writes the table and its indexes anew."""

    dependencies = [("catalogue", "0002_small_letters"), ("kernel", "0004_search_key")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    """ALTER TABLE catalogue_product ALTER COLUMN id_key SET EXPRESSION AS (kernel_search_key(product_id)),
                                                     ALTER COLUMN name_key SET EXPRESSION AS (kernel_search_key(name))""",
                    """ALTER TABLE catalogue_product ALTER COLUMN id_key SET EXPRESSION AS (lower(product_id COLLATE "default")),
                                                     ALTER COLUMN name_key SET EXPRESSION AS (lower(name))""",
                )
            ],
            state_operations=[
                migrations.AlterField("product", "id_key", key("product_id")),
                migrations.AlterField("product", "name_key", key("name")),
            ],
        )
    ]
