"""The step that scores a date whose data cannot be believed: the newest date in order stands, and the work goes on."""

from __future__ import annotations

import datetime as dt
import hashlib
import json

import pandas as pd

from churnml import snapshots
from churnml.adapters.store import StaleError, open_store
from churnml.errors import ChurnmlError, DataBreakError
from churnml.features import Feature
from churnml.jobs.opening import CONTEXT_FEATURES, OpenedProject, built_for
from churnml.jobs.scoring import TRIES, Champions, declared_for, fingerprints_of, labels_of
from churnml.jobs.watching import WatchedData
from churnml.labels import Label
from churnml.ledger import PriorState, Provenance, ScoredDay, StandingDay
from churnml.pages.feeds import break_text
from churnml.rules.facts import columns_asked
from churnml.timeline import Window
from churnml.work.messages import messages_for
from churnml.work.standing import StillKnown, settle_standing

# What the label of a model reads to say who is a customer.
WHO_IS_CUSTOMER = {"lapse": "usage_events", "event": "churn_events"}


def depends_on(opened: OpenedProject, champions: Champions, watched: WatchedData) -> frozenset[str]:
    """The broken tables that a champion or the health score reads: none, and the date is scored as ever."""
    if not watched.held:
        return frozenset()
    read = {"accounts", *_sources(opened, _read_features(opened, champions)).values()}
    read |= {_customers_table(label) for label in labels_of(opened, champions).values()}
    return watched.held & read


def hold_day(
    opened: OpenedProject, champions: Champions, watched: WatchedData, now: dt.datetime, *, route: bool = True
) -> tuple[ScoredDay, bool]:
    """Writes a date down whose scores are those of the newest date in order; see :mod:`churnml.work.standing`.

    Args:
        opened: the project.
        champions: its champions.
        watched: the date and its breaks.
        now: the moment it is written.
        route: whether work is handed out.

    Returns:
        the day, and whether it was new.

    Raises:
        DataBreakError: no date in order was scored that could stand.
        ChurnmlError: others kept changing the record.
    """
    as_of, declared = watched.as_of, declared_for(opened, champions)
    cooldown = max(playbook.cooldown_days for playbook in declared.rules.spec.playbooks)
    known = _still_known(opened, champions, watched)
    breaks = tuple(one.break_id for one in watched.holding)
    with open_store(opened.project.operational_url) as store:
        for _ in range(TRIES):
            prior = store.prior_state(as_of, cooldown)
            standing = store.standing(as_of)
            if standing is None:
                raise _nothing_stands(watched)
            hands_out = route and not any(date > as_of for date in store.dates())
            span = Window(standing.as_of, as_of)
            day = settle_standing(span, standing, known, breaks, declared, prior, route=hands_out)
            fingerprint, *as_good = _fingerprints(opened, champions, watched, standing, prior, route=hands_out)
            made_from = Provenance(
                fingerprint=fingerprint,
                as_good=tuple(as_good),
                declarations={kind: path.read_text("utf-8-sig") for kind, path in opened.project.acting_files.items()},
                data_fingerprint=opened.facts.fingerprint,
                stamp=prior.stamp,
            )
            # of a score that stands nothing new is to be told
            messages = messages_for(opened.project.delivery, day, project=opened.project.name)
            of_work = [message for message in messages if message.kind == "work"]
            try:
                return day, store.record(day, made_from, now, of_work)
            except StaleError:
                continue
    raise ChurnmlError(
        f"{as_of} could not be written: the record kept changing while it was planned.", remedy="Try again."
    )


def _nothing_stands(watched: WatchedData) -> DataBreakError:
    first = watched.holding[0]
    began = min(one.began_on for one in watched.holding)
    more = f" ({len(watched.holding) - 1} more: churnml data status)" if watched.holding[1:] else ""
    return DataBreakError(
        f"{watched.as_of} cannot be scored: {break_text(first)}{more}",
        where="no earlier date was scored whose scores could stand meanwhile",
        remedy=f"Mend the feed; or score the last date in order: churnml score --as-of {began}; or say that it is "
        f"meant: churnml data accept '{first.break_id}' --by NAME --why REASON.",
    )


def _customers_table(label: Label) -> str:
    if label.kind == "contraction" and not label.of_money:
        return "usage_events"
    return WHO_IS_CUSTOMER.get(label.kind, "subscriptions")


def _read_features(opened: OpenedProject, champions: Champions) -> dict[str, Feature]:
    """Every feature that a champion or the health score reads, as the project builds it."""
    features = built_for(opened, champions.scales_of, opened.project.health.features)
    for champion in champions.by_model.values():
        if champion is not None:
            features |= built_for(opened, champion.predictor, champion.predictor.feature_names)
    return features


def _sources(opened: OpenedProject, features: dict[str, Feature]) -> dict[str, str]:
    """Feature → the contract table it is read from."""
    catalogue = opened.project.catalogue
    return {name: catalogue[feature.family].source for name, feature in features.items()}


def _still_known(opened: OpenedProject, champions: Champions, watched: WatchedData) -> StillKnown:
    """What the tables in order say of the date."""
    labels = labels_of(opened, champions)
    grows = opened.project.parts.grows
    champion = champions.by_model.get(grows) if grows else None
    growth_rate = champion.predictor.base_rate if champion else None
    asked = columns_asked(opened.project.rules.names).values()
    features = built_for(opened, champions.scales_of, [*CONTEXT_FEATURES, *asked])
    sources = _sources(opened, features)
    customers = {"accounts", *(_customers_table(label) for label in labels.values())}
    if customers & watched.held:
        return StillKnown(None, watched.held, sources, growth_rate)
    spines = [snapshots.population(label, opened.facts, [watched.as_of]) for label in labels.values()]
    spine = pd.concat(spines).drop_duplicates(["account_id", "as_of"]).sort_values("account_id", ignore_index=True)
    good = [feature for feature in features.values() if _all_good(feature, sources, watched.held)]
    return StillKnown(snapshots.build_snapshots(opened.facts, good, spine), watched.held, sources, growth_rate)


def _all_good(feature: Feature, sources: dict[str, str], held: frozenset[str]) -> bool:
    return not held & {sources[feature.name], *(sources[name] for name in feature.made_of if name in sources)}


def _fingerprints(
    opened: OpenedProject,
    champions: Champions,
    watched: WatchedData,
    standing: StandingDay,
    prior: PriorState,
    *,
    route: bool,
) -> list[str]:
    """Names all that a held date is made from (what stands, why, what any date is made from), and what is as good."""
    own = {
        "standing": [str(standing.as_of), standing.fingerprint],
        "held": sorted(watched.held),
        "breaks": [one.break_id for one in watched.holding],
    }
    return [
        hashlib.sha256(json.dumps(own | {"as ever": one}, sort_keys=True).encode()).hexdigest()[:32]
        for one in fingerprints_of(opened, champions, watched.as_of, prior, route=route)
    ]
