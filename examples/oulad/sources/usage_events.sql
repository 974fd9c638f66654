-- the click-stream is not part of this copy; what a student hands in is the use we see. The score is left
-- out: the data do not say when it was known, and a mark that comes weeks later was not known at hand-in
SELECT
    s.source_row,
    concat_ws('-', a.code_module, a.code_presentation, s.id_student) AS account_id,
    make_date(CAST(left(a.code_presentation, 4) AS INTEGER), CASE right(a.code_presentation, 1) WHEN 'B' THEN 2 ELSE 10 END, 1)
        + s.date_submitted AS occurred_at,
    concat('submitted ', a.assessment_type) AS event,
    concat_ws('-', s.id_assessment, s.id_student) AS event_id
FROM submissions AS s
JOIN assessments AS a USING (id_assessment)
WHERE NOT s.is_banked -- results carried over from an earlier course are not use of this one
