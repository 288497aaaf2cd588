"""Where a member of a workspace is written to: asked just before something leaves, by rooms above."""

from django.db import migrations

# Somebody who was only invited, or who has not chosen a password of their own yet, has not shown that the address is theirs.
ADDRESS = """
CREATE FUNCTION accounts_member_address(workspace integer, member integer) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT u.email FROM accounts_membership m JOIN accounts_user u ON u.id = m.user_id
    WHERE m.workspace_id = workspace AND m.user_id = member AND m.invitation IS NULL AND u.is_active AND NOT u.has_first_password
$$;
"""


class Migration(migrations.Migration):
    """A function that old code does not call."""

    dependencies = [("accounts", "0005_tracking_consent")]
    operations = [
        migrations.RunSQL(ADDRESS, "DROP FUNCTION accounts_member_address(integer, integer)"),
    ]
