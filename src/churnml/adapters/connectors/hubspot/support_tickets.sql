-- One row is a ticket, as far as it went.
-- {{account_note}}
--   account_id   by the company the ticket belongs to; one of no company is set aside as unknown_account and counted
--   resolved_at  its close date; reopened_at: the last time its stage went from a closed one back, where the history
--                of its close date shows that it was emptied
--   priority     the first one it was given, where there is a history
WITH
{{stage company newest}},
{{stage ticket newest}},
{{stage ticket_company newest}},
{{stage ticket_property_history}},
reopened AS (
    SELECT ticket_id, max(changed_at) AS reopened_at
    FROM (
        SELECT ticket_id, changed_at, value, lag(value) OVER (PARTITION BY ticket_id ORDER BY changed_at) AS before
        FROM ticket_property_history
        WHERE name = 'closed_date'
    )
    WHERE coalesce(value, '') = '' AND coalesce(before, '') <> ''
    GROUP BY ticket_id
),
first_priority AS (
    SELECT ticket_id, arg_min(value, changed_at) AS priority
    FROM ticket_property_history
    WHERE name = 'hs_ticket_priority' AND value <> ''
    GROUP BY ticket_id
)
SELECT
    t.source_row,
    coalesce(c.account_key, 'hubspot company ' || coalesce(l.company_id, t.company_id), 'hubspot ticket ' || t.id) AS account_id,
    t.id AS ticket_id,
    t.created_at AS opened_at,
    t.replied_at AS first_response_at,
    t.closed_at AS resolved_at,
    r.reopened_at,
    lower(coalesce(p.priority, t.priority)) AS priority,
    lower(t.category) AS category,
    t.subject,
    t.body
FROM ticket AS t
LEFT JOIN ticket_company AS l ON l.ticket_id = t.id
LEFT JOIN company AS c ON c.id = coalesce(l.company_id, t.company_id)
LEFT JOIN reopened AS r ON r.ticket_id = t.id
LEFT JOIN first_priority AS p ON p.ticket_id = t.id
