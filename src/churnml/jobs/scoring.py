"""The steps of scoring a date, and the features behind it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from churnml import snapshots
from churnml.adapters.store import StaleError, open_store
from churnml.errors import ChurnmlError, ProjectError, RegistryError, TooLittleDataError
from churnml.features import Feature
from churnml.health.directions import heard
from churnml.health.hierarchies import Hierarchies, roll_up
from churnml.health.score import INSUFFICIENT
from churnml.jobs.features import features_of, require_same
from churnml.jobs.opening import OpenedProject, Progress, built_for, default_as_of, silent
from churnml.labels import Label
from churnml.ledger import DayPlan, HierarchyScore, PriorState, Provenance, ScoredAccount, ScoredDay
from churnml.rules.facts import columns_asked
from churnml.scoring.predictions import Predictions, ScoringModel, predictions_of
from churnml.timeline import plus_days
from churnml.work.messages import messages_for
from churnml.work.settling import DaySpecs, settle

if TYPE_CHECKING:
    from churnml.adapters.registry import RegisteredModel, Registry
    from churnml.adapters.store import Store
    from churnml.modelling.predictor import Predictor

log = logging.getLogger("churnml.scoring")


# How often a day is planned again because the record changed meanwhile.
TRIES = 5


@dataclass(frozen=True)
class Champions:
    """The models a date is scored with.

    Args:
        by_model: model name → champion, or None.
        scales_of: the predictor whose reference scales and wish health is read by.
    """

    by_model: Mapping[str, RegisteredModel | None]
    scales_of: Predictor


def champions_of(opened: OpenedProject, registry: Registry) -> Champions:
    """The champions of the project's models; raises RegistryError when nothing was trained yet."""
    parts = opened.project.parts
    # a model that plays no part is trained and judged, and no date asks it
    by_model = {name: registry.champion(name) for name in opened.project.model_names if name in parts.names}
    main = opened.project.main_model
    scales = by_model.get(main) or registry.newest(main)
    if scales is None:
        raise RegistryError(
            f"No model '{main}' was trained yet, so there is no scale to read health by.",
            where=f"project {opened.project.name}",
            remedy="Run 'churnml train' first, or 'churnml run' for all of it.",
        )
    return Champions(by_model, scales.predictor)


def must_be_over(opened: OpenedProject, as_of: dt.date) -> None:
    """Raises TooLittleDataError where the data end before ``as_of``: nothing of it can be known."""
    if as_of > default_as_of(opened):
        raise TooLittleDataError(
            f"{as_of} cannot be scored: the data end with {opened.facts.data_through}.",
            remedy=f"Score {default_as_of(opened)} or earlier, or give newer data and set data_through.",
        )


def read_date(
    opened: OpenedProject,
    champions: Champions,
    as_of: dt.date,
    progress: Progress = silent,
    *,
    also: Sequence[str] = (),
    reasons: bool = True,
) -> Predictions:
    """Every account that is eligible at ``as_of``, as the champions see it; raises TooLittleDataError.

    ``also`` names further features the rows are to have; ``reasons``, the dearest step, may be left out.
    """
    must_be_over(opened, as_of)
    project, facts = opened.project, opened.facts
    labels = labels_of(opened, champions)
    populations = {name: snapshots.population(label, facts, [as_of]) for name, label in labels.items()}
    spine = pd.concat(list(populations.values())).drop_duplicates(["account_id", "as_of"])
    spine = spine.sort_values("account_id", ignore_index=True)
    if spine.empty:
        raise TooLittleDataError(
            f"No account was eligible on {as_of}: none was known and paying by then.",
            remedy="Score another date, or check created_at and the subscriptions' dates.",
        )
    progress(f"features of {len(spine):,} accounts")
    features = _features_for(opened, champions, also)
    started = time.perf_counter()
    frame = snapshots.build_snapshots(facts, list(features.values()), spine)
    built = {
        "as_of": as_of,
        "accounts": len(frame),
        "features": len(features),
        "seconds": time.perf_counter() - started,
    }
    log.info("%(features)d features of %(accounts)d accounts at %(as_of)s built in %(seconds).1f s", built)
    eligible = {name: frame["account_id"].isin(of["account_id"]).to_numpy() for name, of in populations.items()}
    models = {
        name: ScoringModel(champion.predictor, champion.version, eligible[name]) if champion else None
        for name, champion in champions.by_model.items()
    }
    progress("probabilities and reasons")
    return predictions_of(
        as_of,
        frame,
        {name: feature.declaration() for name, feature in features.items()},
        models,
        champions.scales_of.reference,
        risk=project.health.risk.model,
        grows=project.parts.grows,
        currency=project.spec.currency,
        reasons=reasons,
    )


def labels_of(opened: OpenedProject, champions: Champions) -> dict[str, Label]:
    """Model name → the label it was trained on; of a model without a champion the declared one."""
    return {
        name: Label.model_validate(champion.predictor.manifest.label) if champion else opened.project.model(name).label
        for name, champion in champions.by_model.items()
    }


def declared_for(opened: OpenedProject, champions: Champions) -> DaySpecs:
    """What RevOps declares about acting."""
    project = opened.project
    labels = labels_of(opened, champions)
    grows = project.parts.grows
    return DaySpecs(
        health=heard(project.health, champions.scales_of.manifest.unheard),
        rules=project.rules,
        team=project.team,
        seed=project.name,
        zone=project.spec.timezone,
        upsell_share=(labels[grows].mrr_up_by or 0.1) if grows else 0.0,
        currency=project.spec.currency,
    )


def _features_for(opened: OpenedProject, champions: Champions, also: Sequence[str]) -> dict[str, Feature]:
    """Every feature that a champion, health or a playbook reads, by name; raises RegistryError."""
    features: dict[str, Feature] = {}
    for name, champion in champions.by_model.items():
        if champion is None:
            continue
        features |= features_of(opened, champion.predictor, f"champion of '{name}'")
    asked = list(columns_asked(opened.project.rules.names).values())
    scaled = built_for(opened, champions.scales_of, [*champions.scales_of.reference, *asked, *also])
    # a health input that the data no longer give is not known, and health says so; one that changed would mislead
    scales = [feature for feature in champions.scales_of.manifest.scales if feature.name in scaled]
    require_same(opened, champions.scales_of, "reference scale of health", scales, scaled)
    # ages, and what exceptions ask, are read as they are: they need no scale, so no training either
    return features | scaled | built_for(opened, champions.scales_of, opened.project.health.features)


def write_day(
    opened: OpenedProject, champions: Champions, predictions: Predictions, now: dt.datetime, *, route: bool = True
) -> tuple[ScoredDay, bool]:
    """Settles a date and writes it down with its work and its messages, whole or not at all.

    When the record changes while the day is planned, the day is planned again from what then stands. A date before the
    newest one that was scored is settled for its history alone.

    Args:
        opened: the project.
        champions: its champions.
        predictions: the date as the champions see it.
        now: the moment it is written.
        route: whether work is handed out.

    Returns:
        the day as it stands, and whether it was new: the same day from the same inputs is written once.

    Raises:
        ChurnmlError: others kept changing the record.
    """
    declared, as_of = declared_for(opened, champions), predictions.as_of
    cooldown = max(playbook.cooldown_days for playbook in declared.rules.spec.playbooks)
    texts = {kind: path.read_text("utf-8-sig") for kind, path in opened.project.acting_files.items()}
    with open_store(opened.project.operational_url) as store:
        for _ in range(TRIES):
            prior = store.prior_state(as_of, cooldown)
            hands_out = route and not any(date > as_of for date in store.dates())
            # earlier scores are wanted from twice as far back as a drop is looked for
            far_back = plus_days(as_of, -2 * declared.health.events.within_days)
            earlier = store.healths(far_back, plus_days(as_of, -1))
            day = settle(predictions, declared, prior, earlier, route=hands_out)
            day = _with_names(opened, _with_hierarchies(opened, day))
            fingerprint, *as_good = fingerprints_of(opened, champions, as_of, prior, route=hands_out)
            made_from = Provenance(
                fingerprint=fingerprint,
                as_good=tuple(as_good),
                declarations=texts,
                data_fingerprint=opened.facts.fingerprint,
                stamp=prior.stamp,
            )
            messages = messages_for(opened.project.delivery, day, project=opened.project.name)
            try:
                new = store.record(day, made_from, now, messages)
                return (day if new else _as_it_stands(store, day)), new
            except StaleError:
                continue
    raise ChurnmlError(
        f"{as_of} could not be written: the record kept changing while it was planned.", remedy="Try again."
    )


def _as_it_stands(store: Store, day: ScoredDay) -> ScoredDay:
    """The day as it is on record; what was settled now may rest on earlier dates that were scored after it."""
    decided = tuple(recorded.decision for recorded in store.decided(day.as_of))
    return replace(
        day,
        accounts=tuple(store.scored(day.as_of)),
        plan=DayPlan(decisions=decided),
        events=tuple(store.health_events(day.as_of, day.as_of)),
    )


def hierarchies_of(opened: OpenedProject, accounts: Sequence[ScoredAccount]) -> Hierarchies:
    """The hierarchies of the project's accounts, rolled up as ``health.yaml`` says.

    A parent is the one ``accounts`` names today: the contract holds no earlier ones, so hierarchies are shown and feed
    no model.

    Args:
        opened: whose accounts.
        accounts: those of one date. Where too little is known of one, its score does not speak for its parents either.
    """
    how = opened.project.health.rollup
    links = {} if how == "none" else snapshots.parents(opened.facts)
    if not links:
        return Hierarchies((), ())
    accounts = sorted(accounts, key=lambda account: account.account_id)
    scores = [None if account.band == INSUFFICIENT else account.health for account in accounts]
    ids, mrr = [account.account_id for account in accounts], [account.mrr for account in accounts]
    return roll_up(how, ids, scores, mrr, links, links.keys())


def _with_hierarchies(opened: OpenedProject, day: ScoredDay) -> ScoredDay:
    """The day with the scores of each account's parents beside its own."""
    rolled = hierarchies_of(opened, day.accounts)
    above: dict[str, list[HierarchyScore]] = {}
    for hierarchy in rolled.hierarchies:
        score = HierarchyScore(hierarchy.parent, hierarchy.score, len(hierarchy.members), hierarchy.worst)
        for member in hierarchy.members:
            above.setdefault(member, []).append(score)
    accounts = tuple(
        replace(account, trace=replace(account.trace, hierarchies=tuple(above[account.account_id])))
        if account.account_id in above
        else account
        for account in day.accounts
    )
    return replace(day, accounts=accounts, problems=rolled.problems)


def _with_names(opened: OpenedProject, day: ScoredDay) -> ScoredDay:
    """The day with what people call its accounts."""
    names = snapshots.account_names(opened.facts)
    if not names:
        return day
    accounts = (replace(account, name=names.get(account.account_id)) for account in day.accounts)
    return replace(day, accounts=tuple(accounts))


def dates_between(first: dt.date, last: dt.date, every: int) -> tuple[dt.date, ...]:
    """``first`` and every so many days after it, up to ``last``; raises ProjectError when there is none."""
    if first > last:
        raise ProjectError(f"{first} is after {last}.", where="FROM and TO", remedy="Give the earlier date first.")
    return tuple(plus_days(first, n) for n in range(0, (last - first).days + 1, every))


def fingerprints_of(
    opened: OpenedProject, champions: Champions, as_of: dt.date, prior: PriorState, *, route: bool
) -> tuple[str, ...]:
    """What a scored date is made from, named; and what else it may have been made from to stand as it is.

    What the team did meanwhile is no new scoring, nor are dates before it that were scored after it: they are history,
    and neither the bands of this one nor its list are settled again because of them. A date whose work was handed out
    stands where none is to be.
    """
    with_work = _fingerprint(opened, champions, as_of, prior, route=True)
    return (with_work,) if route else (_fingerprint(opened, champions, as_of, prior, route=False), with_work)


def _fingerprint(opened: OpenedProject, champions: Champions, as_of: dt.date, prior: PriorState, *, route: bool) -> str:
    named = {
        "as_of": str(as_of),
        "data": opened.facts.fingerprint,
        "models": {n: [c.version, c.record.fingerprint] if c else None for n, c in champions.by_model.items()},
        "scales": champions.scales_of.manifest.data_fingerprint,
        "declarations": opened.project.declarations_fingerprint(*opened.project.acting_files.values()),
        "currency": opened.project.spec.currency,
        "overrides": [override.override_id for override in prior.overrides],
        "effects": {playbook: list(line) for playbook, line in prior.lines.items()},
        "route": route,
    }
    if opened.project.holidays:
        named["holidays"] = opened.project.holidays
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:32]
