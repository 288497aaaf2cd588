-- name: hold_asker
-- Let those who ask for tests in one name at the same moment do so one after the other, so that their limit holds. Parameters: asked_by.
-- Locks: advisory, exclusive, by workspace and name, until the transaction ends.
SELECT pg_advisory_xact_lock(hashtext('delivery.trials ' || %(asked_by)s), %(workspace_id)s);

-- name: recent_trials
-- The tests that somebody asked for on one page since an instant, newest first, with where their messages stand.
-- Parameters: place, asked_by, since, limit. Reads only.
SELECT m.id AS message_id, coalesce(nullif(m.address, ''), u.email) AS address, m.state, m.verdict, t.created_at AS asked_at
FROM delivery_trial t
JOIN delivery_message m ON m.workspace_id = %(workspace_id)s AND m.id = t.message_id
JOIN accounts_user u ON u.id = t.user_id
WHERE t.workspace_id = %(workspace_id)s AND t.asked_by = %(asked_by)s AND t.created_at > %(since)s AND t.place = %(place)s
ORDER BY t.created_at DESC, t.id DESC LIMIT %(limit)s;
