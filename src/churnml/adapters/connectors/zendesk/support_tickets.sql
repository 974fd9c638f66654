-- One row is a ticket, as far as it went.
-- {{account_note}}
--   account_id         by the ticket's organization, else by its requester's; a ticket of neither is set aside as
--                      unknown_account, and 'churnml check' counts it
--   first_response_at  the first public comment by an agent after the opening; else Zendesk's own sum, to the minute
--   resolved_at        when its status became solved or closed; from solved to closed is no second solution
--   reopened_at        when it went from solved back to work; each reopening, and each solution after one, is a version
--                      of the ticket with a known_at of its own, so that on no day more is known than was then
--   csat               good is 5, bad is 1 (change it in rated); numbers stand as they are. Offered is no answer.
--   priority           the first one it was given; escalated_at: the first tag with "escalat" in it
-- Tickets that were deleted or merged later stay: on the day they were open nobody knew.
WITH
{{stage organization newest}},
{{stage person newest}},
{{stage ticket newest}},
{{stage ticket_field_history}},
{{stage ticket_audit newest}},
{{stage ticket_comment newest}},
{{stage ticket_metric newest}},
{{stage satisfaction_rating newest}},
audited AS (
    SELECT ticket_id, created_at, unnest(json_extract(events, '$[*]')) AS change
    FROM ticket_audit
),
-- each change of a field, whoever wrote it down
changes AS (
    SELECT ticket_id, field_name, value, changed_at FROM ticket_field_history
    UNION ALL
    SELECT ticket_id, json_extract_string(change, '$.field_name'), json_extract_string(change, '$.value'), created_at
    FROM audited
    WHERE json_extract_string(change, '$.type') IN ('Create', 'Change')
        AND ticket_id NOT IN (SELECT ticket_id FROM ticket_field_history)
),
statuses AS (
    SELECT
        ticket_id,
        changed_at,
        value IN ('solved', 'closed') AS is_solved,
        coalesce(lag(value) OVER (PARTITION BY ticket_id ORDER BY changed_at) IN ('solved', 'closed'), false) AS was_solved,
        value = 'deleted' AS is_deleted
    FROM changes
    WHERE field_name = 'status'
),
turns AS (
    SELECT
        ticket_id,
        changed_at,
        is_solved AND NOT was_solved AS solved,
        was_solved AND NOT is_solved AND NOT is_deleted AS reopened
    FROM statuses
    WHERE is_solved <> was_solved
),
running AS (
    SELECT
        ticket_id,
        changed_at AS known_at,
        max(changed_at) FILTER (WHERE solved) OVER w AS resolved_at,
        max(changed_at) FILTER (WHERE reopened) OVER w AS reopened_at
    FROM turns
    WINDOW w AS (PARTITION BY ticket_id ORDER BY changed_at)
),
-- the ticket as it stood from its opening, and from each turn after a reopening; the first solution counts once it came
standing AS (
    SELECT
        t.id AS ticket_id,
        t.created_at AS known_at,
        min(w.changed_at) FILTER (WHERE w.solved) AS resolved_at,
        CAST(NULL AS TIMESTAMPTZ) AS reopened_at
    FROM ticket AS t
    LEFT JOIN turns AS w ON w.ticket_id = t.id
    GROUP BY t.id, t.created_at
    UNION ALL
    SELECT * FROM running WHERE reopened_at IS NOT NULL
),
versions AS (
    SELECT * FROM standing
),
first_values AS (
    SELECT
        ticket_id,
        arg_min(value, changed_at) FILTER (WHERE field_name = 'priority' AND value <> '') AS priority,
        min(changed_at) FILTER (WHERE field_name = 'tags' AND value ILIKE '%escalat%') AS escalated_at
    FROM changes
    GROUP BY ticket_id
),
answers AS (
    SELECT c.ticket_id, min(c.created_at) AS first_response_at
    FROM ticket_comment AS c
    JOIN ticket AS t ON t.id = c.ticket_id
    LEFT JOIN person AS u ON u.id = c.author_id
    WHERE coalesce(c.is_public, true)
        AND c.created_at > t.created_at
        AND coalesce(u.role IN ('agent', 'admin'), c.author_id <> t.requester_id)
    GROUP BY c.ticket_id
),
given AS (
    SELECT ticket_id, lower(value) AS score, changed_at AS given_at
    FROM changes
    WHERE field_name IN ('satisfaction_score', 'satisfaction_rating')
    UNION ALL
    SELECT ticket_id, lower(score), coalesce(updated_at, created_at)
    FROM satisfaction_rating
    WHERE ticket_id NOT IN (
        SELECT ticket_id FROM changes WHERE field_name IN ('satisfaction_score', 'satisfaction_rating')
    )
),
rated AS (
    SELECT
        ticket_id,
        CASE WHEN score LIKE 'good%' THEN '5' WHEN score LIKE 'bad%' THEN '1' ELSE score END AS csat,
        given_at
    FROM given
    WHERE score NOT IN ('offered', 'unoffered', '')
    QUALIFY row_number() OVER (PARTITION BY ticket_id ORDER BY given_at DESC) = 1
)
SELECT
    t.source_row,
    coalesce(o.account_key, t.account_key, 'zendesk ticket ' || t.id) AS account_id,
    t.id AS ticket_id,
    t.created_at AS opened_at,
    coalesce(a.first_response_at, t.created_at + to_minutes(CAST(coalesce(m.reply_minutes, t.reply_minutes) AS BIGINT)))
        AS first_response_at,
    coalesce(s.resolved_at, m.solved_at, t.solved_at) AS resolved_at,
    s.reopened_at,
    s.known_at,
    coalesce(f.priority, t.priority) AS priority,
    t.category,
    coalesce(
        r.csat,
        CASE WHEN lower(t.score) LIKE 'good%' THEN '5' WHEN lower(t.score) LIKE 'bad%' THEN '1'
            WHEN lower(t.score) IN ('offered', 'unoffered', 'not offered', '') THEN NULL ELSE t.score END
    ) AS csat,
    r.given_at AS csat_at,
    f.escalated_at,
    t.subject,
    t.body
FROM ticket AS t
LEFT JOIN person AS q ON q.id = t.requester_id
LEFT JOIN organization AS o ON o.id = coalesce(t.organization_id, q.organization_id)
JOIN versions AS s ON s.ticket_id = t.id
LEFT JOIN first_values AS f ON f.ticket_id = t.id
LEFT JOIN answers AS a ON a.ticket_id = t.id
LEFT JOIN ticket_metric AS m ON m.ticket_id = t.id
LEFT JOIN rated AS r ON r.ticket_id = t.id
