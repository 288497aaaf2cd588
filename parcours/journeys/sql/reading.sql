-- name: people_by_journey
-- How many runs each journey has that anybody entered, active and in all. Parameters: journey_id, or null for every journey.
-- Reads the index of active runs alone, version by version, never those that have ended.
SELECT version.journey_id, sum(active.runs)::bigint AS inside, sum(version.entered)::bigint AS entered
FROM journeys_version version
CROSS JOIN LATERAL (
    SELECT count(*) AS runs FROM journeys_run
    WHERE workspace_id = %(workspace_id)s AND version_id = version.id AND due_at IS NOT NULL
) AS active
WHERE version.workspace_id = %(workspace_id)s AND version.entered > 0
  AND (%(journey_id)s::int IS NULL OR version.journey_id = %(journey_id)s)
GROUP BY version.journey_id;

-- name: people_by_node
-- How many people of a version stand at each node now. Parameters: version_id.
SELECT node, count(*) AS people
FROM journeys_run
WHERE workspace_id = %(workspace_id)s AND version_id = %(version_id)s AND due_at IS NOT NULL
GROUP BY node;

-- name: passed_by_node
-- How many runs of a version left each node by each way. Parameters: version_id. Reads the index alone.
SELECT node, outcome, count(*) AS passed
FROM journeys_step
WHERE workspace_id = %(workspace_id)s AND version_id = %(version_id)s
GROUP BY node, outcome;

-- name: messages_by_mailing
-- What became of each mailing's messages since an instant (the start of today, in the workspace's zone).
-- Parameters: mailings (ids), since.
SELECT mailing_id,
       count(*) FILTER (WHERE sent_at >= %(since)s) AS sent,
       count(*) FILTER (WHERE state = 'withheld' AND judged_at >= %(since)s) AS withheld,
       count(*) FILTER (WHERE state = 'queued' AND verdict = 'delay' AND judged_at >= %(since)s) AS delayed
FROM delivery_message
WHERE workspace_id = %(workspace_id)s AND mailing_id = ANY(%(mailings)s)
GROUP BY mailing_id;
