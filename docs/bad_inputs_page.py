"""The page of bad inputs: what a message means and how the mistake is mended, from the table that is tested."""

from __future__ import annotations

from tests.spec.bad_input_examples import BAD_INPUTS, BadInput

LONGEST = 100
LEAD = """\
# Bad inputs

What churnml says of a mistake, by kind; every row is a test. A message names what is wrong, where (file, line or key)
and how to mend it. A command that ends with 1 has something to be mended and has written no half of anything; 0 means
that rows were set aside and counted, the others kept; 75 that something outside did not answer, so that trying again
may help ([troubleshooting.md](troubleshooting.md)).
"""


def bad_inputs_page() -> str:
    """One table a kind."""
    lines = [LEAD]
    for kind, rows in BAD_INPUTS.items():
        lines += [f"## {kind}", "", "| mistake | written | message and remedy | ends with | kept |"]
        lines += ["|---|---|---|---|---|", *map(_row, rows), ""]
    return "\n".join(lines)


def _row(bad: BadInput) -> str:
    written = "<br>".join(f"{written.file}: {_code(written.shown)}" for written in bad.written)
    typed = "" if bad.command[0] == "check" else _code(f"churnml {' '.join(bad.command)}")
    told = "<br>".join(filter(None, (bad.message, f"*{bad.remedy}*" if bad.remedy else "")))
    cells = (bad.name, "<br>".join(filter(None, (typed, written))), told, str(bad.code), bad.kept or "nothing")
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _code(text: str) -> str:
    text = text.strip().replace("\n", " ⏎ ")
    plain = "".join(sign if sign.isprintable() else "\\x00" if sign == "\0" else " " for sign in text)
    plain = plain.replace("`", "'")
    return f"`{plain[:LONGEST]}{'…' if len(plain) > LONGEST else ''}`" if plain else "empty, or not there"


def _cell(text: str) -> str:
    return (
        text.replace("|", "\\|")
        .replace("<stream", "&lt;stream")
        .replace("<block", "&lt;block")
        .replace("*name", "\\*name")
    )
