"""What all processes must count together: allauth's limits of attempts, and the one-time codes that were used.

The columns are those of Django's database cache. Nothing here is worth a write-ahead log: after a crash it begins empty.
"""

from django.db import migrations

CACHE = """
CREATE UNLOGGED TABLE kernel_cache (
    cache_key varchar(255) PRIMARY KEY,
    value text NOT NULL,
    expires timestamptz NOT NULL
);
CREATE INDEX kernel_cache_expires ON kernel_cache (expires);
SELECT kernel_grant('kernel_cache');
"""


class Migration(migrations.Migration):
    """A table of Django's, so there is no model."""

    dependencies = [("kernel", "0002_statistics")]
    operations = [migrations.RunSQL(CACHE, "DROP TABLE kernel_cache")]
