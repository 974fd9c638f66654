"""How serious a ticket is, by the words of a help desk: what is declared is read so, what is not known is told.

Whether 1 is the most or the least urgent differs from system to system (ServiceNow and Freshdesk count in opposite
directions), and a word of another language is somebody's own: neither is guessed.
"""

from __future__ import annotations

from churnml.adapters.project import PROJECT_FILE
from churnml.adapters.warehouse.reading import Reading, quoted
from churnml.features.tickets import SERIOUS
from churnml.remarks import SAMPLES, RemarkKind

COLUMN = "priority"
# Words that surely mean less than serious; "none" and the like are no priority.
LESS = ("low", "lowest", "normal", "medium", "moderate", "minor", "trivial", "standard")
NONE = ("none", "null", "n/a", "na", "-", "unknown", "not set", "unassigned", "nan")
# What words of other languages and systems mean most likely: proposed, never taken.
PROPOSED = {
    **dict.fromkeys(
        (
            "dringend",
            "kritisch",
            "sofort",
            "urgente",
            "critique",
            "crítica",
            "crítico",
            "critica",
            "critico",
            "kritiek",
        ),
        "urgent",
    ),
    **dict.fromkeys(("緊急", "至急", "紧急", "긴급", "blocker", "emergency", "immediate", "highest"), "urgent"),
    **dict.fromkeys(("hoch", "haute", "élevée", "elevée", "élevé", "alta", "alto", "hoog", "wysoki"), "high"),
    **dict.fromkeys(("hög", "høj", "高", "높음", "major", "severe", "important", "wichtig"), "high"),
    **dict.fromkeys(("mittel", "moyenne", "moyen", "normale", "media", "medio", "média", "médio"), "normal"),
    **dict.fromkeys(("gemiddeld", "中", "보통", "średni"), "normal"),
    **dict.fromkeys(("niedrig", "gering", "basse", "faible", "baja", "bajo", "bassa", "basso", "baixa"), "low"),
    **dict.fromkeys(("laag", "低", "낮음", "niski"), "low"),
}
_NUMBERED = "^(p|s|sev|prio|priority)?[ _-]?[0-9]( *[-–:].*)?$"


def serious_or_not(reading: Reading, raw: str, value: str) -> str:
    """SQL that reads the priority of tickets as the project declares it; what nobody knows is told.

    Args:
        reading: the reading under way.
        raw: the relation of the source.
        value: SQL that reads the column as a name.
    """
    declared = {_key(word): meant for word, meant in reading.project.spec.priorities.items()}
    known = ", ".join(quoted(word) for word in dict.fromkeys([*SERIOUS, *LESS, *NONE, *declared]))
    word = _as_key(value)
    unknown = reading.con.execute(
        f"SELECT min(text), sum(n)::BIGINT, word, regexp_matches(word, {quoted(_NUMBERED)}) FROM "
        f"(SELECT {value} AS text, {word} AS word, count(*) AS n FROM {raw} GROUP BY ALL) "
        f"WHERE word <> '' AND word NOT IN ({known}) GROUP BY word ORDER BY 2 DESC, word"
    ).fetchall()
    if unknown:
        rows = sum(int(count) for _, count, _, _ in unknown)
        samples = [shown for shown, *_ in unknown[:SAMPLES]]
        meant = ", ".join(f"{shown.strip()!r}: {PROPOSED.get(key, '…')}" for shown, _, key, _ in unknown[:SAMPLES])
        detail = f"Say in {PROJECT_FILE} which of low, normal, high and urgent they are: priorities: {{{meant}}}"
        if any(numbered for *_, numbered in unknown):
            detail += ". Some systems count from the most urgent, others to it"
        reading.tell(RemarkKind.UNKNOWN_PRIORITY, "support_tickets", COLUMN, rows, samples, detail)
    if not declared:
        return value
    cases = " ".join(f"WHEN {quoted(word)} THEN {quoted(meant)}" for word, meant in declared.items())
    return f"CASE {word} {cases} ELSE {value} END"


def _key(word: str) -> str:
    return word.strip().lower().removesuffix(".0")


def _as_key(text: str) -> str:
    """SQL: a priority as it is compared: 1 that was a double on the way is 1."""
    return f"regexp_replace(lower(trim({text})), '\\.0$', '')"
