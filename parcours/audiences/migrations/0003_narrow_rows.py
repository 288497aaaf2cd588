"""Rows of members and rechecks as narrow as they can be: a build writes hundreds of thousands of them.

The primary keys begin with the segment, so its own indexes only cost; who deletes a segment holds its row (see decision 4).
Rechecks are claimed segment by segment.
"""

import django.db.models.deletion
from django.db import migrations, models


def segment(name):
    """The foreign key without constraint and index of its own."""
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.CASCADE,
        related_name=name,
        to="audiences.segment",
    )


class Migration(migrations.Migration):
    """After the tables."""

    dependencies = [("audiences", "0002_row_security")]
    operations = [
        migrations.RemoveIndex(model_name="recheck", name="recheck_due"),
        migrations.AlterField("member", "segment", segment("members")),
        migrations.AlterField("recheck", "segment", segment("+")),
        migrations.AddIndex(
            model_name="recheck",
            index=models.Index(fields=["workspace_id", "segment", "due_at"], name="recheck_due"),
        ),
    ]
