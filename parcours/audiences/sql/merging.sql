-- name: move_memberships
-- The kept contact is in every segment where either was; the earlier entry counts. Writes members of these two only.
WITH moved AS (
    DELETE FROM audiences_member
    WHERE workspace_id = %(workspace_id)s AND contact_id = %(dropped)s
    RETURNING segment_id, since
)
INSERT INTO audiences_member (workspace_id, segment_id, contact_id, since)
SELECT %(workspace_id)s, segment_id, %(kept)s, since FROM moved
ON CONFLICT (segment_id, contact_id) DO UPDATE SET since = LEAST(audiences_member.since, excluded.since);

-- name: recheck_merged
-- Judge the kept contact again at once in every segment: it has the other's past now.
INSERT INTO audiences_recheck (workspace_id, segment_id, contact_id, due_at)
SELECT %(workspace_id)s, segment.id, %(kept)s, %(now)s
FROM audiences_segment AS segment
WHERE segment.workspace_id = %(workspace_id)s
ON CONFLICT (segment_id, contact_id) DO UPDATE SET due_at = excluded.due_at;

-- name: forget_rechecks
-- Nobody looks at the dropped contact again.
DELETE FROM audiences_recheck
WHERE workspace_id = %(workspace_id)s AND contact_id = %(dropped)s;
