"""Rows of one workspace are visible to that workspace only."""

from django.db import migrations

POLICIES = """
SELECT kernel_protect('audiences_segment');
SELECT kernel_protect('audiences_member');
SELECT kernel_protect('audiences_recheck');
"""


class Migration(migrations.Migration):
    """After the tables."""

    dependencies = [("audiences", "0001_initial"), ("accounts", "0002_row_security")]
    operations = [migrations.RunSQL(POLICIES)]
