-- name: note_reactions
-- Add a span of the log to what is known of each message's opens and clicks, by link and device. There are such events only of people who
-- may be measured. Parameters: the span of `events.cursor`. Locks: the rows touched. Side effects: insights_reaction.
INSERT INTO insights_reaction AS kept (workspace_id, mailing_id, link, message_id, is_machine, device, count)
SELECT workspace_id, (properties ->> 'mailing')::integer,
       CASE WHEN name = 'Email Opened' THEN -1 ELSE (properties ->> 'link')::smallint END,
       (properties ->> 'message')::uuid, properties -> 'machine' IS NOT DISTINCT FROM 'true'::jsonb,
       CASE WHEN properties ->> 'device' IN ('computer', 'tablet', 'phone') THEN properties ->> 'device' ELSE 'other' END, count(*)
FROM events_event
WHERE workspace_id = %(workspace_id)s
  AND (xid, id) > (%(after_xid)s::text::xid8, %(after_id)s)
  AND (xid, id) <= (%(until_xid)s::text::xid8, %(until_id)s) AND at BETWEEN %(first_at)s AND %(last_at)s
  AND name IN ('Email Opened', 'Email Link Clicked')
  AND properties ->> 'message' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' AND properties ->> 'mailing' ~ '^[0-9]{1,9}$'
  AND (name = 'Email Opened' OR properties ->> 'link' ~ '^[0-9]{1,4}$')
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY 2, 3, 4, 5, 6
ON CONFLICT (workspace_id, mailing_id, link, message_id, is_machine, device) DO UPDATE SET count = kept.count + excluded.count;

-- name: mailing_links
-- How often each link of a mailing was followed: by how many people who may be measured, how often by them, how often by others (counted
-- without their names), how often by machines. Links that nobody followed are left out. Reads only.
WITH named AS (
    SELECT link, count(DISTINCT message_id) FILTER (WHERE NOT is_machine) AS people,
           sum(count) FILTER (WHERE NOT is_machine) AS clicks, sum(count) FILTER (WHERE is_machine) AS by_machines
    FROM insights_reaction
    WHERE workspace_id = %(workspace_id)s AND mailing_id = %(mailing_id)s AND link >= 0
    GROUP BY link
), unnamed AS (
    SELECT link, count(*) FILTER (WHERE NOT is_machine) AS clicks, count(*) FILTER (WHERE is_machine) AS by_machines
    FROM delivery_anonymousclick
    WHERE workspace_id = %(workspace_id)s AND mailing_id = %(mailing_id)s
    GROUP BY link
)
SELECT link AS number, coalesce(named.people, 0) AS people, coalesce(named.clicks, 0) AS named_clicks,
       coalesce(unnamed.clicks, 0) AS unnamed_clicks, coalesce(named.by_machines, 0) + coalesce(unnamed.by_machines, 0) AS machine_clicks
FROM named FULL JOIN unnamed USING (link)
ORDER BY coalesce(named.clicks, 0) + coalesce(unnamed.clicks, 0) DESC, link;

-- name: mailing_domains
-- What became of a mailing's messages at the mail systems that they were handed to, by the domain of the address: the largest `most`, then all
-- others together under ''. Opens and clicks are of those who may be measured, without machines. Reads only.
WITH counted AS (
    SELECT lower(split_part(address, '@', 2)) AS domain,
           count(*) AS handed,
           count(sent_at) AS sent,
           count(*) FILTER (WHERE state = 'failed') AS failed,
           count(bounced_at) FILTER (WHERE state = 'sent') AS bounced,
           count(*) FILTER (WHERE sent_at IS NOT NULL AND measured_opens) AS open_measured,
           count(opened_at) FILTER (WHERE sent_at IS NOT NULL AND measured_opens) AS opened,
           count(*) FILTER (WHERE sent_at IS NOT NULL AND measured_clicks) AS click_measured,
           count(clicked_at) FILTER (WHERE sent_at IS NOT NULL AND measured_clicks) AS clicked,
           count(unsubscribed_at) AS unsubscribed,
           count(complained_at) AS complained
    FROM delivery_message
    WHERE workspace_id = %(workspace_id)s AND mailing_id = %(mailing_id)s AND state IN ('sent', 'failed') AND address <> ''
    GROUP BY 1
), ranked AS (
    SELECT *, row_number() OVER (ORDER BY handed DESC, domain) AS place FROM counted
)
SELECT CASE WHEN place <= %(most)s THEN domain ELSE '' END AS domain, count(*)::integer AS domains,
       sum(sent)::integer AS sent, sum(failed)::integer AS failed, sum(bounced)::integer AS bounced,
       sum(open_measured)::integer AS open_measured, sum(opened)::integer AS opened,
       sum(click_measured)::integer AS click_measured, sum(clicked)::integer AS clicked,
       sum(unsubscribed)::integer AS unsubscribed, sum(complained)::integer AS complained
FROM ranked
GROUP BY 1
ORDER BY min(place);

-- name: mailing_devices
-- On what kind of device people who may be measured opened a mailing's messages and clicked in them; machines of any kind under 'machine'.
-- Who used two devices counts for both. Reads only.
SELECT CASE WHEN is_machine THEN 'machine' ELSE device END AS device,
       count(DISTINCT message_id) FILTER (WHERE link < 0) AS opened,
       count(DISTINCT message_id) FILTER (WHERE link >= 0) AS clicked
FROM insights_reaction
WHERE workspace_id = %(workspace_id)s AND mailing_id = %(mailing_id)s
GROUP BY 1
ORDER BY 1;
