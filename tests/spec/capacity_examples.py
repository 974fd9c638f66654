"""Worked examples of capacity: what there is to do, what everybody can still take, and what is taken.

An offer's playbook is ``call``, its effort 60 minutes and its cost nothing unless a column says otherwise; an empty
value is unknown, an empty limit is none. In ``expect``, ``taken by`` is empty where an offer is left lying.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CapacityExample:
    """One worked example.

    Args:
        title: the rule it shows, as a sentence.
        offers: one row an offer; ``owners`` who may take it, preferred first.
        rooms: owner → minutes and items left.
        expect: the offers again, with who takes them.
        budgets: playbook → money left.
    """

    title: str
    offers: str
    rooms: str
    expect: str
    budgets: str = "playbook | money"


EXAMPLES: tuple[CapacityExample, ...] = (
    CapacityExample(
        "two smaller items that are worth more together go before the most valuable one",
        """
        account | value | minutes | owners
        large   | 100   | 90      | ada
        one     | 60    | 60      | ada
        other   | 55    | 60      | ada
        """,
        """
        owner | minutes | items
        ada   | 120     |
        """,
        """
        account | taken by
        large   |
        one     | ada
        other   | ada
        """,
    ),
    CapacityExample(
        "nobody gets more items than their limit, however short they are",
        """
        account | value | minutes | owners
        a       | 30    | 5       | ada
        b       | 20    | 5       | ada
        c       | 10    | 5       | ada
        """,
        """
        owner | minutes | items
        ada   | 480     | 2
        """,
        """
        account | taken by
        a       | ada
        b       | ada
        c       |
        """,
    ),
    CapacityExample(
        "an account gets one offer, and the lesser one where that leaves more for others",
        """
        account | playbook | value | minutes | owners
        a       | visit    | 100   | 120     | ada
        a       | call     | 80    | 30      | ada
        b       | call     | 50    | 90      | ada
        """,
        """
        owner | minutes | items
        ada   | 120     |
        """,
        """
        account | playbook | taken by
        a       | visit    |
        a       | call     | ada
        b       | call     | ada
        """,
    ),
    CapacityExample(
        "a budget is never exceeded, and other playbooks do not draw on it",
        """
        account | playbook | value | cost | owners
        a       | visit    | 90    | 60   | ada
        b       | visit    | 80    | 50   | ada
        c       | visit    | 70    | 50   | ada
        d       | call     | 10    | 500  | ada
        """,
        """
        owner | minutes | items
        """,
        """
        account | playbook | taken by
        a       | visit    |
        b       | visit    | ada
        c       | visit    | ada
        d       | call     | ada
        """,
        """
        playbook | money
        visit    | 100
        """,
    ),
    CapacityExample(
        "who alone can do an item keeps room for it, and a pool's item goes to another",
        """
        account | value | owners
        pooled  | 90    | ada bea
        skilled | 80    | ada
        """,
        """
        owner | minutes | items
        ada   | 60      |
        bea   | 60      |
        """,
        """
        account | taken by
        pooled  | bea
        skilled | ada
        """,
    ),
    CapacityExample(
        "an item goes to the owner it prefers, the more valuable first",
        """
        account | value | owners
        a       | 90    | ada bea
        b       | 80    | ada bea
        c       | 70    | bea ada
        """,
        """
        owner | minutes | items
        ada   |         | 1
        bea   |         | 2
        """,
        """
        account | taken by
        a       | ada
        b       | bea
        c       | bea
        """,
    ),
    CapacityExample(
        "a team without a limit takes all there is",
        """
        account | value | owners
        a       | 90    | team:success
        b       | 80    | team:success
        c       | 70    | ada team:success
        """,
        """
        owner | minutes | items
        ada   | 60      |
        """,
        """
        account | taken by
        a       | team:success
        b       | team:success
        c       | ada
        """,
    ),
    CapacityExample(
        "of equal offers the playbook declared first, then the smaller account id",
        """
        account | playbook | value | precedence | owners
        c       | call     | 50    | 0          | ada
        b       | visit    | 50    | 1          | ada
        d       | call     | 50    | 0          | ada
        a       | visit    | 50    | 1          | ada
        """,
        """
        owner | minutes | items
        ada   |         | 3
        """,
        """
        account | playbook | taken by
        a       | visit    | ada
        b       | visit    |
        c       | call     | ada
        d       | call     | ada
        """,
    ),
    CapacityExample(
        "an unknown value comes after all that is known, in the order given; what would lose money never",
        """
        account | value | owners
        z       |       | ada
        y       |       | ada
        nothing | 0     | ada
        loses   | -5    | ada
        little  | 1     | ada
        """,
        """
        owner | minutes | items
        ada   |         | 3
        """,
        """
        account | taken by
        z       | ada
        y       |
        nothing | ada
        loses   |
        little  | ada
        """,
    ),
    CapacityExample(
        "what is larger than any room is left, and stands in nobody's way",
        """
        account | value | minutes | owners
        huge    | 9000  | 600     | ada bea
        small   | 10    | 60      | ada
        """,
        """
        owner | minutes | items
        ada   | 480     |
        bea   | 480     |
        """,
        """
        account | taken by
        huge    |
        small   | ada
        """,
    ),
    CapacityExample(
        "whose limit is used up, or was lowered below what they have, takes nothing",
        """
        account | value | owners
        a       | 90    | ada
        b       | 80    | bea
        """,
        """
        owner | minutes | items
        ada   | 0       |
        bea   | 480     | -2
        """,
        """
        account | taken by
        a       |
        b       |
        """,
    ),
)
