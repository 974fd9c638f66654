-- One row is an account of Salesforce.
-- {{account_note}}
-- created_at is CreatedDate; where your table does not have it, the first thing that is known of the account.
-- owner, segment, industry and the like are today's values: they feed a model only if project.yaml names them under
-- static:, which says that they never change.
WITH
{{stage account newest}},
{{stage account_history}},
{{stage opportunity newest}},
first_known AS (
    SELECT id, min(first_at) AS first_at
    FROM (
        SELECT id, changed_at AS first_at FROM account_history
        UNION ALL
        SELECT account_id, created_at FROM opportunity
    )
    GROUP BY id
)
SELECT
    min(a.source_row) AS source_row,
    a.account_key AS account_id,
    min(a.name) AS name,
    min(coalesce(a.created_at, f.first_at)) AS created_at,
    min(a.owner_id) AS owner_id,
    min(a.segment) AS segment,
    min(a.industry) AS industry,
    min(a.region) AS region,
    min(a.acquisition_source) AS acquisition_source,
    min(a.parent_id) AS parent_account_id
FROM account AS a
LEFT JOIN first_known AS f ON f.id = a.id
GROUP BY a.account_key
