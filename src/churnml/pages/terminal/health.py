"""The health score's own look-ups, as printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from churnml.health.preview import Preview
from churnml.pages.presenter import money, percent, printable
from churnml.pages.terminal.layout import table

MOVERS_SHOWN = 10


def preview_data(found: Preview) -> dict[str, Any]:
    """What ``churnml health preview --json`` prints."""
    accounts, mrr = found.changed
    return {
        "as_of": str(found.as_of),
        "changed": {"accounts": accounts, "mrr": mrr},
        "now": dict(found.now),
        "then": dict(found.then),
        "moves": _records(found.moves),
        "accounts": _records(found.accounts),
        "unscaled": list(found.unscaled),
    }


def _records(frame: Any) -> list[dict[str, Any]]:
    rows = frame.astype(object)
    found: list[dict[str, Any]] = rows.where(rows.notna(), None).to_dict("records")
    return found


def preview_text(found: Preview) -> str:
    """What ``churnml health preview`` prints."""
    accounts, mrr = found.changed
    lines = [
        f"{found.as_of}: {accounts:,} of {len(found.accounts):,} accounts would change their band (MRR {money(mrr)})",
        "",
        *table(
            ["band", "now", "then"],
            [[band, f"{found.now[band]:,}", f"{found.then[band]:,}"] for band in found.now],
            right=(1, 2),
        ),
    ]
    moves = [row for row in _records(found.moves) if row["band_now"] != row["band_then"]]
    if moves:
        rows = [[r["band_now"], r["band_then"], f"{r['accounts']:,}", money(r["mrr"])] for r in moves]
        lines += ["", *table(["from", "to", "accounts", "MRR"], rows, right=(2, 3))]
    movers = _records(found.biggest(MOVERS_SHOWN))
    if movers:
        rows = [
            [
                printable(r["account_id"]),
                _score(r["score_now"]),
                _score(r["score_then"]),
                f"{r['band_now']} → {r['band_then']}" if r["band_now"] != r["band_then"] else r["band_now"],
                money(r["mrr"]),
            ]
            for r in movers
        ]
        lines += [
            "",
            "  whose score moves most",
            "",
            *table(["account", "now", "then", "band", "MRR"], rows, (1, 2, 4)),
        ]
    if found.unscaled:
        names = ", ".join(found.unscaled)
        lines += ["", f"  The model holds no scale for {names}: missing here, until it is trained again."]
    return "\n".join([*lines, "", "  Nothing was changed."])


def _score(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f}"


def weights_text(found: Mapping[str, Any]) -> str:
    """What ``churnml health weights`` prints."""
    rows = [
        [
            weight["dimension"],
            f"{weight['declared']:g}",
            f"{weight['proposed']:.1f}",
            f"{weight['low']:.1f} to {weight['high']:.1f}",
            "yes" if weight["agrees"] else "no",
        ]
        for weight in found["weights"]
    ]
    header = ["dimension", "by hand", "by the past", "95 %", "agrees"]
    return "\n".join([*table(header, rows, right=(1, 2, 3)), "", f"  {found['said']}"])


def overrides_text(found: Mapping[str, Any]) -> str:
    """What ``churnml health overrides`` prints."""
    made: Sequence[Mapping[str, Any]] = found["overrides"]
    if not made:
        return "Nobody has overridden a score."
    rows = [
        [
            override["override_id"],
            printable(override["account_id"]),
            f"{override['score']:g}",
            printable(override["author"]),
            str(override["made_on"]),
            f"taken back {override['withdrawn_on']}" if override["withdrawn_on"] else str(override["expires_on"]),
            printable(override["reason"]),
        ]
        for override in made
    ]
    header = ["override", "account", "score", "by", "made on", "until", "because"]
    lines = table(header, rows, right=(2,))
    lines += [
        "",
        f"  {len(found['judged'])} can be judged, {found['not_yet']} not yet, {found['withdrawn']} were taken back"
        + (f", {found['unclear']} are unclear" if found["unclear"] else ""),
    ]
    for record in found["records"]:
        who = "everybody" if record["author"] is None else printable(record["author"])
        lines.append(
            f"  {who}, {record['direction']}: {record['as_said']} of {record['judged']} went that way "
            f"({percent(record['low'])} to {percent(record['high'])}); person right {record['person_right']}, "
            f"model right {record['model_right']}. {record['verdict']}"
        )
    return "\n".join(lines)


def flaps_text(found: Mapping[str, Mapping[str, Any]]) -> str:
    """What ``churnml health flaps`` prints."""
    names = {"settled": "with margin and dwell", "unsettled": "without"}
    rows = [
        [
            names[name],
            f"{rate['changes']:,}",
            f"{rate['flaps']:,}",
            "–" if rate["per_account_year"] is None else f"{rate['per_account_year']:.2f}",
        ]
        for name, rate in found.items()
    ]
    within = next(iter(found.values()))["within_days"]
    header = ["bands", "changes", "flaps", "flaps an account-year"]
    return "\n".join(
        [*table(header, rows, right=(1, 2, 3)), "", f"  A flap is a change taken back within {within} days."]
    )
