"""Deliveries, as printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from churnml.ledger import Delivery
from churnml.ledger.dead_letters import DeadReason
from churnml.pages.presenter import printable
from churnml.pages.terminal.layout import table


def deliveries_text(
    counts: Mapping[str, Mapping[str, int]], rows: Sequence[Delivery], dead: Sequence[DeadReason]
) -> str:
    """What ``churnml deliveries list`` prints: how many are in which state, why some were given up, and ``rows``."""
    if not rows:
        return "Nothing was or is to be delivered."
    totals = [
        f"  {printable(receiver)}: " + ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))
        for receiver, states in sorted(counts.items())
    ]
    for each in dead:
        totals.append(f"  given up, {len(each.deliveries):,} to {printable(each.receiver)}: {printable(each.reason)}")
    cells = [
        [
            str(row.delivery_id),
            printable(row.receiver),
            row.kind,
            printable(row.subject),
            row.state,
            str(row.attempts),
            printable(row.last_error or ""),
        ]
        for row in rows
    ]
    header = ["no", "receiver", "kind", "about", "state", "tried", "trouble"]
    return "\n".join([*totals, "", *table(header, cells, right=(0, 5))])
