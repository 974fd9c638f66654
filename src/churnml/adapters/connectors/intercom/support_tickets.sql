-- One row is a conversation, as far as it went.
-- {{account_note}}
--   account_id         by the company of who began it, else of who takes part; of several companies the first by id
--   first_response_at  the first comment by an admin (a bot is no answer); else Intercom's own statistics
--   resolved_at        the last time it was closed; reopened_at: the last time it was opened after that
--   csat               Intercom's rating is 1 to 5 already
WITH
{{stage company newest}},
{{stage contact newest}},
{{stage contact_company}},
{{stage conversation newest}},
{{stage conversation_contact}},
{{stage conversation_part newest}},
member AS (
    SELECT contact_id, min(company_id) AS company_id
    FROM (
        SELECT contact_id, company_id FROM contact_company
        UNION ALL
        SELECT id, unnest(json_extract_string(companies, '$[*].id')) FROM contact
    )
    GROUP BY contact_id
),
taking_part AS (
    SELECT conversation_id, contact_id FROM conversation_contact
    UNION ALL
    SELECT id, unnest(json_extract_string(contacts, '$[*].id')) FROM conversation
    UNION ALL
    SELECT id, author_id FROM conversation
),
of_company AS (
    SELECT p.conversation_id, min(m.company_id) AS company_id
    FROM taking_part AS p
    JOIN member AS m ON m.contact_id = p.contact_id
    GROUP BY p.conversation_id
),
turns AS (
    SELECT
        conversation_id,
        min(created_at) FILTER (WHERE author_type = 'admin' AND part_type IN ('comment', 'assignment', 'close', 'open'))
            AS replied_at,
        max(created_at) FILTER (WHERE part_type = 'close') AS closed_at,
        max(created_at) FILTER (WHERE part_type = 'open') AS opened_again_at
    FROM conversation_part
    GROUP BY conversation_id
),
first_close AS (
    SELECT conversation_id, min(created_at) AS closed_at FROM conversation_part WHERE part_type = 'close' GROUP BY conversation_id
)
SELECT
    c.source_row,
    coalesce(o.account_key, 'intercom company ' || f.company_id, 'intercom conversation ' || c.id) AS account_id,
    c.id AS ticket_id,
    c.created_at AS opened_at,
    coalesce(t.replied_at, c.replied_at) AS first_response_at,
    coalesce(t.closed_at, c.closed_at) AS resolved_at,
    CASE WHEN t.opened_again_at > x.closed_at THEN t.opened_again_at END AS reopened_at,
    CASE WHEN c.priority IN ('priority', 'true') THEN 'high' ELSE 'normal' END AS priority,
    c.rating AS csat,
    c.rated_at AS csat_at,
    c.subject,
    c.body
FROM conversation AS c
LEFT JOIN of_company AS f ON f.conversation_id = c.id
LEFT JOIN company AS o ON o.id = f.company_id
LEFT JOIN turns AS t ON t.conversation_id = c.id
LEFT JOIN first_close AS x ON x.conversation_id = c.id
