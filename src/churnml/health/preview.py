"""What a changed ``health.yaml`` would do to every account, before it is applied."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml.health.bands import settle_bands
from churnml.health.overrides import with_overrides
from churnml.health.score import health_of
from churnml.ledger import PriorState
from churnml.specs.health import INSUFFICIENT, HealthSpec


@dataclass(frozen=True)
class Preview:
    """The same accounts on the same date by two declarations.

    Args:
        as_of: the date.
        accounts: ``account_id, mrr, score_now, band_now, score_then, band_then, moved`` (points, missing where one is),
            ``held_back_now, held_back_then`` (the band that dwell keeps it from, else None); one row an account.
        moves: ``band_now, band_then, accounts, mrr``: bands from best to worst, ``insufficient_data`` last; the pairs
            that occur.
        now, then: band → accounts, all declared bands and ``insufficient_data``.
        changed: how many change their band, and the MRR they pay.
        unscaled: inputs of the changed declaration that the model holds no scale for: they count as missing until
            it is trained again.
    """

    as_of: dt.date
    accounts: pd.DataFrame
    moves: pd.DataFrame
    now: Mapping[str, int]
    then: Mapping[str, int]
    changed: tuple[int, float]
    unscaled: tuple[str, ...]

    @property
    def knows_money(self) -> bool:
        """Whether any of the accounts is known to pay anything."""
        return bool((self.accounts["mrr"] > 0).any())

    def biggest(self, n: int = 10) -> pd.DataFrame:
        """The accounts whose score moves most, of equals the one that pays more, then by id."""
        size = self.accounts.assign(size=self.accounts["moved"].abs(), paid=self.accounts["mrr"].fillna(0.0))
        size = size[size["size"] > 0].sort_values(["size", "paid", "account_id"], ascending=[False, False, True])
        return size.head(n)[list(self.accounts.columns)].reset_index(drop=True)


def preview(
    spec_now: HealthSpec,
    spec_then: HealthSpec,
    as_of: dt.date,
    frame: pd.DataFrame,
    polarity: Mapping[str, str],
    reference: Mapping[str, Sequence[float]],
    churn_probability: np.ndarray,
    base_rate: float | None,
    prior: PriorState = PriorState(),  # noqa: B008 - frozen
) -> Preview:
    """Scores every row of ``frame`` by both declarations, settled by what was on record before that date.

    Args:
        spec_now, spec_then: the declarations.
        as_of: the date.
        frame: features of both, ``account_id`` and ``mrr``, one row an account.
        polarity, reference, churn_probability, base_rate: as for :func:`churnml.health.score.health_of`.
        prior: what is on record.
    """
    accounts = frame[["account_id"]].reset_index(drop=True)
    accounts["mrr"] = frame["mrr"].to_numpy(dtype="float64", na_value=np.nan) if "mrr" in frame.columns else np.nan
    ids = accounts["account_id"].tolist()
    for name, spec in (("now", spec_now), ("then", spec_then)):
        health = health_of(spec, frame, polarity, reference, churn_probability, base_rate)
        health = with_overrides(spec, health, ids, prior.overrides, as_of)
        states = settle_bands(spec, as_of, ids, health, prior.bands)
        accounts[f"score_{name}"] = health.score
        accounts[f"band_{name}"] = [state.band for state in states]
        accounts[f"held_back_{name}"] = pd.Series([state.pending for state in states], dtype="object")
    accounts["moved"] = (accounts["score_then"] - accounts["score_now"]).round(2)
    moved = accounts[accounts["band_now"] != accounts["band_then"]]
    return Preview(
        as_of=as_of,
        accounts=accounts,
        moves=_moves(accounts, _names(spec_now), _names(spec_then)),
        now=_counted(accounts["band_now"], _names(spec_now)),
        then=_counted(accounts["band_then"], _names(spec_then)),
        changed=(len(moved), round(float(moved["mrr"].sum()), 2)),
        unscaled=tuple(dict.fromkeys(i.feature for i in spec_then.inputs if i.feature not in reference)),
    )


def _names(spec: HealthSpec) -> list[str]:
    return [*(band.name for band in spec.bands), INSUFFICIENT]


def _counted(bands: pd.Series, names: list[str]) -> dict[str, int]:
    # a band that dwell holds on to is declared in both, or it would not be held on to
    return {str(name): int(count) for name, count in bands.value_counts().reindex(names, fill_value=0).items()}


def _moves(accounts: pd.DataFrame, now: Sequence[str], then: Sequence[str]) -> pd.DataFrame:
    grouped = accounts.groupby(["band_now", "band_then"], sort=False)
    moves = grouped.agg(accounts=("account_id", "size"), mrr=("mrr", "sum")).reset_index()
    moves["mrr"] = moves["mrr"].round(2)
    order = [(now.index(a), then.index(b)) for a, b in zip(moves["band_now"], moves["band_then"], strict=True)]
    return moves.iloc[sorted(range(len(moves)), key=order.__getitem__)].reset_index(drop=True)
