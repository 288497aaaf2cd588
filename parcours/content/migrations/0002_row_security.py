"""Rows of one workspace are visible to that workspace only."""

from django.db import migrations

POLICIES = """
SELECT kernel_protect('content_template');
SELECT kernel_protect('content_templateversion');
SELECT kernel_protect('content_coupon');
SELECT kernel_protect('content_couponcode');
"""


class Migration(migrations.Migration):
    """After the tables."""

    dependencies = [("content", "0001_initial"), ("accounts", "0002_row_security")]
    operations = [migrations.RunSQL(POLICIES)]
