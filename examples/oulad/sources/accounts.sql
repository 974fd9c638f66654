-- one account per registration of a student for a presentation of a module;
-- a presentation such as 2013J begins on the first of October (B: February), days are counted from it
SELECT
    r.source_row,
    concat_ws('-', r.code_module, r.code_presentation, r.id_student) AS account_id,
    make_date(CAST(left(r.code_presentation, 4) AS INTEGER), CASE right(r.code_presentation, 1) WHEN 'B' THEN 2 ELSE 10 END, 1)
        + CAST(coalesce(r.date_registration, 0) AS INTEGER) AS created_at,
    r.code_module AS segment,
    s.region,
    s.gender,
    s.age_band,
    s.highest_education,
    s.imd_band,
    s.num_of_prev_attempts,
    s.studied_credits
FROM registrations AS r
LEFT JOIN students AS s USING (code_module, code_presentation, id_student)
