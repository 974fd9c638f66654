-- the export gives the time to the first answer in minutes after opening
SELECT
    source_row,
    account_id,
    ticket_id,
    submitted_at AS opened_at,
    try_strptime(submitted_at, '%d-%m-%Y') + to_minutes(TRY_CAST(first_response_time_minutes AS INTEGER)) AS first_response_at,
    closed_at AS resolved_at,
    priority,
    satisfaction_score AS csat,
    CASE WHEN escalation_flag = 'TRUE' THEN closed_at END AS escalated_at
FROM helpdesk
