"""Whose address is suppressed, as long as that person is known."""

import django.db.models.deletion
from django.db import migrations, models

# Erasing somebody forgets whose address it was; the hash stays.
REFERENCE = """
ALTER TABLE consent_suppression ADD CONSTRAINT suppression_contact FOREIGN KEY (workspace_id, contact_id)
    REFERENCES contacts_contact (workspace_id, id) ON DELETE SET NULL (contact_id);
"""


class Migration(migrations.Migration):
    """A column without a value, and indexes: old and new processes may meet."""

    dependencies = [("consent", "0006_pace"), ("contacts", "0002_row_security")]
    operations = [
        migrations.AddField(
            "suppression",
            "contact",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="contacts.contact",
            ),
        ),
        migrations.AddIndex(
            "suppression", models.Index(fields=["workspace", "-at", "-id"], name="suppression_newest")
        ),
        migrations.AddIndex(
            "suppression",
            models.Index(
                condition=models.Q(("contact__isnull", False)),
                fields=["workspace", "contact"],
                name="suppression_of_contact",
            ),
        ),
        migrations.RunSQL(REFERENCE, migrations.RunSQL.noop),
    ]
