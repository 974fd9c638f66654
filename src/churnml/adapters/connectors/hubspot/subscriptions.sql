-- One row is a contract: a deal that was won. HubSpot keeps no contracts, so this is what a deal says of one:
--   starts_at  the deal's contract start, else its close date
--   ends_at    the deal's contract end, else a year after the start: change the 12 months below if yours are others
--   mrr        hs_mrr, else hs_arr / 12, else the amount spread over the months of the contract
--   known_at   when the deal entered its stage of winning, else its close date
-- A renewal is a deal of its own; where it begins before the old one ends, both count in between.
-- A deal is won where hs_is_closed_won says so, or its stage has "won" in its name.
WITH
{{stage company newest}},
{{stage deal newest}},
{{stage deal_company newest}},
{{stage deal_stage}},
{{stage deal_pipeline_stage newest}},
won AS (
    SELECT
        d.*,
        coalesce(d.contract_start, d.closed_at) AS starts_at,
        coalesce(d.contract_end, timezone('UTC', timezone('UTC', coalesce(d.contract_start, d.closed_at)) + INTERVAL 12 MONTHS))
            AS ends_at,
        coalesce(l.company_id, d.company_id) AS company
    FROM deal AS d
    LEFT JOIN deal_company AS l ON l.deal_id = d.id
    LEFT JOIN deal_pipeline_stage AS g ON g.id = d.stage
    WHERE coalesce(d.is_won, g.is_won, lower(coalesce(g.label, d.stage)) LIKE '%won%')
),
known AS (
    SELECT s.deal_id, max(s.entered_at) AS won_at
    FROM deal_stage AS s
    JOIN won AS w ON w.id = s.deal_id AND w.stage = s.stage
    GROUP BY s.deal_id
)
SELECT
    w.source_row,
    coalesce(c.account_key, 'hubspot company ' || w.company, 'hubspot deal ' || w.id) AS account_id,
    w.id AS subscription_id,
    w.starts_at,
    w.ends_at,
    coalesce(k.won_at, w.closed_at) AS known_at,
    round(coalesce(w.mrr, w.arr / 12, w.amount / greatest(1, date_diff('month', timezone('UTC', w.starts_at),
        timezone('UTC', w.ends_at)))), 2) AS mrr,
    w.plan,
    CAST(w.seats AS BIGINT) AS seats,
    w.ends_at AS renews_at,
    upper(w.currency) AS currency
FROM won AS w
LEFT JOIN known AS k ON k.deal_id = w.id
LEFT JOIN company AS c ON c.id = w.company
