SELECT
    source_row,
    account_id,
    signup_date AS created_at,
    industry,
    country AS region,
    referral_source AS acquisition_source
FROM crm_accounts
