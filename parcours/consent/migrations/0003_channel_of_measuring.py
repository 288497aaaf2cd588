"""Measuring is kept for the channel `any` and everything else for a channel of its own: brings older rows into line."""

from django.db import migrations

# As the owner, who is bound by row security too unless it is not forced: lifted for this transaction only. What was said stays
# in the ledger as it was said (`detail` keeps the channel it came with); the states of those people follow from it again.
ALIGN = """
ALTER TABLE consent_record NO FORCE ROW LEVEL SECURITY;
ALTER TABLE consent_state NO FORCE ROW LEVEL SECURITY;
ALTER TABLE consent_purpose NO FORCE ROW LEVEL SECURITY;

CREATE TEMPORARY TABLE consent_misplaced ON COMMIT DROP AS
SELECT DISTINCT r.workspace_id, r.contact_id, r.purpose_id
FROM consent_record r JOIN consent_purpose p ON p.workspace_id = r.workspace_id AND p.id = r.purpose_id
WHERE p.is_measuring <> (r.channel = 'any');

UPDATE consent_record r
SET channel = CASE WHEN p.is_measuring THEN 'any' ELSE 'email' END,
    detail = r.detail || jsonb_build_object('channel', r.channel)
FROM consent_purpose p
WHERE p.workspace_id = r.workspace_id AND p.id = r.purpose_id AND p.is_measuring <> (r.channel = 'any');

DELETE FROM consent_state s USING consent_misplaced m
WHERE s.workspace_id = m.workspace_id AND s.contact_id = m.contact_id AND s.purpose_id = m.purpose_id;

INSERT INTO consent_state (workspace_id, contact_id, purpose_id, channel, act, since, record_id)
SELECT DISTINCT ON (r.workspace_id, r.contact_id, r.purpose_id, r.channel)
       r.workspace_id, r.contact_id, r.purpose_id, r.channel, r.act, r.at, r.id
FROM consent_record r
JOIN consent_misplaced m ON m.workspace_id = r.workspace_id AND m.contact_id = r.contact_id AND m.purpose_id = r.purpose_id
ORDER BY r.workspace_id, r.contact_id, r.purpose_id, r.channel, r.at DESC, (r.act IN ('withdrawn', 'objected')) DESC, r.id DESC;

SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE consent_record FORCE ROW LEVEL SECURITY;
ALTER TABLE consent_state FORCE ROW LEVEL SECURITY;
ALTER TABLE consent_purpose FORCE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    """After row security."""

    dependencies = [("consent", "0002_row_security")]
    operations = [migrations.RunSQL(ALIGN, migrations.RunSQL.noop)]
