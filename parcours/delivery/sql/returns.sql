-- name: disabled_days
-- On how many days mail to an address of a person bounced because the mailbox is disabled; a message counts on its first day.
-- Parameters: contact_id, address. Reads only.
SELECT count(DISTINCT (first_at AT TIME ZONE 'UTC')::date) FROM (
    SELECT min(e.at) AS first_at FROM events_event e
    JOIN delivery_message m ON m.workspace_id = %(workspace_id)s AND m.id::text = e.properties ->> 'message' AND m.address = %(address)s
    WHERE e.workspace_id = %(workspace_id)s AND e.contact_id = %(contact_id)s AND e.name = 'Email Bounced'
      AND e.properties ->> 'class' = 'address_disabled' AND m.contact_id = %(contact_id)s
    GROUP BY m.id
) AS each;

-- name: is_soft_series
-- Whether an address of a person has been out of reach for long: soft bounces of at least `least` messages, the first and the last at
-- least `span` apart, all of them after the last sign that something arrived. Such a sign is a report of delivery, an opening, a click,
-- or a message that left before `arrived_by` and has not come back. Parameters: contact_id, address, arrived_by, least, span. Reads only.
WITH written AS MATERIALIZED (
    SELECT m.id, m.sent_at, m.delivered_at, m.opened_at, m.clicked_at, b.bounced_at, b.soft_at
    FROM delivery_message m
    LEFT JOIN (
        SELECT e.properties ->> 'message' AS message, min(e.at) AS bounced_at,
               min(e.at) FILTER (WHERE e.properties ->> 'class' = 'soft') AS soft_at
        FROM events_event e
        WHERE e.workspace_id = %(workspace_id)s AND e.contact_id = %(contact_id)s AND e.name = 'Email Bounced'
        GROUP BY 1
    ) AS b ON b.message = m.id::text
    WHERE m.workspace_id = %(workspace_id)s AND m.contact_id = %(contact_id)s AND m.address = %(address)s
      AND NOT m.is_test
)
SELECT count(*) >= %(least)s AND max(soft_at) - min(soft_at) >= %(span)s
FROM written
WHERE soft_at > coalesce((SELECT max(greatest(delivered_at, opened_at, clicked_at,
                                              CASE WHEN bounced_at IS NULL AND sent_at <= %(arrived_by)s THEN sent_at END))
                          FROM written), '-infinity');

-- name: find_message
-- A message as a bounce or a complaint names it, if it may have left. Parameters: id.
SELECT id, mailing_id, contact_id, address, state, is_test FROM delivery_message
WHERE workspace_id = %(workspace_id)s AND id = %(id)s AND address <> '';

-- name: note_return
-- Remember a mail that came back. Parameters: message_id, mail (its SHA-256), kind, meaning, reply, at. Returns null when it is known.
INSERT INTO delivery_return (workspace_id, message_id, mail, kind, meaning, reply, at)
VALUES (%(workspace_id)s, %(message_id)s, %(mail)s, %(kind)s, %(meaning)s, %(reply)s, %(at)s)
ON CONFLICT (workspace_id, mail) DO NOTHING RETURNING id;

-- name: project
-- Bring what people and providers did into the messages' columns: the first instant of each kind. Machines' opens and clicks
-- have columns of their own. Parameters: the span of the log. Locks: those messages. Repeatable.
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
      AND (e.xid, e.id) <= (%(until_xid)s::text::xid8, %(until_id)s) AND e.at BETWEEN %(first_at)s AND %(last_at)s
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
