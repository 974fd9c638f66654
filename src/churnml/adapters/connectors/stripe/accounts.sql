-- One row is an account: a customer of Stripe. Several customers that share an account_id are one account.
-- {{account_note}}
-- segment, industry and the like are today's values in customer.metadata: they feed a model only if project.yaml
-- names them under static:, which says that they never change.
WITH
{{stage customer newest}}
SELECT
    min(source_row) AS source_row,
    account_key AS account_id,
    min(name) AS name,
    min(created) AS created_at,
    min(owner_id) AS owner_id,
    min(segment) AS segment,
    min(industry) AS industry,
    min(region) AS region,
    min(acquisition_source) AS acquisition_source
FROM customer
GROUP BY account_key
