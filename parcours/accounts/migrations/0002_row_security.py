"""Who sees which account rows. A membership shows itself to its user; a key to who presents it; a workspace to its members."""

from django.db import migrations

POLICIES = """
SELECT kernel_grant('accounts_user');

SELECT kernel_protect('accounts_membership');
CREATE POLICY own ON accounts_membership FOR SELECT USING (user_id = kernel_user());

SELECT kernel_protect('accounts_key');
CREATE POLICY presented ON accounts_key FOR SELECT USING (digest = kernel_key());

SELECT kernel_protect('accounts_auditentry');
SELECT kernel_append_only('accounts_auditentry');

ALTER TABLE accounts_workspace ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts_workspace FORCE ROW LEVEL SECURITY;
SELECT kernel_grant('accounts_workspace');
CREATE POLICY workspace ON accounts_workspace USING (id = kernel_workspace()) WITH CHECK (id = kernel_workspace());
CREATE POLICY member ON accounts_workspace FOR SELECT
    USING (EXISTS (SELECT FROM accounts_membership m WHERE m.workspace_id = accounts_workspace.id AND m.user_id = kernel_user()));
-- Workers go from workspace to workspace, and the operators' command makes new ones; neither sees what is inside without a scope.
CREATE POLICY worker ON accounts_workspace TO parcours_worker USING (true) WITH CHECK (true);
"""

SIGN_IN = """
SELECT kernel_grant(name::regclass) FROM unnest(ARRAY[
    'django_session', 'django_content_type', 'auth_permission', 'account_emailaddress', 'account_emailconfirmation',
    'mfa_authenticator', 'django_migrations'
]) AS name;
REVOKE INSERT, UPDATE, DELETE ON django_migrations, django_content_type, auth_permission FROM parcours_web, parcours_worker;
"""


class Migration(migrations.Migration):
    """After the tables of allauth and of Django's sessions."""

    dependencies = [
        ("accounts", "0001_initial"),
        ("kernel", "0001_foundation"),
        ("sessions", "0001_initial"),
        ("auth", "0001_initial"),
        ("account", "0001_initial"),
        ("mfa", "0001_initial"),
    ]
    operations = [migrations.RunSQL(POLICIES), migrations.RunSQL(SIGN_IN)]
