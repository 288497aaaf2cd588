"""Rows of one workspace are visible to that workspace only."""

from django.db import migrations

POLICIES = """
SELECT kernel_protect('journeys_journey');
SELECT kernel_protect('journeys_version');
SELECT kernel_protect('journeys_run');
SELECT kernel_protect('journeys_step');

SELECT kernel_append_only('journeys_version');
SELECT kernel_append_only('journeys_step');
"""


class Migration(migrations.Migration):
    """After the tables."""

    dependencies = [("journeys", "0001_initial"), ("accounts", "0002_row_security")]
    operations = [migrations.RunSQL(POLICIES)]
