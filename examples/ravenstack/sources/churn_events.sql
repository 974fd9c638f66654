SELECT
    source_row,
    account_id,
    churn_date AS churned_at,
    reason_code AS reason
FROM leavings
