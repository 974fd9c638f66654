SELECT
    feature_usage.source_row,
    contracts.account_id,
    feature_usage.usage_id AS event_id,
    feature_usage.usage_date AS occurred_at,
    feature_usage.feature_name AS event,
    feature_usage.usage_count AS quantity
FROM feature_usage
LEFT JOIN contracts ON contracts.subscription_id = feature_usage.subscription_id
