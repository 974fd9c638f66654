"""Satisfaction on the scale of 1 to 5, whatever scale it was given on."""

from __future__ import annotations

from churnml.adapters.project import PROJECT_FILE
from churnml.adapters.warehouse.reading import Reading, quoted
from churnml.remarks import RemarkKind
from churnml.specs.project import ProjectSpec

LOWEST, HIGHEST = 1, 5
# Helpdesks' own words for two faces; with a comment or without is the same satisfaction.
FACES = {
    **dict.fromkeys(("good", "goodwithcomment", "good_with_comment", "satisfied", "positive"), 5),
    **dict.fromkeys(("bad", "badwithcomment", "bad_with_comment", "unsatisfied", "dissatisfied", "negative"), 1),
}
# What they write for a question that was not answered.
UNANSWERED = ("offered", "unoffered", "not offered")
# With more than this share of ratings above 5, all of them are on another scale.
STRAY = 0.01


def on_our_scale(reading: Reading, raw: str, text: str, number: str) -> str:
    """SQL that reads satisfaction as 1 to 5; null where it is none, or on a scale that nobody declared.

    Args:
        reading: the reading under way.
        raw: the relation of the source.
        text, number: SQL of the column as text, and read as a number.
    """
    declared = reading.project.spec.csat_scale
    if declared is not None and (ends := _ends(declared)):
        low, high = ends
        scaled = f"{LOWEST} + (({number}) - {low}) * {float(HIGHEST - LOWEST)} / {high - low}"
        value = f"CASE WHEN ({number}) BETWEEN {low} AND {high} THEN {scaled} END"
        _tell(reading, raw, text, f"({number}) IS NOT NULL AND ({value}) IS NULL", f"csat_scale is {declared}")
        return value
    if declared is not None:
        words = FACES if isinstance(declared, str) else {word.lower(): value for word, value in declared.items()}
        cases = " ".join(f"WHEN {quoted(word)} THEN {float(value)}" for word, value in words.items())
        return f"CASE lower(trim({text})) {cases} END"
    above, twofold, rated, lowest, highest = reading.con.execute(
        f"SELECT count(*) FILTER (WHERE v > {HIGHEST}), count(*) FILTER (WHERE v IN (0, 1)), count(v), min(v), max(v) "
        f"FROM (SELECT {number} AS v FROM {raw})"
    ).fetchall()[0]
    if rated and (above > STRAY * rated or (twofold == rated and lowest == 0)):
        scale = _scale(lowest, highest)
        detail = f"It runs from {lowest:g} to {highest:g}: declare csat_scale: {scale} in {PROJECT_FILE}"
        _tell(reading, raw, text, f"({number}) IS NOT NULL", detail)
        return "NULL::DOUBLE"
    # a few that are out of range have a check of their own
    return number


def is_unanswered(text: str) -> str:
    """SQL: whether a text says that nobody answered."""
    return f"lower(trim({text})) IN ({', '.join(quoted(word) for word in UNANSWERED)})"


def rated(text: str, spec: ProjectSpec) -> str:
    """SQL: whether a text is a number where numbers are asked for: one that is not read is told with its scale."""
    by_words = spec.csat_scale is not None and not _ends(spec.csat_scale)
    return "false" if by_words else f"TRY_CAST({text} AS DOUBLE) IS NOT NULL"


def _ends(declared: str | dict[str, float]) -> tuple[int, int] | None:
    """The two ends of a declared scale; None where words are declared."""
    if isinstance(declared, str) and "-" in declared:
        low, high = (int(end) for end in declared.split("-"))
        return low, high
    return None


def _scale(lowest: float, highest: float) -> str:
    """The usual scale that some ratings fit."""
    low = 0 if lowest < 1 else 1
    high = next((end for end in (1, 5, 7, 10, 100) if highest <= end), int(highest))
    return f"{low}-{high}"


def _tell(reading: Reading, raw: str, text: str, condition: str, detail: str) -> None:
    rows, samples = reading.con.execute(
        f"SELECT sum(n)::BIGINT, list(text ORDER BY n DESC, text)[:3] "
        f"FROM (SELECT {text} AS text, count(*) AS n FROM {raw} WHERE {condition} GROUP BY 1)"
    ).fetchall()[0]
    if rows:
        reading.tell(RemarkKind.OTHER_SCALE, "support_tickets", "csat", rows, samples, detail)
