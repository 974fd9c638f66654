-- One row is an account: an organization of Zendesk.
-- {{account_note}}
WITH
{{stage organization newest}}
SELECT
    min(source_row) AS source_row,
    account_key AS account_id,
    min(name) AS name,
    min(created_at) AS created_at,
    min(segment) AS segment,
    min(industry) AS industry,
    min(region) AS region
FROM organization
GROUP BY account_key
