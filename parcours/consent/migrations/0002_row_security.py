"""Rows of one workspace are visible to that workspace only."""

from django.db import migrations

POLICIES = """
SELECT kernel_protect('consent_purpose');
SELECT kernel_protect('consent_record');
SELECT kernel_protect('consent_state');
SELECT kernel_protect('consent_suppression');

-- The ledger is append-only. A merge moves a person's proof through events of its own, see consent.merging.
SELECT kernel_append_only('consent_record');
GRANT UPDATE (contact_id) ON consent_record TO parcours_web, parcours_worker;
ALTER TABLE consent_record ADD CONSTRAINT record_contact FOREIGN KEY (workspace_id, contact_id)
    REFERENCES contacts_contact (workspace_id, id) ON DELETE CASCADE;
ALTER TABLE consent_state ADD CONSTRAINT state_contact FOREIGN KEY (workspace_id, contact_id)
    REFERENCES contacts_contact (workspace_id, id) ON DELETE CASCADE;
"""


class Migration(migrations.Migration):
    """After the tables."""

    dependencies = [("consent", "0001_initial"), ("accounts", "0002_row_security")]
    operations = [migrations.RunSQL(POLICIES)]
