"""Rows of one workspace are visible to that workspace only."""

from django.db import migrations

POLICIES = """
SELECT kernel_protect('delivery_sending');
SELECT kernel_protect('delivery_mailing');
SELECT kernel_protect('delivery_message');
SELECT kernel_protect('delivery_attempt');
SELECT kernel_protect('delivery_allowance');
SELECT kernel_protect('delivery_anonymousclick');
"""


class Migration(migrations.Migration):
    """After the tables."""

    dependencies = [("delivery", "0001_initial"), ("accounts", "0002_row_security")]
    operations = [migrations.RunSQL(POLICIES)]
