"""Bands that do not flap: a margin past the edge, and a least time in a band.

From its band an account moves down only when its score is ``margin`` points under the band's edge, and up only when
it is ``margin`` points over the next one's; either only when it has been in its band for ``dwell_days``. Too little
data, a person's override, and a band that is no longer declared change the band at once: there is nothing to hold on
to. Nothing here reads what was scored on that date or later.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml.health.score import DIGITS, Health
from churnml.ledger import BandState
from churnml.specs.health import INSUFFICIENT, HealthSpec

DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Ladder:
    """The declared bands as numbers.

    Args:
        names: from worst to best.
        edges: where each but the worst begins.
        margin, dwell_days: as declared.
        min_coverage: as declared.
    """

    names: tuple[str, ...]
    edges: tuple[float, ...]
    margin: float
    dwell_days: int
    min_coverage: float

    def rung(self, score: float) -> int:
        """Number of the band that ``score`` lies in; 0 is the worst."""
        return bisect_right(self.edges, score)


def ladder_of(spec: HealthSpec, settled: bool = True) -> Ladder:
    """The bands of ``spec``; without its margin and dwell when they are not to be ``settled``."""
    bands = spec.bands[::-1]
    return Ladder(
        tuple(band.name for band in bands),
        tuple(band.at_least for band in bands[1:]),
        spec.settling.margin if settled else 0.0,
        spec.settling.dwell_days if settled else 0,
        spec.min_coverage,
    )


def settle_bands(
    spec: HealthSpec, as_of: dt.date, account_ids: Sequence[str], health: Health, prior: Mapping[str, BandState]
) -> list[BandState]:
    """The settled band of every row of ``health``.

    Args:
        spec: the declared bands.
        as_of: the date that is scored.
        account_ids: of the rows.
        health: the scores, overrides applied.
        prior: account → its state at the newest scoring before this date; one of this date or later is not read.
    """
    ladder = ladder_of(spec)
    rows = zip(account_ids, health.score.tolist(), health.coverage.tolist(), health.overrides, strict=True)
    return [
        settle(ladder, as_of, account_id, score, coverage, prior.get(account_id), overridden=override is not None)
        for account_id, score, coverage, override in rows
    ]


def settle(
    ladder: Ladder,
    as_of: dt.date,
    account_id: str,
    score: float,
    coverage: float,
    prior: BandState | None,
    *,
    overridden: bool = False,
) -> BandState:
    """One account's settled band; ``score`` is NaN where it is not known."""
    if prior is not None and prior.scored_on >= as_of:
        prior = None
    known = score == score and (overridden or coverage >= ladder.min_coverage)
    health = float(score) if score == score else None
    since = {prior.band: prior.band_since} if prior else {}
    if not known:
        return BandState(account_id, as_of, health, INSUFFICIENT, since.get(INSUFFICIENT, as_of))
    if prior is None or overridden or prior.band not in ladder.names:
        band = ladder.names[ladder.rung(score)]
        return BandState(account_id, as_of, health, band, since.get(band, as_of))
    wanted = ladder.names[_pointed_at(ladder, score, ladder.names.index(prior.band))]
    if wanted == prior.band:
        return BandState(account_id, as_of, health, prior.band, prior.band_since)
    if (as_of - prior.band_since).days >= ladder.dwell_days:
        return BandState(account_id, as_of, health, wanted, as_of)
    waits = prior.pending_since if prior.pending == wanted and prior.pending_since else as_of
    return BandState(account_id, as_of, health, prior.band, prior.band_since, wanted, waits)


def _pointed_at(ladder: Ladder, score: float, present: int) -> int:
    """The band the score speaks for, seen from the present one: every edge on the way is ``margin`` further off."""
    down = ladder.rung(round(score + ladder.margin, DIGITS))
    up = ladder.rung(round(score - ladder.margin, DIGITS))
    return down if down < present else max(up, present)


def replay(spec: HealthSpec, history: pd.DataFrame, settled: bool = True) -> pd.DataFrame:
    """The bands that past scores come to by ``spec``, each account from its first scoring on.

    Args:
        spec: the declared bands.
        history: ``account_id, as_of, score, coverage`` and, where there were any, ``overridden``; one row a scoring.
        settled: with margin and dwell; without, the band is the one the score lies in.

    Returns:
        ``account_id, as_of, band``, sorted by both.
    """
    ladder = ladder_of(spec, settled)
    rows = history.sort_values(["account_id", "as_of"], ignore_index=True)
    overridden = rows["overridden"] if "overridden" in rows.columns else np.zeros(len(rows), dtype=bool)
    dates = pd.to_datetime(rows["as_of"]).dt.date
    bands: list[str] = []
    state: BandState | None = None
    for account_id, as_of, score, coverage, by_hand in zip(
        rows["account_id"], dates, rows["score"], rows["coverage"], overridden, strict=True
    ):
        last = state if state is not None and state.account_id == account_id else None
        state = settle(ladder, as_of, account_id, score, coverage, last, overridden=bool(by_hand))
        bands.append(state.band)
    return rows[["account_id", "as_of"]].assign(band=bands)


@dataclass(frozen=True)
class FlapRate:
    """How often bands change and change back.

    Args:
        changes: changes of band.
        flaps: changes that were taken back within ``within_days``.
        account_years: how long accounts were watched, from their first scoring to their last.
        within_days: as asked.
    """

    changes: int
    flaps: int
    account_years: float
    within_days: int

    @property
    def per_account_year(self) -> float | None:
        """Flaps a year of an account; None when nobody was watched."""
        return self.flaps / self.account_years if self.account_years else None


def flap_rate(bands: pd.DataFrame, within_days: int = 60) -> FlapRate:
    """Counts the flaps among ``account_id, as_of, band``: from one band to another and straight back.

    A stop of ``insufficient_data`` counts like any band: the list a person reads flickers just the same.
    """
    rows = bands.sort_values(["account_id", "as_of"], ignore_index=True)
    account, as_of = rows["account_id"], pd.to_datetime(rows["as_of"])
    dates = as_of.groupby(account)
    watched = (dates.max() - dates.min()).dt.days.sum()
    changed = (rows["band"] != rows["band"].shift()) | (account != account.shift())
    steps = pd.DataFrame({"account": account, "on": as_of, "band": rows["band"]})[changed]
    same = steps["account"] == steps["account"].shift()
    back = same & (steps["account"] == steps["account"].shift(2)) & (steps["band"] == steps["band"].shift(2))
    soon = (steps["on"] - steps["on"].shift()).dt.days <= within_days
    return FlapRate(int(same.sum()), int((back & soon).sum()), float(watched) / DAYS_A_YEAR, within_days)


def flap_rates(spec: HealthSpec, history: pd.DataFrame, within_days: int = 60) -> dict[str, FlapRate]:
    """``settled`` and ``unsettled``: the same past scores with margin and dwell, and without; see :func:`replay`."""
    return {
        name: flap_rate(replay(spec, history, settled), within_days)
        for name, settled in (("settled", True), ("unsettled", False))
    }
