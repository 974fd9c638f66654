-- One row is a case, as far as it went.
-- {{account_note}}
--   resolved_at   its closed date (the last one); reopened_at: the last time its status left Closed
--   escalated_at  the first time IsEscalated became true, where there is a case_history
WITH
{{stage account newest}},
{{stage case_record newest}},
{{stage case_history}},
turns AS (
    SELECT
        case_id,
        max(changed_at) FILTER (WHERE lower(field) = 'status' AND lower(old_value) LIKE '%closed%'
            AND lower(new_value) NOT LIKE '%closed%') AS reopened_at,
        min(changed_at) FILTER (WHERE lower(field) = 'isescalated' AND lower(new_value) IN ('true', '1')) AS escalated_at
    FROM case_history
    GROUP BY case_id
)
SELECT
    c.source_row,
    coalesce(a.account_key, 'salesforce ' || c.account_id, 'salesforce case ' || c.id) AS account_id,
    c.id AS ticket_id,
    c.created_at AS opened_at,
    c.replied_at AS first_response_at,
    c.closed_at AS resolved_at,
    t.reopened_at,
    lower(c.priority) AS priority,
    c.category,
    t.escalated_at,
    c.subject,
    c.body
FROM case_record AS c
LEFT JOIN account AS a ON a.id = c.account_id
LEFT JOIN turns AS t ON t.case_id = c.id
