SELECT
    source_row,
    concat_ws('-', code_module, code_presentation, id_student) AS account_id,
    make_date(CAST(left(code_presentation, 4) AS INTEGER), CASE right(code_presentation, 1) WHEN 'B' THEN 2 ELSE 10 END, 1)
        + CAST(date_unregistration AS INTEGER) AS churned_at
FROM registrations
WHERE date_unregistration IS NOT NULL
