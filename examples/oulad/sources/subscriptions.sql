-- a registration is paid from the first day of the course to its last; the fee is not in the data, so
-- every registration counts as one unit a month
SELECT
    r.source_row,
    concat_ws('-', r.code_module, r.code_presentation, r.id_student) AS account_id,
    concat_ws('-', r.code_module, r.code_presentation, r.id_student) AS subscription_id,
    greatest(start_date, start_date + CAST(coalesce(r.date_registration, 0) AS INTEGER)) AS starts_at,
    start_date + c.module_presentation_length AS ends_at,
    start_date + c.module_presentation_length AS renews_at,
    CAST(1 AS DOUBLE) AS mrr,
    r.code_presentation AS plan
FROM registrations AS r
JOIN courses AS c USING (code_module, code_presentation)
CROSS JOIN LATERAL (
    SELECT make_date(CAST(left(r.code_presentation, 4) AS INTEGER), CASE right(r.code_presentation, 1) WHEN 'B' THEN 2 ELSE 10 END, 1) AS start_date
) AS began
