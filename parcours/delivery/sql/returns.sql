-- name: disabled_days
-- On how many days mail to a person bounced because the mailbox is disabled. Parameters: contact_id. Reads the log only.
SELECT count(DISTINCT (at AT TIME ZONE 'UTC')::date) FROM events_event
WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND name = 'Email Bounced'
  AND properties ->> 'class' = 'address_disabled';

-- name: find_message
-- A message as a bounce or a complaint names it. Parameters: id.
SELECT id, mailing_id, contact_id, address, state FROM delivery_message
WHERE workspace_id = %(workspace_id)s AND id = %(id)s AND sent_at IS NOT NULL;

-- name: project
-- Bring what people and providers did into the messages' columns: the first instant of each kind. Machines' opens and clicks
-- have columns of their own. Parameters: the span of the log (after_xid, after_id, until_xid, until_id). Locks: those messages. Repeatable.
WITH told AS (
    SELECT (e.properties ->> 'message')::uuid AS id,
           min(e.at) FILTER (WHERE e.name = 'Email Delivered') AS delivered_at,
           min(e.at) FILTER (WHERE e.name = 'Email Opened' AND NOT machine) AS opened_at,
           min(e.at) FILTER (WHERE e.name = 'Email Opened' AND machine) AS machine_opened_at,
           min(e.at) FILTER (WHERE e.name = 'Email Link Clicked' AND NOT machine) AS clicked_at,
           min(e.at) FILTER (WHERE e.name = 'Email Link Clicked' AND machine) AS machine_clicked_at,
           min(e.at) FILTER (WHERE e.name = 'Email Bounced') AS bounced_at,
           min(e.at) FILTER (WHERE e.name = 'Email Marked as Spam') AS complained_at,
           min(e.at) FILTER (WHERE e.name = 'Unsubscribed') AS unsubscribed_at
    FROM events_event e CROSS JOIN LATERAL (SELECT e.properties -> 'machine' IS NOT DISTINCT FROM 'true'::jsonb AS machine) AS by
    WHERE e.workspace_id = %(workspace_id)s
      AND (e.xid, e.id) > (%(after_xid)s::text::xid8, %(after_id)s)
      AND (e.xid, e.id) <= (%(until_xid)s::text::xid8, %(until_id)s)
      AND e.name IN ('Email Delivered', 'Email Opened', 'Email Link Clicked', 'Email Bounced', 'Email Marked as Spam', 'Unsubscribed')
      AND e.properties ->> 'message' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    GROUP BY 1
)
UPDATE delivery_message m
SET delivered_at = least(m.delivered_at, t.delivered_at), opened_at = least(m.opened_at, t.opened_at),
    clicked_at = least(m.clicked_at, t.clicked_at),
    machine_opened_at = least(m.machine_opened_at, t.machine_opened_at),
    machine_clicked_at = least(m.machine_clicked_at, t.machine_clicked_at), bounced_at = least(m.bounced_at, t.bounced_at),
    complained_at = least(m.complained_at, t.complained_at), unsubscribed_at = least(m.unsubscribed_at, t.unsubscribed_at)
FROM told t
WHERE m.workspace_id = %(workspace_id)s AND m.id = t.id;
