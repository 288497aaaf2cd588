"""Rows of one workspace are visible to that workspace only."""

from django.db import migrations

POLICIES = """
SELECT kernel_protect('insights_daily');
"""


class Migration(migrations.Migration):
    """After the tables."""

    dependencies = [("insights", "0001_initial"), ("accounts", "0002_row_security")]
    operations = [migrations.RunSQL(POLICIES)]
