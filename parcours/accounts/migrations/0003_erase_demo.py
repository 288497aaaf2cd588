"""Removing a demo workspace with all its rows: for a demo whose loading was interrupted, and for one that is not wanted any more."""

from django.db import migrations

# Runs as the owner, because ledgers may not be deleted by anybody else. It refuses every workspace that is not a demo.
# Tables are emptied in passes, since some point at others; a pass that removes nothing would mean a circle, and fails.
ERASE = """
CREATE FUNCTION accounts_erase_demo(target integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    remaining text[];
    again text[];
    name text;
BEGIN
    PERFORM set_config('app.workspace', target::text, true);
    IF NOT EXISTS (SELECT FROM accounts_workspace WHERE id = target AND is_demo) THEN
        RAISE EXCEPTION 'workspace % is not a demo', target;
    END IF;
    SELECT array_agg(c.relname) INTO remaining
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace;
    WHILE remaining IS NOT NULL LOOP
        again := NULL;
        FOREACH name IN ARRAY remaining LOOP
            BEGIN
                EXECUTE format('DELETE FROM %I WHERE workspace_id = $1', name) USING target;
            EXCEPTION WHEN foreign_key_violation THEN
                again := again || name;
            END;
        END LOOP;
        IF again = remaining THEN
            RAISE EXCEPTION 'these tables point at each other: %', again;
        END IF;
        remaining := again;
    END LOOP;
    DELETE FROM accounts_workspace WHERE id = target;
    PERFORM set_config('app.workspace', '', true);
END $$;
REVOKE ALL ON FUNCTION accounts_erase_demo(integer) FROM public;
GRANT EXECUTE ON FUNCTION accounts_erase_demo(integer) TO parcours_worker;
"""


class Migration(migrations.Migration):
    """After row security."""

    dependencies = [("accounts", "0002_row_security")]
    operations = [migrations.RunSQL(ERASE)]
