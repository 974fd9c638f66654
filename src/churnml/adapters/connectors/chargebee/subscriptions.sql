-- One row is a period of a subscription on fixed terms.
--   starts_at     started_at, and each version (subscription_history, or the rows Airbyte appended) that changed terms
--   ends_at       the next change; else cancelled_at, and for a subscription that will not renew its current_term_end
--   cancelled_at  when its cancellation was scheduled, else when it was cancelled
--   mrr           its items (or plan) by the month; Chargebee's own mrr where there are none; 0 in trials and pauses
--   known_at      the version's own time; the first at created_at, if that was later
WITH
{{stage customer newest}},
{{stage subscription}},
{{stage subscription_history}},
{{stage subscription_item newest}},
versions AS (
    SELECT *, coalesce(changed_at, loaded_at, created_at) AS version_at, coalesce(started_at, activated_at, created_at) AS began
    FROM (
        SELECT * FROM subscription_history
        UNION ALL BY NAME
        SELECT * FROM subscription WHERE id NOT IN (SELECT id FROM subscription_history)
    )
    -- one that is to start in the future has no start yet
    WHERE coalesce(started_at, activated_at, created_at) IS NOT NULL
),
final_state AS (
    SELECT *, CASE
            WHEN status = 'cancelled' THEN cancelled_at
            WHEN lower(status) IN ('non_renewing', 'non renewing') THEN coalesce(term_end, cancelled_at)
            ELSE NULL
        END AS ends
    FROM (SELECT * REPLACE (lower(status) AS status) FROM versions)
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY version_at DESC, loaded_at DESC, source_row DESC) = 1
),
item_sums AS (
    SELECT
        subscription_id,
        sum(coalesce(amount, unit_price * coalesce(quantity, 1))) AS minor_amount,
        max(quantity) FILTER (WHERE coalesce(item_type, 'plan') = 'plan') AS quantity,
        min(item_price_id) FILTER (WHERE coalesce(item_type, 'plan') = 'plan') AS plan
    FROM subscription_item
    WHERE coalesce(item_type, 'plan') <> 'charge'
    GROUP BY subscription_id
),
inside AS (
    SELECT id, version_at, unnest(json_extract(items, '$[*]')) AS item FROM versions WHERE items IS NOT NULL
),
inside_sums AS (
    SELECT
        id,
        version_at,
        sum(CAST(coalesce(json_extract_string(item, '$.amount'), json_extract_string(item, '$.unit_price')) AS DOUBLE)
            * CASE WHEN json_extract_string(item, '$.amount') IS NULL
                THEN coalesce(CAST(json_extract_string(item, '$.quantity') AS DOUBLE), 1) ELSE 1 END) AS minor_amount,
        max(CAST(json_extract_string(item, '$.quantity') AS DOUBLE))
            FILTER (WHERE coalesce(json_extract_string(item, '$.item_type'), 'plan') = 'plan') AS quantity,
        min(json_extract_string(item, '$.item_price_id'))
            FILTER (WHERE coalesce(json_extract_string(item, '$.item_type'), 'plan') = 'plan') AS plan
    FROM inside
    WHERE coalesce(json_extract_string(item, '$.item_type'), 'plan') <> 'charge'
    GROUP BY id, version_at
),
moments AS (
    SELECT id AS subscription_id, began AS moment FROM final_state
    UNION SELECT id, trial_end FROM final_state
    UNION SELECT id, pause_at FROM final_state
    UNION SELECT id, resume_at FROM final_state
    UNION SELECT id, version_at FROM versions
),
stated AS (
    SELECT m.subscription_id, m.moment, v.*
    FROM moments AS m
    JOIN final_state AS s ON s.id = m.subscription_id
    JOIN versions AS v ON v.id = m.subscription_id
    WHERE m.moment >= s.began AND (s.ends IS NULL OR m.moment < s.ends OR m.moment = s.began)
    QUALIFY row_number() OVER (
        PARTITION BY m.subscription_id, m.moment
        ORDER BY v.version_at <= m.moment DESC, CASE WHEN v.version_at <= m.moment THEN v.version_at END DESC, v.version_at
    ) = 1
),
terms AS (
    SELECT
        t.*,
        coalesce(i.plan, n.plan, t.plan) AS plan_name,
        CAST(coalesce(n.quantity, i.quantity, t.quantity) AS BIGINT) AS seats,
        coalesce(t.period, 1) * CASE lower(t.period_unit) WHEN 'year' THEN 12 WHEN 'week' THEN 7 / 30.4375
            WHEN 'day' THEN 1 / 30.4375 ELSE 1 END AS months,
        {{minor_units upper(t.currency)}} AS minor_units,
        coalesce(n.minor_amount, i.minor_amount, t.unit_price * coalesce(t.quantity, 1)) AS minor_amount
    FROM stated AS t
    LEFT JOIN item_sums AS i ON i.subscription_id = t.subscription_id
    LEFT JOIN inside_sums AS n ON n.id = t.subscription_id AND n.version_at = t.version_at
),
paid AS (
    SELECT
        subscription_id,
        moment,
        customer_id,
        CASE
            WHEN trial_end > moment OR (pause_at <= moment AND (resume_at IS NULL OR resume_at > moment)) THEN 0
            ELSE round(coalesce(
                minor_amount / minor_units / months,
                major_unit_price * coalesce(quantity, 1) / months,
                minor_mrr / minor_units,
                major_mrr
            ), 2)
        END AS mrr,
        plan_name AS plan,
        seats,
        CASE
            WHEN months = 1 THEN 'monthly' WHEN months = 3 THEN 'quarterly' WHEN months = 6 THEN 'semiannual'
            WHEN months = 12 THEN 'annual' WHEN months = 24 THEN 'biennial' WHEN lower(period_unit) = 'week' AND period = 1 THEN 'weekly'
            ELSE CAST(period AS BIGINT) || ' ' || lower(period_unit) || 's'
        END AS billing_period,
        CASE WHEN lower(coalesce(period_unit, 'month')) IN ('month', 'year') THEN CAST(months AS BIGINT) END AS renewal_months,
        upper(currency) AS currency
    FROM terms
),
changes AS (
    SELECT *
    FROM paid
    WINDOW w AS (PARTITION BY subscription_id ORDER BY moment)
    QUALIFY lag(moment) OVER w IS NULL OR (mrr, plan, seats, billing_period, currency)
        IS DISTINCT FROM lag((mrr, plan, seats, billing_period, currency)) OVER w
),
periods AS (
    SELECT
        c.*,
        lead(moment) OVER (PARTITION BY subscription_id ORDER BY moment) AS next_at,
        row_number() OVER (PARTITION BY subscription_id ORDER BY moment) AS place,
        CAST(timezone('UTC', moment) AS DATE) AS start_day,
        -- billing begins when the trial is over
        CAST(timezone('UTC', coalesce(s.activated_at, s.trial_end, s.began)) AS DATE) AS anchor_day
    FROM changes AS c
    JOIN final_state AS s ON s.id = c.subscription_id
),
counted AS (
    SELECT *, CAST(greatest(0, date_diff('month', anchor_day, start_day)) // renewal_months AS BIGINT) AS terms_before
    FROM periods
)
SELECT
    s.source_row,
    coalesce(c.account_key, 'chargebee ' || s.customer_id) AS account_id,
    p.subscription_id,
    p.moment AS starts_at,
    coalesce(p.next_at, s.ends) AS ends_at,
    CASE WHEN p.next_at IS NULL THEN coalesce(s.notice_at, s.cancelled_at) END AS cancelled_at,
    CASE WHEN p.place = 1 THEN greatest(p.moment, s.created_at) ELSE p.moment END AS known_at,
    p.mrr,
    p.plan,
    p.seats,
    p.billing_period,
    CAST(p.anchor_day + to_months(CAST(p.renewal_months * greatest(
        1,
        p.terms_before + CASE WHEN p.anchor_day + to_months(CAST(p.renewal_months * p.terms_before AS INTEGER))
            <= p.start_day THEN 1 ELSE 0 END
    ) AS INTEGER)) AS DATE) AS renews_at,
    p.currency
FROM counted AS p
JOIN final_state AS s ON s.id = p.subscription_id
LEFT JOIN customer AS c ON c.id = s.customer_id
