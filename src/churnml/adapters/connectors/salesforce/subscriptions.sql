-- One row is a contract: an opportunity that was won.
--   starts_at  the contract's start (contract, or a field of the opportunity), else the close date
--   ends_at    the day after the contract's last day; else its term; else a year after the start: change the 12 below
--   mrr        MRR__c, else ARR__c / 12, else the amount spread over the months of the contract
--   known_at   when it was first won in opportunity_history, else the close date
-- A renewal is an opportunity of its own; where it begins before the old one ends, both count in between.
WITH
{{stage account newest}},
{{stage opportunity newest}},
{{stage opportunity_history}},
{{stage contract newest}},
won AS (
    SELECT
        o.*,
        coalesce(o.contract_start, c.starts_on, o.closed_on) AS starts_on,
        -- Salesforce's end is the last day; the contract table's ends_at is the first that is not paid for
        CAST(coalesce(
            coalesce(o.contract_end, c.ends_on) + INTERVAL 1 DAY,
            coalesce(o.contract_start, c.starts_on, o.closed_on) + to_months(CAST(coalesce(c.term_months, 12) AS INTEGER))
        ) AS DATE) AS ends_on
    FROM opportunity AS o
    LEFT JOIN contract AS c ON c.id = o.contract_id
    WHERE coalesce(o.is_won, lower(o.stage) LIKE '%won%')
),
known AS (
    SELECT opportunity_id, min(changed_at) AS won_at
    FROM opportunity_history
    WHERE coalesce(is_won, lower(stage) LIKE '%won%')
    GROUP BY opportunity_id
)
SELECT
    w.source_row,
    coalesce(a.account_key, 'salesforce ' || w.account_id) AS account_id,
    w.id AS subscription_id,
    w.starts_on AS starts_at,
    w.ends_on AS ends_at,
    coalesce(k.won_at, timezone('UTC', CAST(w.closed_on AS TIMESTAMP))) AS known_at,
    round(coalesce(w.mrr, w.arr / 12, w.amount / greatest(1, date_diff('month', w.starts_on, w.ends_on))), 2) AS mrr,
    w.plan,
    CAST(w.seats AS BIGINT) AS seats,
    w.ends_on AS renews_at,
    upper(w.currency) AS currency
FROM won AS w
LEFT JOIN known AS k ON k.opportunity_id = w.id
LEFT JOIN account AS a ON a.id = w.account_id
