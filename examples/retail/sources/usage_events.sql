-- an order is all that was bought at one moment; what came back (quantity below 0) is no order
SELECT customer_id AS account_id, invoiced_at AS occurred_at, 'order' AS event, sum(quantity * unit_price) AS quantity
FROM lines
WHERE quantity > 0
GROUP BY customer_id, invoiced_at
