-- One row is a customer's leaving: a subscription ended, and no other one of the account ran on.
-- reason is what the customer chose in Stripe (cancellation_details); payments that failed are not voluntary.
-- It is known when it has ended; labels of kind contract are made from subscriptions and do not need this table.
WITH
{{stage customer newest}},
{{stage subscription}},
{{stage subscription_history}},
final_state AS (
    SELECT *
    FROM (
        SELECT * FROM subscription_history
        UNION ALL BY NAME
        SELECT * FROM subscription WHERE id NOT IN (SELECT id FROM subscription_history)
    )
    QUALIFY row_number() OVER (
        PARTITION BY id ORDER BY coalesce(is_newest, false) DESC, coalesce(changed_at, loaded_at, created) DESC
    ) = 1
),
owned AS (
    SELECT s.*, coalesce(c.account_key, 'stripe ' || s.customer_id) AS account_id
    FROM final_state AS s
    LEFT JOIN customer AS c ON c.id = s.customer_id
)
SELECT
    min(e.source_row) AS source_row,
    e.account_id,
    e.ended_at AS churned_at,
    min(e.cancel_reason) AS reason,
    bool_and(coalesce(e.cancel_cause, 'cancellation_requested') <> 'payment_failed') AS voluntary,
    e.ended_at AS known_at
FROM owned AS e
WHERE e.ended_at IS NOT NULL
    AND coalesce(e.status, 'canceled') <> 'incomplete_expired'
    AND NOT EXISTS (
        SELECT 1
        FROM owned AS o
        WHERE o.account_id = e.account_id AND o.id <> e.id
            AND coalesce(o.start_date, o.created) <= e.ended_at
            AND (o.ended_at IS NULL OR o.ended_at > e.ended_at)
    )
GROUP BY e.account_id, e.ended_at
