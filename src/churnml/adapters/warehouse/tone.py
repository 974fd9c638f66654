"""The tone of what customers write, offline: VADER's lexicon and rules (Hutto & Gilbert, ICWSM 2014).

English only. A text in which the lexicon knows no word says nothing either way and has no tone, so tickets in
another language are missing, not neutral.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

# Longer texts are read this far: quoted mail and logs follow what was said.
READ = 2_000
BATCH = 20_000


def write_tone(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Adds ``tone_milli`` to a table with ``subject`` and ``body``: −1000 to 1000, or missing.

    Only what stood in the ticket when it was opened is read, so the tone is known as early as the ticket is.
    """
    text = f"left(concat_ws('. ', nullif(trim(subject), ''), nullif(trim(body), '')), {READ})"
    con.execute(f"ALTER TABLE {table} ADD COLUMN tone_milli BIGINT")
    con.execute("CREATE OR REPLACE TEMP TABLE _tone (written VARCHAR, tone BIGINT)")
    rows = con.execute(f"SELECT DISTINCT {text} AS written FROM {table} WHERE {text} <> '' ORDER BY written")
    texts = [written for (written,) in rows.fetchall()]
    for start in range(0, len(texts), BATCH):
        toned = [(written, tone) for written in texts[start : start + BATCH] if (tone := tone_of(written)) is not None]
        if toned:
            import pyarrow as pa

            texts_toned, tones = (list(column) for column in zip(*toned, strict=True))
            con.register(
                "_toned", pa.table({"written": pa.array(texts_toned, pa.string()), "tone": pa.array(tones, pa.int64())})
            )
            con.execute("INSERT INTO _tone SELECT written, tone FROM _toned")
            con.unregister("_toned")
    con.execute(f"UPDATE {table} SET tone_milli = t.tone FROM _tone AS t WHERE t.written = {text}")


def tone_of(text: str) -> int | None:
    """The tone of a text in thousandths, or None when the lexicon knows none of its words."""
    tone = round(_analyser().polarity_scores(text)["compound"] * 1000)
    return tone or None


@cache
def _analyser() -> SentimentIntensityAnalyzer:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()
