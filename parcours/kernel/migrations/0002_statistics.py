"""Fresh statistics for the planner on request: after a bulk load, before autovacuum comes by."""

from django.db import migrations

# Runs as the owner, since only an owner may ANALYZE. It reads samples and changes no row.
STATISTICS = """
CREATE FUNCTION kernel_refresh_statistics() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT c.relname FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
                WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND s.n_mod_since_analyze > 0 LOOP
        EXECUTE format('ANALYZE %I', name);
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION kernel_refresh_statistics() FROM public;
GRANT EXECUTE ON FUNCTION kernel_refresh_statistics() TO parcours_worker;
"""


class Migration(migrations.Migration):
    """After the roles exist."""

    dependencies = [("kernel", "0001_foundation")]
    operations = [migrations.RunSQL(STATISTICS)]
