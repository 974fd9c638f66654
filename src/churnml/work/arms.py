"""Which arm an account is in for a playbook: a seeded hash, so that nobody chooses and anybody can check.

The hash is BLAKE2b over seed, playbook and account, each preceded by its length in bytes, so that no two triples
are the same bytes (``("ab", "c")`` is not ``("a", "bc")``). Its first eight bytes are a number that is uniform over
0 … 2**64 − 1; an account is held out where that number is below ``holdout`` × 2**64. Three things follow. The arm
does not depend on which other accounts there are, nor on their order. The arms of two playbooks are independent. And an
account that is held out at a share stays held out at any greater one, so that raising the share moves nobody out of it.
What was drawn once is kept in the store all the same: a changed seed or share changes only the accounts still to be
enrolled.
"""

from __future__ import annotations

import hashlib
import math

from churnml.ledger import Arm

_BYTES = 8
_SPACE = 2 ** (8 * _BYTES)


def arm_of(seed: str, account_id: str, playbook: str, holdout: float) -> tuple[Arm, float]:
    """The arm of an account for a playbook, and the probability with which ``treated`` was drawn.

    Args:
        seed: the project's; another seed is another, independent draw.
        account_id, playbook: for which.
        holdout: the share left alone, 0 to 1; 0 holds nobody out.

    Raises:
        ValueError: the share is not between 0 and 1 (declarations are checked when they are read).
    """
    if not (math.isfinite(holdout) and 0 <= holdout <= 1):
        raise ValueError(f"A holdout share lies between 0 and 1; this one is {holdout!r}.")
    return ("holdout" if number_of(seed, account_id, playbook) < holdout * _SPACE else "treated"), 1 - holdout


def number_of(seed: str, account_id: str, playbook: str) -> int:
    """The number that decides: uniform over 0 … 2**64 − 1, the same on every machine and in every version."""
    digest = hashlib.blake2b(digest_size=_BYTES)
    for word in (seed, playbook, account_id):
        written = word.encode()
        digest.update(len(written).to_bytes(_BYTES, "big"))
        digest.update(written)
    return int.from_bytes(digest.digest(), "big")
