"""Rows of one workspace are visible to that workspace only."""

from django.db import migrations

POLICIES = """
SELECT kernel_protect('contacts_contact');
SELECT kernel_protect('contacts_identity');
SELECT kernel_protect('contacts_attribute');
SELECT kernel_protect('contacts_list');
SELECT kernel_protect('contacts_listmember');
SELECT kernel_protect('contacts_import');
SELECT kernel_protect('contacts_importrefusal');

-- A row of one workspace cannot point at a contact of another.
ALTER TABLE contacts_identity ADD CONSTRAINT identity_contact FOREIGN KEY (workspace_id, contact_id)
    REFERENCES contacts_contact (workspace_id, id) ON DELETE CASCADE;
ALTER TABLE contacts_listmember ADD CONSTRAINT list_member_contact FOREIGN KEY (workspace_id, contact_id)
    REFERENCES contacts_contact (workspace_id, id) ON DELETE CASCADE;
"""


class Migration(migrations.Migration):
    """After the tables."""

    dependencies = [("contacts", "0001_initial"), ("accounts", "0002_row_security")]
    operations = [migrations.RunSQL(POLICIES)]
