-- name: next_of_segment
-- The next people of a segment after a contact, in the order of their ids. Parameters: segment_id, after, limit. Reads only.
SELECT member.contact_id
FROM audiences_member member
WHERE member.workspace_id = %(workspace_id)s AND member.segment_id = %(segment_id)s AND member.contact_id > %(after)s::uuid
ORDER BY member.contact_id
LIMIT %(limit)s;

-- name: next_of_list
-- The same of a list. Parameters: list_id, after, limit. Reads only.
SELECT member.contact_id
FROM contacts_listmember member
WHERE member.workspace_id = %(workspace_id)s AND member.list_id = %(list_id)s AND member.contact_id > %(after)s::uuid
ORDER BY member.contact_id
LIMIT %(limit)s;

-- name: finish
-- End the running campaigns whose whole audience is frozen and whose every recipient has an outcome; a message in doubt has none.
-- Parameters: now. Locks: those campaigns. Returns their ids.
-- Each question is of its own, so that each reads the small partial index of its state and never the messages that are done.
UPDATE campaigns_campaign campaign
SET state = 'finished', finished_at = %(now)s
WHERE campaign.workspace_id = %(workspace_id)s AND campaign.state = 'running' AND campaign.frozen_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM delivery_message m
                  WHERE m.workspace_id = %(workspace_id)s AND m.state = 'queued' AND NOT m.is_held AND m.mailing_id = campaign.mailing_id)
  AND NOT EXISTS (SELECT FROM delivery_message m
                  WHERE m.workspace_id = %(workspace_id)s AND m.is_held AND m.mailing_id = campaign.mailing_id)
  AND NOT EXISTS (SELECT FROM delivery_message m
                  WHERE m.workspace_id = %(workspace_id)s AND m.state = 'sending' AND m.mailing_id = campaign.mailing_id)
  AND NOT EXISTS (SELECT FROM delivery_message m
                  WHERE m.workspace_id = %(workspace_id)s AND m.state = 'in_doubt' AND m.mailing_id = campaign.mailing_id)
RETURNING campaign.id;
