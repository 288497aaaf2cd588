"""New months beside the log: made apart and attached, which keeps nobody from reading or writing it (`CREATE … PARTITION OF` does)."""

from django.db import migrations

# ATTACH takes SHARE UPDATE EXCLUSIVE on the log, which only maintenance waits for. Two makers of one month meet at the advisory lock.
MONTHS = """
CREATE OR REPLACE FUNCTION events_ensure_month(month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first date := date_trunc('month', month)::date;
    name text := 'events_event_' || to_char(first, 'YYYY_MM');
BEGIN
    IF first < date '2000-01-01' OR first > date '2100-01-01' THEN
        RAISE EXCEPTION 'no partition is made for %', first;
    END IF;
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('events_ensure_month'));
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE events_event INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', name);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format(
        'ALTER TABLE events_event ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        name, first || ' 00:00:00+00', (first + interval '1 month')::date || ' 00:00:00+00');
END $$;
"""


class Migration(migrations.Migration):
    """Months that are there already stay as they are."""

    dependencies = [("events", "0002_log")]
    operations = [migrations.RunSQL(MONTHS)]
