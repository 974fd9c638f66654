-- trials are rows with an MRR of 0: known, but not paying
SELECT
    source_row,
    account_id,
    subscription_id,
    start_date AS starts_at,
    end_date AS ends_at,
    mrr_amount AS mrr,
    plan_tier AS plan,
    seats,
    billing_frequency AS billing_period
FROM contracts
