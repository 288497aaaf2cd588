"""The event log in monthly partitions, receipts of message ids, cursors of consumers.

The primary key (workspace, xid, id) is the order in which consumers read: see `events.cursor`. `at` is in it because
PostgreSQL wants the partition key there.
"""

from django.db import migrations

LOG = """
CREATE SEQUENCE events_event_id AS bigint CACHE 64;
GRANT USAGE ON SEQUENCE events_event_id TO parcours_web, parcours_worker;

CREATE TABLE events_event (
    workspace_id integer NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id bigint NOT NULL DEFAULT nextval('events_event_id'),
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    contact_id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    properties jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (workspace_id, xid, id, at)
) PARTITION BY RANGE (at);
CREATE INDEX events_event_of_contact ON events_event (workspace_id, contact_id, name, at);
SELECT kernel_protect('events_event');
REVOKE DELETE ON events_event FROM parcours_web, parcours_worker;
REVOKE UPDATE ON events_event FROM parcours_web, parcours_worker;
GRANT UPDATE (contact_id) ON events_event TO parcours_web, parcours_worker;  -- merging two contacts

CREATE TABLE events_receipt (
    workspace_id integer NOT NULL,
    message_key uuid NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, message_key)
);
SELECT kernel_protect('events_receipt');

CREATE TABLE events_cursor (
    workspace_id integer NOT NULL,
    consumer text NOT NULL,
    xid xid8 NOT NULL DEFAULT '0',
    event_id bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_id, consumer)
);
SELECT kernel_protect('events_cursor');
"""

# Runs as the owner, because the web and the workers may not create tables. It takes a month and nothing else.
PARTITIONS = """
CREATE FUNCTION events_ensure_month(month date) RETURNS void
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
    EXECUTE format(
        'CREATE TABLE %I PARTITION OF events_event FOR VALUES FROM (%L) TO (%L)',
        name, first || ' 00:00:00+00', (first + interval '1 month')::date || ' 00:00:00+00');
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
END $$;
REVOKE ALL ON FUNCTION events_ensure_month(date) FROM public;
GRANT EXECUTE ON FUNCTION events_ensure_month(date) TO parcours_web, parcours_worker;
"""


class Migration(migrations.Migration):
    """The log itself."""

    dependencies = [("events", "0001_initial"), ("accounts", "0002_row_security")]
    operations = [migrations.RunSQL(LOG), migrations.RunSQL(PARTITIONS)]
