-- One row is an account: a customer of Chargebee. Several customers that share an account_id are one account.
-- {{account_note}}
-- segment, industry and region are today's values: they feed a model only if project.yaml names them under static:.
WITH
{{stage customer newest}}
SELECT
    min(source_row) AS source_row,
    account_key AS account_id,
    min(name) AS name,
    min(created_at) AS created_at,
    min(segment) AS segment,
    min(industry) AS industry,
    min(region) AS region
FROM customer
GROUP BY account_key
