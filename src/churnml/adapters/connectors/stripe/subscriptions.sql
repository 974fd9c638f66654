-- One row is a period of a subscription on fixed terms, made out of what Stripe keeps of it.
--   starts_at   start_date, and each moment at which price, quantity, discount, trial or pause changed
--   ends_at     the next change; else ended_at, cancel_at, or the end of the paid period when it was cancelled to then
--   cancelled_at  canceled_at: when notice was given, which may be long before the end
--   known_at    the row's own start (Stripe knows a change when it happens); the first at created, if that was later.
--               A notice that was taken back is two more versions of the row: known when it was given, and when it no
--               longer stood. Without a history it leaves no trace.
--   mrr         price × quantity − discount, by the month; 0 in trials, while collection is paused, and for
--               subscriptions whose first payment never came (incomplete). Metered prices are no recurring revenue and
--               are left out; a tiered price has no unit amount, so its row is set aside as missing mrr, and told.
--   currency    left as it is: see docs/contract.md for several currencies in one project
WITH
{{stage customer newest}},
{{stage subscription}},
{{stage subscription_history}},
{{stage subscription_item newest}},
{{stage price newest}},
{{stage plan newest}},
{{stage product newest}},
{{stage invoice_line_item newest}},
{{stage discount newest}},
{{stage coupon newest}},
-- every version; without a history there is one each
versions AS (
    SELECT *, coalesce(changed_at, loaded_at, created) AS version_at
    FROM (
        SELECT * FROM subscription_history
        UNION ALL BY NAME
        SELECT * FROM subscription WHERE id NOT IN (SELECT id FROM subscription_history)
    )
),
final_state AS (
    SELECT
        *,
        coalesce(start_date, created) AS began,
        coalesce(ended_at, cancel_at, CASE WHEN cancel_at_period_end THEN current_period_end END) AS ends
    FROM versions
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY coalesce(is_newest, false) DESC, version_at DESC, loaded_at DESC) = 1
),
-- amounts are in cents, but for currencies without decimals (and the five with three)
prices AS (
    SELECT
        id,
        upper(currency) AS currency,
        coalesce(
            unit_amount / {{minor_units upper(currency)}},
            major_amount
        ) AS unit_amount,
        lower(interval_unit) AS interval_unit,
        coalesce(interval_count, 1) AS interval_count,
        coalesce(usage_type, 'licensed') AS usage_type,
        nickname,
        product_id
    FROM (
        SELECT * FROM price
        UNION ALL BY NAME
        SELECT * FROM plan WHERE id NOT IN (SELECT id FROM price)
    )
),
-- what each subscription consists of today: its items; else what stands inside it
inside AS (
    SELECT s.id AS subscription_id, unnest(json_extract(s.items, '$.data[*]')) AS item
    FROM final_state AS s
    WHERE s.items IS NOT NULL AND s.id NOT IN (SELECT subscription_id FROM subscription_item WHERE subscription_id IS NOT NULL)
),
items AS (
    SELECT subscription_id, id AS item_id, price_id, coalesce(quantity, 1) AS quantity, price
    FROM subscription_item
    WHERE NOT coalesce(is_deleted, false)
    UNION ALL
    SELECT
        subscription_id,
        json_extract_string(item, '$.id') AS item_id,
        coalesce(json_extract_string(item, '$.price.id'), json_extract_string(item, '$.plan.id')) AS price_id,
        coalesce(CAST(json_extract_string(item, '$.quantity') AS DOUBLE), 1) AS quantity,
        json_extract(item, '$.price') AS price
    FROM inside
    UNION ALL
    SELECT id, id, price_id, coalesce(quantity, 1), NULL
    FROM final_state
    WHERE id NOT IN (SELECT subscription_id FROM subscription_item WHERE subscription_id IS NOT NULL)
        AND id NOT IN (SELECT subscription_id FROM inside)
),
-- the moments at which something may have changed
moments AS (
    SELECT id AS subscription_id, began AS moment FROM final_state
    UNION SELECT id, trial_end FROM final_state
    UNION SELECT id, version_at FROM versions
    UNION SELECT subscription_id, period_start FROM invoice_line_item
    UNION SELECT subscription_id, period_end FROM invoice_line_item
    UNION SELECT id, discount_start FROM final_state
    UNION SELECT id, discount_end FROM final_state
    UNION SELECT s.id, d.start_at FROM discount AS d JOIN final_state AS s
        ON s.id = d.subscription_id OR (d.subscription_id IS NULL AND s.customer_id = d.customer_id)
    UNION SELECT s.id, d.end_at FROM discount AS d JOIN final_state AS s
        ON s.id = d.subscription_id OR (d.subscription_id IS NULL AND s.customer_id = d.customer_id)
),
stretches AS (
    SELECT m.subscription_id, m.moment
    FROM moments AS m
    JOIN final_state AS s ON s.id = m.subscription_id
    WHERE m.moment >= s.began AND (s.ends IS NULL OR m.moment < s.ends OR m.moment = s.began)
),
-- the version that held then; before the first one that was kept, the first one
stated AS (
    SELECT t.subscription_id, t.moment, v.quantity, v.paused, v.status, v.version_at <= t.moment AS was_so
    FROM stretches AS t
    JOIN versions AS v ON v.id = t.subscription_id
    QUALIFY row_number() OVER (
        PARTITION BY t.subscription_id, t.moment
        ORDER BY v.version_at <= t.moment DESC, CASE WHEN v.version_at <= t.moment THEN v.version_at END DESC, v.version_at
    ) = 1
),
-- what was billed for that moment says the terms best; of each item the newest line counts, and a line of credit ends it
billed AS (
    SELECT t.subscription_id, t.moment, l.item_id, l.price_id, coalesce(l.quantity, 1) AS quantity, l.price, l.amount,
        l.is_proration
    FROM stretches AS t
    JOIN invoice_line_item AS l
        ON l.subscription_id = t.subscription_id AND l.period_start <= t.moment AND l.period_end > t.moment
    WHERE coalesce(l.type, 'subscription') <> 'invoiceitem' OR l.is_proration
    QUALIFY row_number() OVER (
        PARTITION BY t.subscription_id, t.moment, coalesce(l.item_id, l.price_id)
        ORDER BY l.period_start DESC, l.amount DESC, l.id DESC
    ) = 1
),
-- a stretch between two bills goes by the one before it, the time before the first bill by the first
settled AS (
    SELECT
        t.subscription_id,
        t.moment,
        CASE WHEN min(b.moment) FILTER (WHERE b.moment >= t.moment) IS NOT NULL THEN coalesce(
            max(b.moment) FILTER (WHERE b.moment <= t.moment), min(b.moment) FILTER (WHERE b.moment >= t.moment)
        ) END AS billed_at
    FROM stretches AS t
    LEFT JOIN (SELECT DISTINCT subscription_id, moment FROM billed) AS b ON b.subscription_id = t.subscription_id
    GROUP BY t.subscription_id, t.moment
),
parts AS (
    SELECT t.subscription_id, t.moment, b.price_id, b.quantity, b.price
    FROM settled AS t
    JOIN billed AS b ON b.subscription_id = t.subscription_id AND b.moment = t.billed_at
    WHERE NOT (coalesce(b.is_proration, false) AND b.amount < 0)
    UNION ALL
    -- nothing was billed from then on: today's items, with the quantity of the version where there is one item only
    SELECT
        t.subscription_id,
        t.moment,
        i.price_id,
        CASE WHEN count(*) OVER (PARTITION BY t.subscription_id, t.moment) = 1 THEN coalesce(v.quantity, i.quantity)
            ELSE i.quantity END AS quantity,
        i.price
    FROM settled AS t
    JOIN items AS i ON i.subscription_id = t.subscription_id
    JOIN stated AS v ON v.subscription_id = t.subscription_id AND v.moment = t.moment
    WHERE t.billed_at IS NULL
),
priced AS (
    SELECT
        p.subscription_id,
        p.moment,
        p.quantity,
        coalesce(r.currency, upper(json_extract_string(p.price, '$.currency')), upper(s.currency)) AS currency,
        coalesce(
            r.unit_amount,
            -- the price stands inside the item, in cents as above
            CAST(coalesce(json_extract_string(p.price, '$.unit_amount_decimal'),
                json_extract_string(p.price, '$.unit_amount')) AS DOUBLE)
            / {{minor_units upper(json_extract_string(p.price, '$.currency'))}},
            -- Stripe's own export: Amount of the whole subscription, in whole units of the currency
            s.amount / nullif(p.quantity, 0)
        ) AS unit_amount,
        coalesce(r.interval_unit, json_extract_string(p.price, '$.recurring.interval'), lower(s.interval_unit), 'month')
            AS interval_unit,
        coalesce(r.interval_count, CAST(json_extract_string(p.price, '$.recurring.interval_count') AS DOUBLE), 1)
            AS interval_count,
        coalesce(r.usage_type, json_extract_string(p.price, '$.recurring.usage_type'), 'licensed') AS usage_type,
        coalesce(n.name, r.nickname, p.price_id) AS plan
    FROM parts AS p
    JOIN final_state AS s ON s.id = p.subscription_id
    LEFT JOIN prices AS r ON r.id = p.price_id
    LEFT JOIN product AS n ON n.id = coalesce(r.product_id, json_extract_string(p.price, '$.product'))
),
-- months between two invoices
monthly AS (
    SELECT
        *,
        CASE interval_unit
            WHEN 'year' THEN 12 WHEN 'month' THEN 1 WHEN 'week' THEN 7 / 30.4375 WHEN 'day' THEN 1 / 30.4375
        END * interval_count AS months
    FROM priced
    WHERE usage_type <> 'metered'
),
terms AS (
    SELECT
        subscription_id,
        moment,
        -- one part without an amount makes the whole unknown, not smaller
        CASE WHEN count(*) = count(unit_amount * quantity / months) THEN sum(unit_amount * quantity / months) END AS listed,
        sum(quantity) AS seats,
        max(months) AS months,
        max(currency) AS currency,
        arg_max(plan, coalesce(unit_amount * quantity / months, 0)) AS plan,
        arg_max(interval_unit, months) AS interval_unit,
        arg_max(interval_count, months) AS interval_count
    FROM monthly
    GROUP BY subscription_id, moment
),
-- discounts that held then; one for a single invoice (once) is no change of the recurring price
discounts AS (
    SELECT s.id AS subscription_id, d.start_at, d.end_at, c.percent_off, c.amount_off
    FROM discount AS d
    JOIN coupon AS c ON c.id = d.coupon_id
    JOIN final_state AS s
        ON s.id = d.subscription_id OR (d.subscription_id IS NULL AND s.customer_id = d.customer_id)
    WHERE coalesce(c.duration, 'forever') <> 'once'
    UNION ALL
    SELECT id, discount_start, discount_end, percent_off, amount_off
    FROM final_state
    WHERE (percent_off IS NOT NULL OR amount_off IS NOT NULL) AND coalesce(discount_duration, 'forever') <> 'once'
),
reduced AS (
    SELECT
        t.subscription_id,
        t.moment,
        coalesce(max(d.percent_off), 0) AS percent_off,
        coalesce(sum(d.amount_off), 0) AS amount_off
    FROM terms AS t
    LEFT JOIN discounts AS d
        ON d.subscription_id = t.subscription_id
        AND coalesce(d.start_at, t.moment) <= t.moment
        AND (d.end_at IS NULL OR d.end_at > t.moment)
    GROUP BY t.subscription_id, t.moment
),
paid AS (
    SELECT
        v.subscription_id,
        v.moment,
        s.customer_id,
        s.anchor,
        s.began,
        CASE
            WHEN s.trial_end > v.moment OR v.status IN ('incomplete', 'incomplete_expired')
                OR (v.was_so AND (v.status IN ('unpaid', 'paused') OR v.paused IS NOT NULL))
                OR t.subscription_id IS NULL THEN 0
            ELSE round(greatest(t.listed * (1 - r.percent_off / 100) - r.amount_off / (t.months * {{minor_units t.currency}}), CASE WHEN t.listed IS NULL THEN NULL ELSE 0 END), 2)
        END AS mrr,
        t.plan,
        CAST(t.seats AS BIGINT) AS seats,
        CASE
            WHEN t.interval_unit = 'month' AND t.interval_count = 1 THEN 'monthly'
            WHEN t.interval_unit = 'month' AND t.interval_count = 3 THEN 'quarterly'
            WHEN t.interval_unit = 'month' AND t.interval_count = 6 THEN 'semiannual'
            WHEN t.interval_unit = 'month' AND t.interval_count = 12 THEN 'annual'
            WHEN t.interval_unit = 'month' AND t.interval_count = 24 THEN 'biennial'
            WHEN t.interval_unit = 'year' AND t.interval_count = 1 THEN 'annual'
            WHEN t.interval_unit = 'year' AND t.interval_count = 2 THEN 'biennial'
            WHEN t.interval_unit = 'week' AND t.interval_count = 1 THEN 'weekly'
            ELSE CAST(t.interval_count AS BIGINT) || ' ' || t.interval_unit || 's'
        END AS billing_period,
        CASE t.interval_unit WHEN 'year' THEN 12 WHEN 'month' THEN 1 END * t.interval_count AS renewal_months,
        t.currency
    FROM stated AS v
    JOIN final_state AS s ON s.id = v.subscription_id
    LEFT JOIN terms AS t ON t.subscription_id = v.subscription_id AND t.moment = v.moment
    LEFT JOIN reduced AS r ON r.subscription_id = v.subscription_id AND r.moment = v.moment
),
-- neighbours on the same terms are one period
changes AS (
    SELECT *
    FROM paid
    WINDOW w AS (PARTITION BY subscription_id ORDER BY moment)
    QUALIFY lag(moment) OVER w IS NULL OR (mrr, plan, seats, billing_period, currency)
        IS DISTINCT FROM lag((mrr, plan, seats, billing_period, currency)) OVER w
),
periods AS (
    SELECT
        *,
        lead(moment) OVER (PARTITION BY subscription_id ORDER BY moment) AS next_at,
        row_number() OVER (PARTITION BY subscription_id ORDER BY moment) AS place,
        CAST(timezone('UTC', moment) AS DATE) AS start_day,
        CAST(timezone('UTC', coalesce(anchor, began)) AS DATE) AS anchor_day,
        CAST(date_diff('month', CAST(timezone('UTC', coalesce(anchor, began)) AS DATE),
            CAST(timezone('UTC', moment) AS DATE)) // renewal_months AS BIGINT) AS terms_before
    FROM changes
),
-- notices that were taken back: from the version that first has one to the next that has none
taken_back AS (
    SELECT *
    FROM (
        SELECT
            id AS subscription_id,
            version_at AS noticed_at,
            coalesce(canceled_at, version_at) AS given_at,
            coalesce(cancel_at, CASE WHEN cancel_at_period_end THEN current_period_end END) AS would_end,
            noticed AND NOT coalesce(lag(noticed) OVER (PARTITION BY id ORDER BY version_at), false) AS is_first,
            min(CASE WHEN NOT noticed THEN version_at END) OVER (
                PARTITION BY id ORDER BY version_at ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
            ) AS taken_at
        FROM (
            SELECT *, canceled_at IS NOT NULL OR cancel_at IS NOT NULL OR coalesce(cancel_at_period_end, false) AS noticed
            FROM versions
        )
    )
    WHERE is_first AND taken_at > noticed_at
),
settled_periods AS (
    SELECT
        p.*,
        coalesce(p.next_at, s.ends) AS ends_at,
        CASE WHEN p.next_at IS NULL THEN s.canceled_at END AS cancelled_at,
        CASE WHEN p.place = 1 THEN greatest(p.moment, s.created) ELSE p.moment END AS known_at
    FROM periods AS p
    JOIN final_state AS s ON s.id = p.subscription_id
),
withdrawn AS (
    SELECT p.*, b.noticed_at, b.given_at, b.would_end, b.taken_at
    FROM settled_periods AS p
    JOIN taken_back AS b ON b.subscription_id = p.subscription_id
    WHERE p.known_at < b.taken_at AND (p.next_at IS NULL OR p.next_at > b.noticed_at)
),
known_periods AS (
    -- terms that began under such a notice were first known with it
    SELECT p.*
    FROM settled_periods AS p
    WHERE NOT EXISTS (
        SELECT 1 FROM withdrawn AS w
        WHERE w.subscription_id = p.subscription_id AND w.moment = p.moment AND w.noticed_at <= p.known_at
    )
    UNION ALL BY NAME
    SELECT * EXCLUDE (noticed_at, given_at, would_end, taken_at) REPLACE (
        CASE WHEN would_end > moment THEN would_end END AS ends_at,
        greatest(given_at, moment) AS cancelled_at,
        greatest(known_at, noticed_at) AS known_at
    )
    FROM withdrawn
    UNION ALL BY NAME
    SELECT * EXCLUDE (noticed_at, given_at, would_end, taken_at) REPLACE (least(taken_at, next_at) AS known_at)
    FROM withdrawn
)
SELECT
    s.source_row,
    coalesce(c.account_key, 'stripe ' || s.customer_id) AS account_id,
    p.subscription_id,
    p.moment AS starts_at,
    p.ends_at,
    p.cancelled_at,
    p.known_at,
    p.mrr,
    p.plan,
    p.seats,
    p.billing_period,
    -- the first renewal after the period's start, counted in UTC from the subscription's own day
    CAST(p.anchor_day + to_months(CAST(p.renewal_months * greatest(
        1,
        p.terms_before + CASE WHEN p.anchor_day + to_months(CAST(p.renewal_months * p.terms_before AS INTEGER))
            <= p.start_day THEN 1 ELSE 0 END
    ) AS INTEGER)) AS DATE) AS renews_at,
    p.currency
FROM known_periods AS p
JOIN final_state AS s ON s.id = p.subscription_id
LEFT JOIN customer AS c ON c.id = s.customer_id
