-- One row is an account: a company of Intercom.
-- {{account_note}}
WITH
{{stage company newest}}
SELECT
    min(source_row) AS source_row,
    account_key AS account_id,
    min(name) AS name,
    min(created_at) AS created_at,
    min(segment) AS segment,
    min(industry) AS industry
FROM company
GROUP BY account_key
