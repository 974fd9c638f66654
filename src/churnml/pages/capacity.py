"""What a team can take, in words: beside a list it says why the list is no longer."""

from __future__ import annotations

from collections.abc import Collection

from churnml.pages.presenter import number, plural
from churnml.specs.team import SHARED, WITHOUT_A_FILE, TeamSpec


def capacity_text(team: TeamSpec, owners: Collection[str]) -> str:
    """What the owners of a day's list can take together; empty where nobody has a limit.

    Args:
        team: what is declared of them.
        owners: who has work, or would.
    """
    if not owners:
        return ""
    if team == WITHOUT_A_FILE:
        return (
            f"at most {plural(team.others.open_at_most or 0, 'open work item')} a person and "
            f"{number(team.shared.open_at_most)} a shared list, since no models/team.yaml says what the team can take"
        )
    people = [team.person(owner) for owner in sorted(owners)]
    minutes = [one.minutes_a_week for one in people if one.minutes_a_week is not None]
    items = [one.open_at_most for one in people if one.open_at_most is not None]
    parts = []
    if minutes:
        parts.append(f"{number(sum(minutes) / 60, 1).removesuffix('.0')} hours a week of newly given work")
    if items:
        parts.append(f"{plural(sum(items), 'open work item')} at once")
    if not parts:
        return ""
    lists = sum(owner.startswith(SHARED) for owner in owners)
    named = [plural(len(owners) - lists, "person", "people")] if len(owners) > lists else []
    return f"{' and '.join(parts)}, of {' and '.join([*named, *([plural(lists, 'shared list')] if lists else [])])}"
