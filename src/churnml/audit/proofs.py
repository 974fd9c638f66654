"""The proofs: what was not known at a cutoff changes no feature, no population and no settled label."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from churnml import snapshots
from churnml.audit.canaries import PREFIX, canaries
from churnml.audit.findings import CutoffProof, FeatureProof, Finding, LabelProof, Severity
from churnml.audit.variants import (
    SOURCES,
    PlantedFacts,
    as_known,
    from_source,
    otherwise,
    unknown_counts,
    with_rows_known,
)
from churnml.audit.windows import as_settled, inside_window, later_counts, settled_otherwise
from churnml.features import Feature, Grain
from churnml.labels import Label
from churnml.stretches import KEY
from churnml.tables import Facts
from churnml.timeline import plus_days

Progress = Callable[[str], None]
# A leak shows in the rows of a few hundred accounts as well as in all of them.
ACCOUNTS_WITH_ROWS = 200
# Snapshots that are compared at a cutoff; more of them are drawn by lot.
ROWS_COMPARED = 20_000
EVENT_NAMES = 40
SOURCE_OF = {
    **dict.fromkeys((Grain.STRETCH, Grain.DAY, Grain.LIFE, Grain.USER, Grain.ACTIVITY, Grain.NAME), "usage_events"),
    **dict.fromkeys((Grain.WEEK, Grain.WEEK_USERS), "usage_events"),
    Grain.TICKET: "support_tickets",
    Grain.PERIOD: "subscriptions",
}
# What an account simply is, or the date, is the same whatever rows there are.
WITHOUT_ROWS = (Grain.ACCOUNT, Grain.CALENDAR)
POPULATION = ["account_id", "mrr_cents", "seats", "plan"]


@dataclass
class _Notes:
    """What is noted on the way."""

    tried: list[CutoffProof] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)
    canaries: dict[str, bool] = field(default_factory=dict)
    leaks: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


# ---------------------------------------------------------------- features


def audit_features(
    facts: Facts,
    features: Sequence[Feature],
    labels: Mapping[str, Label],
    cutoffs: Sequence[dt.date],
    *,
    used_by: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
    progress: Progress = lambda _: None,
) -> FeatureProof:
    """Proves that no feature and no population looks past the cutoffs.

    Args:
        facts: the project's tables.
        features: what is audited, with all they are made of.
        labels: model → label, whose populations are looked at.
        cutoffs: where to look.
        used_by: feature → models, for the findings; by default all models use all features.
        seed: draws the accounts that get rows made up.
        progress: gets a line at every step.
    """
    placed = tuple(f.name for f in features if f.grain is Grain.PLACED)
    features = [f for f in features if f.grain is not Grain.PLACED]
    notes = _Notes()
    for as_of in sorted(cutoffs):
        progress(f"auditing {len(features)} features and {len(labels)} populations at {as_of}")
        _at_cutoff(facts, features, labels, as_of, seed, notes)
    models = {f.name: ", ".join((used_by or {}).get(f.name, labels)) for f in features}
    notes.findings += [
        Finding("feature", Severity.LEAK, sentence, models[name], name) for name, sentence in notes.leaks.items()
    ]
    moved = _moved_by_source(features, notes.moved)
    static = tuple(f.name for f in features if f.grain in WITHOUT_ROWS)
    unmoved = tuple(f.name for f in features if f.name not in notes.moved and f.grain not in WITHOUT_ROWS)
    notes.findings += _void(features, moved, notes, ", ".join(labels))
    # features with rows of their own that the control could not move
    unproven = [f.name for f in features if f.grain is Grain.OWN and f.name in unmoved and f.name not in notes.leaks]
    why = "No row that the audit made up could move '{}', so that it does not leak is not proved."
    notes.findings += [Finding("control", Severity.WARNING, why.format(name), models[name], name) for name in unproven]
    return FeatureProof(
        tuple(f.name for f in features),
        placed,
        tuple(notes.tried),
        moved,
        static,
        unmoved,
        {name.removeprefix(PREFIX): caught for name, caught in notes.canaries.items()},
        tuple(notes.findings),
    )


def _at_cutoff(
    facts: Facts,
    features: Sequence[Feature],
    labels: Mapping[str, Label],
    as_of: dt.date,
    seed: int,
    notes: _Notes,
) -> None:
    spine = _spine(facts, labels, as_of, seed)
    accounts = _some(spine["account_id"].unique(), seed)
    events = _event_names(facts, features)

    def with_rows(base: Facts, known_from: dt.date | None) -> PlantedFacts:
        return with_rows_known(base, accounts, events, as_of, known_from, seed)

    base, changed = with_rows(facts, None), with_rows(otherwise(facts, as_of), as_of)
    removed = unknown_counts(facts, as_of)
    notes.tried.append(CutoffProof(as_of, len(spine), removed, changed.added))
    if spine.empty:
        return
    planted = canaries(facts)
    watched = [*features, *planted]
    before = snapshots.build_snapshots(base.facts, watched, spine)
    variants = {"was left out": as_known(base.facts, as_of), "had come out otherwise": changed.facts}
    if not any(removed.values()) and as_of > facts.data_through:
        del variants["was left out"]  # the data end with the cutoff: there is nothing to leave out
    caught: set[str] = set()
    for how, variant in variants.items():
        after = snapshots.build_snapshots(variant, watched, spine)
        differing = _differing(before, after, [f.name for f in watched])
        caught |= {name for name in differing if name.startswith(PREFIX)}
        leaking = [name for name in differing if not name.startswith(PREFIX) and name not in notes.leaks]
        guilty = _guilty_tables(leaking, features, base.facts, variant, spine) if leaking else {}
        for name in leaking:
            notes.leaks[name] = _what_changed(name, before, after, set(accounts), how) + guilty[name]
        _compare_populations(labels, base.facts, variant, as_of, how, notes)
    for canary in planted:  # at every cutoff
        notes.canaries[canary.name] = canary.name in caught and notes.canaries.get(canary.name, True)
    control = snapshots.build_snapshots(with_rows(facts, plus_days(as_of, -1)).facts, features, spine)
    notes.moved |= set(_differing(before, control, [f.name for f in features]))


def _spine(facts: Facts, labels: Mapping[str, Label], as_of: dt.date, seed: int) -> pd.DataFrame:
    """Everybody some label speaks of at a cutoff: ``account_id, as_of``."""
    populations = [snapshots.population(label, facts, [as_of])[KEY] for label in labels.values()]
    spine = pd.concat(populations).drop_duplicates().sort_values(KEY, ignore_index=True)
    if len(spine) > ROWS_COMPARED:
        spine = spine.sample(ROWS_COMPARED, random_state=seed).sort_values(KEY, ignore_index=True)
    return spine


def _some(accounts: Iterable[str], seed: int) -> list[str]:
    """Every other account, drawn by lot, at most ACCOUNTS_WITH_ROWS; the others stay as they are."""
    known = sorted(accounts)
    size = min((len(known) + 1) // 2, ACCOUNTS_WITH_ROWS)
    return sorted(np.random.default_rng(seed).choice(known, size=size, replace=False).tolist()) if known else []


def _event_names(facts: Facts, features: Sequence[Feature]) -> list[str]:
    """Event names that features look at; any will do where they look at all of them."""
    if facts.usage_named is None:
        return []
    looked_at = list(dict.fromkeys(event for feature in features for event in feature.only))
    return looked_at[:EVENT_NAMES] or ["churnml audit event"]


def _differing(before: pd.DataFrame, after: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    return [name for name in columns if bool(_changed(before[name], after[name]).any())]


def _changed(before: pd.Series, after: pd.Series) -> np.ndarray:
    """Where two columns of the same rows differ, to the bit; nothing is the same as nothing."""
    same = (before.isna() & after.isna()) | (before == after).fillna(False)
    return ~same.to_numpy(dtype=bool)


def _what_changed(name: str, before: pd.DataFrame, after: pd.DataFrame, made_up: set[str], how: str) -> str:
    changed = _changed(before[name], after[name])
    rows = before.loc[changed, KEY].assign(was=before[name][changed], would=after[name][changed])
    # an account as the project has it makes the better example
    rows = rows.assign(made_up=rows["account_id"].isin(list(made_up))).sort_values(["made_up", "account_id"])
    first = rows.iloc[0]
    as_of = pd.Timestamp(first["as_of"]).date()
    beside = " (with rows the audit made up)" if first["made_up"] else ""
    many = "1 account" if len(rows) == 1 else f"{len(rows):,} accounts"
    return (
        f"'{name}' of account {first['account_id']}{beside} at {as_of} is {_value(first['was'])}, but would be "
        f"{_value(first['would'])} if what nobody knew before {as_of} {how}; {many} so."
    )


def _value(value: str | float | None) -> str:
    if value is None or value != value:
        return "empty"
    return f"'{value}'" if isinstance(value, str) else f"{value:.10g}"


def _guilty_tables(
    names: Sequence[str], features: Sequence[Feature], base: Facts, changed: Facts, spine: pd.DataFrame
) -> dict[str, str]:
    """Which table tells each feature of the future: the one its rows come from, or, where it makes its own
    rows, one that alone makes the difference."""
    guilty: dict[str, list[str]] = {}
    for name in names:
        parts = _with_parts([name], features)
        sources = {SOURCE_OF.get(part.grain, "accounts") for part in parts if part.grain is not Grain.MADE}
        guilty[name] = sorted(sources) if all(part.grain is not Grain.OWN for part in parts) else []
    unclear = [name for name, sources in guilty.items() if not sources]
    if unclear:
        needed = _with_parts(unclear, features)
        before = snapshots.build_snapshots(base, needed, spine)
        for source, facts in _one_by_one(base, changed).items():
            for name in _differing(before, snapshots.build_snapshots(facts, needed, spine), unclear):
                guilty[name].append(source)
    return {name: f" It is told by {' and '.join(sources)}." if sources else "" for name, sources in guilty.items()}


def _one_by_one(base: Facts, changed: Facts) -> dict[str, Facts]:
    """``base`` with a single table, or the day on which the data end, as it is in ``changed``."""
    by_source = {source: from_source(base, changed, source) for source in SOURCES if base.has(source)}
    return by_source | {"the day on which the data end": replace(base, data_through=changed.data_through)}


def _with_parts(names: Sequence[str], features: Sequence[Feature]) -> list[Feature]:
    """Features with all they are made of, in the order given."""
    by_name = {feature.name: feature for feature in features}
    wanted: set[str] = set()
    ahead = list(names)
    while ahead:
        wanted.add(name := ahead.pop())
        ahead += [part for part in by_name[name].made_of if part not in wanted]
    return [feature for feature in features if feature.name in wanted]


def _compare_populations(
    labels: Mapping[str, Label], base: Facts, variant: Facts, as_of: dt.date, how: str, notes: _Notes
) -> None:
    """A population is made of what was known, too: who is in it, and what its labels are measured against."""
    for model, label in labels.items():
        before, after = (snapshots.population(label, facts, [as_of])[POPULATION] for facts in (base, variant))
        if before.equals(after) or any(f.kind == "population" and f.model == model for f in notes.findings):
            continue
        both = before.merge(after, how="outer", indicator=True)
        who = both.loc[both["_merge"] != "both", "account_id"].sort_values().unique()
        sentence = (
            f"Whether account {who[0]} is in the population of '{model}' at {as_of}, or on which terms, would be "
            f"another if what nobody knew before {as_of} {how}; so for {len(who):,} in all."
        )
        notes.findings.append(Finding("population", Severity.LEAK, sentence, model, "population"))


def _moved_by_source(features: Sequence[Feature], moved: set[str]) -> dict[str, tuple[str, ...]]:
    """Contract table that features read → those of them that moved; own rows and made features aside."""
    by_source: dict[str, tuple[str, ...]] = {}
    for feature in features:
        if source := SOURCE_OF.get(feature.grain):
            by_source[source] = (*by_source.get(source, ()), *([feature.name] if feature.name in moved else []))
    return by_source


def _void(
    features: Sequence[Feature], moved: Mapping[str, tuple[str, ...]], notes: _Notes, models: str
) -> list[Finding]:
    """Why the proof, or a part of it, could not have failed."""
    if not any(tried.rows for tried in notes.tried):
        return [Finding("control", Severity.VOID, "Nobody was eligible at the audited cutoffs.", models)]
    reasons = []
    for source in [source for source, names in moved.items() if not names]:
        read_by = sum(SOURCE_OF.get(feature.grain) == source for feature in features)
        sentence = (
            f"Rows of {source} made known the day before the cutoff moved none of the {read_by} features that "
            "read it, so that nothing else moved them is no proof."
        )
        reasons.append(Finding("control", Severity.VOID, sentence, models, source))
    for planted in [name.removeprefix(PREFIX) for name, caught in notes.canaries.items() if not caught]:
        sentence = f"The audit planted a leaking feature ({planted}) and did not catch it: it cannot be trusted."
        reasons.append(Finding("canary", Severity.VOID, sentence, models, planted))
    return reasons


# ---------------------------------------------------------------- labels


def audit_label(
    facts: Facts,
    model: str,
    label: Label,
    cutoffs: Sequence[dt.date],
    *,
    seed: int = 0,
    progress: Progress = lambda _: None,
) -> LabelProof:
    """Proves that a label looks at nothing before its cutoff's window and nothing once it is settled.

    Args:
        facts: the project's tables.
        model: whose label it is.
        label: what is audited.
        cutoffs: mature cutoffs.
        seed: draws the accounts whose facts are changed.
        progress: gets a line at every step.
    """
    tried: list[CutoffProof] = []
    findings: list[Finding] = []
    changed = 0
    for as_of in sorted(cutoffs):
        progress(f"auditing the label of {model} at {as_of}")
        if label.reach.window(as_of).start < as_of:
            sentence = f"The label window of '{model}' starts before its cutoff {as_of}."
            findings.append(Finding("label", Severity.LEAK, sentence, model, "label"))
        spine = snapshots.population(label, facts, [as_of])
        accounts = _some(spine["account_id"].unique(), seed)
        settled = label.reach.settled_on(as_of)
        made_up = settled_otherwise(facts, accounts, label, as_of).added
        tried.append(CutoffProof(as_of, len(spine), later_counts(facts, settled), made_up))
        if spine.empty:
            continue
        before = snapshots.attach_label(label, facts, spine)
        # with both outcomes among them: a label may only look ahead where nothing happens in its window
        control = inside_window(facts, accounts, label, as_of)
        changed += _count_changed(before, snapshots.attach_label(label, control, spine))
        for base in (facts, control):
            if not findings:
                findings += _past_settled(base, model, label, spine, accounts)
    if not any(one.rows for one in tried):
        sentence = f"No cutoff has settled labels of '{model}': the history is too short to prove anything of them."
        findings.append(Finding("label control", Severity.VOID, sentence, model, "label"))
    elif not changed:
        sentence = f"Facts changed inside the label window changed no label of '{model}', so nothing is proved of it."
        findings.append(Finding("label control", Severity.VOID, sentence, model, "label"))
    return LabelProof(model, tuple(tried), changed, tuple(findings))


def _past_settled(base: Facts, model: str, label: Label, spine: pd.DataFrame, accounts: Sequence[str]) -> list[Finding]:
    """What is found of the labels of one cutoff when facts from after they were settled change."""
    as_of = pd.Timestamp(spine["as_of"].iloc[0]).date()
    settled = label.reach.settled_on(as_of)
    before = snapshots.attach_label(label, base, spine)
    variants = {
        "was left out": as_settled(base, settled),
        "had come out otherwise": settled_otherwise(base, accounts, label, as_of).facts,
    }
    for how, variant in variants.items():
        after = snapshots.attach_label(label, variant, spine)
        if _count_changed(before, after):
            sentence = _label_changed(before, after, settled, how)
            return [Finding("label", Severity.LEAK, sentence, model, "label")]
    return []


def _count_changed(before: pd.DataFrame, after: pd.DataFrame) -> int:
    return int(_changed(before["label"], after["label"]).sum())


def _label_changed(before: pd.DataFrame, after: pd.DataFrame, settled: dt.date, how: str) -> str:
    changed = _changed(before["label"], after["label"])
    was = before[changed].iloc[0]
    would = after.loc[changed, "label"].iloc[0]
    as_of = pd.Timestamp(was["as_of"]).date()
    return (
        f"The label of account {was['account_id']} at {as_of} is {_value(was['label'])}, but would be {_value(would)} "
        f"if what happened from {settled} on, when it is settled, {how}; {int(changed.sum()):,} labels so."
    )
