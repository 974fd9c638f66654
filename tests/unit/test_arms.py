"""Arms: drawn by a hash that is uniform, independent between playbooks, and blind to everything but its three words."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from churnml.work.arms import arm_of, number_of

ACCOUNTS = [f"acc-{number:05d}" for number in range(20_000)]


def held_out(seed: str, playbook: str, share: float, accounts: list[str] = ACCOUNTS) -> np.ndarray:
    return np.array([arm_of(seed, account, playbook, share)[0] == "holdout" for account in accounts])


def test_the_numbers_are_uniform_from_end_to_end() -> None:
    numbers = np.array([number_of("s", account, "rescue") for account in ACCOUNTS], float) / 2**64
    assert stats.kstest(numbers, "uniform").pvalue > 0.001
    # The control: a hash that never reaches the upper tenth would be caught.
    assert stats.kstest(numbers * 0.95, "uniform").pvalue < 1e-6


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
def test_the_share_held_out_is_the_share_declared(share: float) -> None:
    assert stats.binomtest(int(held_out("s", "rescue", share).sum()), len(ACCOUNTS), share).pvalue > 0.001


def test_nobody_is_held_out_at_nought_and_everybody_at_one() -> None:
    assert not held_out("s", "rescue", 0.0).any()
    assert held_out("s", "rescue", 1.0).all()


@pytest.mark.parametrize("other", [("s", "upsell"), ("t", "rescue"), ("srescue", "")])
def test_arms_of_two_playbooks_or_two_seeds_are_independent(other: tuple[str, str]) -> None:
    one, two = held_out("s", "rescue", 0.3), held_out(*other, 0.3)
    table = [[int((one & two).sum()), int((one & ~two).sum())], [int((~one & two).sum()), int((~one & ~two).sum())]]
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_the_arm_says_nothing_about_where_in_the_alphabet_an_account_stands() -> None:
    arms = held_out("s", "rescue", 0.5)
    halves = [int(arms[:10_000].sum()), int(arms[10_000:].sum())]
    assert stats.binomtest(halves[0], sum(halves), 0.5).pvalue > 0.001
    runs = 1 + int((arms[1:] != arms[:-1]).sum())  # neighbours agree as often as not
    assert abs(runs - len(arms) / 2) < 4 * np.sqrt(len(arms)) / 2


def test_an_arm_does_not_depend_on_who_else_is_asked_nor_in_which_order() -> None:
    there = dict(zip(ACCOUNTS, held_out("s", "rescue", 0.3), strict=True))
    back = dict(zip(ACCOUNTS[::-7], held_out("s", "rescue", 0.3, ACCOUNTS[::-7]), strict=True))
    assert all(there[account] == arm for account, arm in back.items())


def test_raising_the_share_moves_nobody_out_of_the_holdout() -> None:
    small, large = held_out("s", "rescue", 0.1), held_out("s", "rescue", 0.25)
    assert large[small].all()
    assert large.sum() > small.sum()


def test_words_are_told_apart_by_where_they_end() -> None:
    assert number_of("s", "bc", "a") != number_of("s", "c", "ab")
    assert number_of("sa", "c", "b") != number_of("s", "c", "ab")


def test_the_draw_is_the_same_for_ever() -> None:
    """Written down once: a changed hash would move accounts between arms in the middle of an experiment."""
    assert number_of("seed", "acc-1", "rescue") == PINNED
    assert arm_of("seed", "acc-1", "rescue", 0.1) == (("holdout" if PINNED / 2**64 < 0.1 else "treated"), 0.9)
    assert number_of("sëed", "Ünal & Söhne", "rescue") == PINNED_NOT_ASCII


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        arm_of("s", "a", "rescue", share)


PINNED = 17463649249790323620
PINNED_NOT_ASCII = 12873782606164405847
