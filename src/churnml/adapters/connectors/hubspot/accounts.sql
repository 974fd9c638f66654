-- One row is an account: a company of HubSpot.
-- {{account_note}}
-- owner, segment, industry and the like are today's values: they feed a model only if project.yaml names them under
-- static:, which says that they never change. (company_property_history has their past; churnml does not read it.)
WITH
{{stage company newest}}
SELECT
    min(source_row) AS source_row,
    account_key AS account_id,
    min(name) AS name,
    min(created_at) AS created_at,
    min(owner_id) AS owner_id,
    min(segment) AS segment,
    min(industry) AS industry,
    min(region) AS region,
    min(acquisition_source) AS acquisition_source
FROM company
GROUP BY account_key
