"""A workspace that the planner's statistics do not know yet looks empty to it: it may then read all of its people for each message.

By default a table is analysed when a tenth of it has changed, which in a large one is many workspaces. So those of workspaces are analysed
after some thousand changes, whatever their size. The months of the log are not: what looks there names the contact.
"""

from django.db import migrations

WATCH = """
-- Keep a table's statistics as young as its youngest workspace. A partitioned table has none of its own to keep.
CREATE OR REPLACE FUNCTION kernel_watch(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = target) = 'r' THEN
        EXECUTE format('ALTER TABLE %s SET (autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 2000)', target);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION kernel_protect(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY workspace ON %s USING (workspace_id = kernel_workspace())'
                   ' WITH CHECK (workspace_id = kernel_workspace())', target);
    PERFORM kernel_grant(target);
    PERFORM kernel_watch(target);
END $$;

-- Those that are protected already.
SELECT kernel_watch(c.oid) FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
  AND pg_get_expr(p.polqual, p.polrelid) LIKE '%kernel_workspace()%';
"""


class Migration(migrations.Migration):
    """After `kernel_protect`."""

    dependencies = [("kernel", "0004_search_key")]
    operations = [migrations.RunSQL(WATCH, migrations.RunSQL.noop)]
