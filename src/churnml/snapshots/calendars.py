"""What a date alone says of an account, and use with holidays evened out: both after the engine has measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from churnml.features import Feature, Grain
from churnml.features.calendar import CountedDays, DaysAround
from churnml.features.declare import HolidayRegions
from churnml.features.evened import EvenedOut
from churnml.tables import Facts
from churnml.workdays import Floats, read_region

Key = tuple[Grain, tuple[str, ...], object]


def aids_of(features: Sequence[Feature]) -> dict[Key, Feature]:
    """What must be measured besides so that holidays can be evened out: by grain, event names and measure."""
    aids: dict[Key, Feature] = {}
    for feature in features:
        own = feature.measure
        for measure in own.aids if isinstance(own, EvenedOut) else ():
            key = (feature.grain, feature.only, measure)
            if key not in aids:
                aids[key] = Feature(
                    name=f"aid {len(aids)}",
                    family=feature.family,
                    means="",
                    grain=feature.grain,
                    measure=measure,
                    polarity=feature.polarity,
                    unit=feature.unit,
                    when_low="",
                    absent=0.0,
                    lookback=measure.days,
                    only=feature.only,
                )
    return aids


def by_calendar(
    facts: Facts,
    features: Sequence[Feature],
    aids: Mapping[Key, Feature],
    columns: Mapping[str, pd.Series],
    spine: pd.DataFrame,
    lived: Floats,
) -> dict[str, pd.Series]:
    """The columns of features of the grain CALENDAR, and those of ``columns`` in which holidays are evened out.

    Args:
        facts: the project's tables.
        features: what is asked for; other features are passed over.
        aids: those of :func:`aids_of`.
        columns: what was measured, by name.
        spine: the rows.
        lived: how many days each row's account has lived.
    """
    of_date = [feature for feature in features if feature.grain is Grain.CALENDAR]
    evened = [(feature, feature.measure) for feature in features if isinstance(feature.measure, EvenedOut)]
    around = _days_around(facts, [*of_date, *(feature for feature, _ in evened)], spine)
    made: dict[str, pd.Series] = {}
    for feature in of_date:
        made[feature.name] = pd.Series(feature.measure(around[_regions(feature)]), index=spine.index)
    for feature, measure in evened:
        beside = {one: columns[aids[feature.grain, feature.only, one].name].to_numpy("float64") for one in measure.aids}
        values = columns[feature.name].to_numpy("float64")
        made[feature.name] = pd.Series(
            measure.evened(values, beside, around[measure.regions], lived), index=spine.index
        )
    return made


def _regions(feature: Feature) -> HolidayRegions:
    regions: HolidayRegions = getattr(feature.measure, "regions", HolidayRegions())
    return regions


def _days_around(facts: Facts, features: Sequence[Feature], spine: pd.DataFrame) -> dict[HolidayRegions, DaysAround]:
    as_of = (pd.to_datetime(spine["as_of"]) - pd.Timestamp("1970-01-01")).dt.days.to_numpy().astype(np.int64)
    around = {}
    for regions in dict.fromkeys(map(_regions, features)):
        asked = [feature.measure for feature in features if _regions(feature) == regions]
        back = max([one.back for one in asked if isinstance(one, EvenedOut)], default=0)
        counted = [one for one in asked if isinstance(one, CountedDays)]
        back = max([back, *(-one.first for one in counted)])
        ahead = max([one.after for one in counted], default=0)
        around[regions] = DaysAround(as_of, _region_of_rows(facts, regions, spine), back, max(ahead, 0))
    return around


def _region_of_rows(facts: Facts, regions: HolidayRegions, spine: pd.DataFrame) -> list[str | None]:
    """The region of each row's account; what is missing or no region is everybody's."""
    if regions.by is None or regions.by not in facts.accounts.columns:
        return [regions.everybody] * len(spine)
    accounts = facts.accounts.select("account_id", region=facts.accounts[regions.by]).to_pandas()
    written = accounts.set_index("account_id")["region"]
    known = {value: region_or(value, regions.everybody) for value in written.unique()}
    by_account = {account: known[value] for account, value in written.items()}
    return [by_account.get(account, regions.everybody) for account in spine["account_id"]]


def region_or(written: object, everybody: str | None) -> str | None:
    """The region that somebody wrote, or everybody's where that is none."""
    if not isinstance(written, str):
        return everybody
    try:
        return read_region(written)
    except ValueError:
        return everybody
