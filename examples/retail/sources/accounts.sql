SELECT customer_id AS account_id, min(invoiced_at) AS created_at, arg_min(country, invoiced_at) AS region
FROM lines
GROUP BY customer_id
