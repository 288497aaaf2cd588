"""Roles, the current workspace, row security for a table in one call, and time-sorted ids."""

from django.db import migrations

ROLES = """
DO $$
DECLARE wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['parcours_web', 'parcours_worker'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of this server made it
            END;
        END IF;
        IF NOT pg_has_role(current_user, wanted, 'SET') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', wanted);
    END LOOP;
END $$;
"""

WORKSPACE = """
CREATE FUNCTION kernel_workspace() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT NULLIF(current_setting('app.workspace', true), '')::integer $$;

CREATE FUNCTION kernel_user() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT NULLIF(current_setting('app.user', true), '')::integer $$;

CREATE FUNCTION kernel_key() RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT decode(NULLIF(current_setting('app.key', true), ''), 'hex') $$;
"""

PROTECT = """
-- Rows of the current workspace only, for reading and for writing, for everybody but a superuser.
CREATE FUNCTION kernel_protect(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY workspace ON %s USING (workspace_id = kernel_workspace())'
                   ' WITH CHECK (workspace_id = kernel_workspace())', target);
    PERFORM kernel_grant(target);
END $$;

-- What the web and the workers may do with a table.
CREATE FUNCTION kernel_grant(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO parcours_web, parcours_worker', target);
END $$;

-- Rows that are written once: nobody but the owner may change or delete them.
CREATE FUNCTION kernel_append_only(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE ON %s FROM parcours_web, parcours_worker', target);
END $$;
"""

# RFC 9562, version 7: 48 bits of milliseconds, then random bits. PostgreSQL 17 has no uuidv7() of its own.
UUID7 = """
CREATE FUNCTION kernel_uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(
        set_bit(
            set_bit(
                overlay(uuid_send(gen_random_uuid())
                        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                        FROM 1 FOR 6),
                52, 1),
            53, 1),
        'hex')::uuid
$$;
"""


class Migration(migrations.Migration):
    """Before every other migration of ours."""

    initial = True
    dependencies = []
    operations = [migrations.RunSQL(sql) for sql in (ROLES, WORKSPACE, PROTECT, UUID7)]
