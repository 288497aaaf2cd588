-- name: due_versions
-- The versions that have due runs and whose journey is published, oldest first.
-- Parameters: now. One index probe a version.
SELECT version.id, version.journey_id, journey.slug, version.graph::text AS document
FROM journeys_version version
JOIN journeys_journey journey ON journey.workspace_id = %(workspace_id)s AND journey.id = version.journey_id
WHERE version.workspace_id = %(workspace_id)s AND journey.state = 'published'
  AND EXISTS (
    SELECT FROM journeys_run run
    WHERE run.workspace_id = %(workspace_id)s AND run.version_id = version.id AND run.due_at <= %(now)s
  )
ORDER BY version.id;

-- name: hold_published
-- Keep a journey published until the transaction ends, so that nothing moves once `pause` has returned. NULL when it is not.
-- Parameters: journey_id. Locks: the journey's row, shared. Compiling to machine code costs more than these statements take.
SELECT set_config('jit', 'off', true)
FROM journeys_journey
WHERE workspace_id = %(workspace_id)s AND id = %(journey_id)s AND state = 'published'
FOR SHARE;

-- name: open_journeys
-- The journeys that let people in, with the version that is live. Locks: their rows, shared, until the transaction ends.
SELECT journey.id, journey.slug, journey.entries_from, version.id AS version_id, version.graph::text AS document
FROM journeys_journey journey
JOIN journeys_version version ON version.workspace_id = %(workspace_id)s AND version.id = journey.live_id
WHERE journey.workspace_id = %(workspace_id)s AND journey.state = 'published'
ORDER BY journey.id
FOR SHARE OF journey;

-- name: count_entered
-- Remember that people entered a version. Parameters: version_id, entered. Locks: the version's row, until the transaction ends.
UPDATE journeys_version SET entered = entered + %(entered)s
WHERE workspace_id = %(workspace_id)s AND id = %(version_id)s;
