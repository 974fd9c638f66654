"""Signs, in the user's data, of columns that hold today's state and of times that cannot be.

None of these proves a leak, so each is a warning: it says what was seen and what it may mean.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnml.arrivals import KNOWN_AT, ArrivalColumns, assumptions, would_tell
from churnml.audit.findings import Finding, Severity
from churnml.audit.variants import LATER_TIMES
from churnml.features import Feature
from churnml.modelling.leaks import giveaways
from churnml.remarks import Remark, RemarkKind
from churnml.tables import TABLES, ColumnKind, Facts, Relation
from churnml.timeline import day_number, day_number_of, end_of_data, midnight

if TYPE_CHECKING:
    import ibis.expr.types as ir

TOO_GOOD = 0.95  # an honest single column hardly ever ranks accounts as well as this
MIN_POSITIVES = 20
MIN_OF_A_KIND = 10
BY_CHANCE = 1e-6  # and there may be a hundred columns of ten names each
BOOTSTRAPS = 200
# Times that may lie after the last day of the data, because they were agreed on before.
AGREED_AHEAD = frozenset({("subscriptions", "starts_at"), ("subscriptions", "ends_at"), ("subscriptions", "renews_at")})
# Tables whose columns' being filled can be held against the outcome; a recorded leaving is the outcome.
FILLED_BY_ACCOUNT = ("accounts", "subscriptions", "support_tickets")
LATER_BY_NATURE = frozenset({"csat"})
LAST_CHANGE = 0.95  # so many of the resolved tickets known only then are no chance


def _warning(kind: str, name: str, sentence: str, model: str = "") -> Finding:
    return Finding(kind, Severity.WARNING, sentence, model, name)


# ---------------------------------------------------------------- times


def data_signs(
    facts: Facts, unmapped: ArrivalColumns = MappingProxyType({}), remarks: Sequence[Remark] = ()
) -> tuple[Finding, ...]:
    """What the times of the contract tables say about what can be known of the past.

    Args:
        facts: the project's tables.
        unmapped: contract table → columns beside those it maps that look like times of arrival.
        remarks: what reading them told of their columns.
    """
    return (
        *_after_the_data(facts),
        *_before_opening(facts),
        *_taken_as_known(facts),
        *_not_mapped(unmapped),
        *_known_by_a_load(remarks),
        *_known_when_it_happened(facts),
        *_late_usage(facts),
        *_late_tickets(facts),
    )


def _relations(facts: Facts, of: Collection[str] = TABLES.keys() - {"usage_events"}) -> dict[str, Relation]:
    return {name: getattr(facts, name) for name in TABLES if name in of and facts.has(name)}


def _count(condition: ir.BooleanColumn) -> int:
    return int(condition.fill_null(False).sum().fill_null(0).to_pandas())


def _after_the_data(facts: Facts) -> list[Finding]:
    end = end_of_data(facts.data_through)
    counts: dict[tuple[str, str], int] = {}
    for name, relation in _relations(facts).items():
        for column in TABLES[name].columns:
            must_lie_inside = column.kind is ColumnKind.TIME and (name, column.name) not in AGREED_AHEAD
            if must_lie_inside and column.name in facts.given.get(name, ()):
                counts[name, column.name] = _count(relation[column.name] >= midnight(end))
    if facts.usage_days is not None:
        counts["usage_events", "known_at"] = _count(facts.usage_days["known_day"] >= day_number_of(end))
    return [
        _warning(
            "future time",
            f"{table}.{column}",
            f"{many:,} rows of {table} have a {column} after {facts.data_through}, the last day of the data: the table "
            "says more than was known when the data end.",
        )
        for (table, column), many in counts.items()
        if many
    ]


def _before_opening(facts: Facts) -> list[Finding]:
    tickets = facts.support_tickets
    if tickets is None:
        return []
    sentence = "{:,} tickets have a {} before they were opened: one of the two times is wrong."
    return [
        _warning("time before opening", f"support_tickets.{column}", sentence.format(many, column))
        for column in (*LATER_TIMES, "csat_at")
        if (many := _count(tickets[column] < tickets["opened_at"]))
    ]


def _taken_as_known(facts: Facts) -> list[Finding]:
    """The facts whose arrival is taken to be their occurrence, because no column tells."""
    signs = []
    for assumed in assumptions(facts.given, facts.static):
        kind = "known_at missing" if assumed.told_by == KNOWN_AT else "arrival assumed"
        name = f"{assumed.table}.{assumed.told_by}" if assumed.told_by else assumed.table
        # where no column could tell, there is nothing to mend
        severity = Severity.WARNING if assumed.told_by else Severity.OK
        signs.append(Finding(kind, severity, assumed.sentence, "", name))
    return signs


def _not_mapped(unmapped: ArrivalColumns) -> list[Finding]:
    return [
        _warning("arrival not mapped", f"{table}.{KNOWN_AT}", would_tell(table, columns))
        for table, columns in unmapped.items()
        if columns
    ]


def _known_by_a_load(remarks: Sequence[Remark]) -> list[Finding]:
    """Tables whose known_at is the time at which a load stamped most of their rows."""
    return [
        _warning(
            "known by a load",
            f"{one.table}.{one.column}",
            f"{one.rows:,} rows of {one.table} became known at {', '.join(one.samples)}, long after they happened. "
            f"{one.detail}",
        )
        for one in remarks
        if one.kind is RemarkKind.LOAD_TIME
    ]


def _known_when_it_happened(facts: Facts) -> list[Finding]:
    """Tables whose known_at says nothing, because it is always the time it happened."""
    signs = []
    for name, relation in _relations(facts).items():
        table = TABLES[name]
        given = KNOWN_AT in table.column_names and KNOWN_AT in facts.given.get(name, ())
        if given and not _count(relation[KNOWN_AT] != relation[table.dated_by]) and relation.count().to_pandas():
            signs.append(_always_at_once(name, table.dated_by))
    usage = facts.usage_days if KNOWN_AT in facts.given.get("usage_events", ()) else None
    if usage is not None and not _count(usage["known_day"] != usage["day"]):
        signs.append(_always_at_once("usage_events", "occurred_at"))
    return signs


def _always_at_once(table: str, dated_by: str) -> Finding:
    return _warning(
        "known_at equals",
        f"{table}.known_at",
        f"Every known_at of {table} falls on its {dated_by}: if that is a copy and not the time of arrival, "
        "late rows cannot be told.",
    )


def _late_usage(facts: Facts) -> list[Finding]:
    """How much usage arrived on a later day, and how much later."""
    if facts.usage_days is None or KNOWN_AT not in facts.given.get("usage_events", ()):
        return []
    rows = facts.usage_days.mutate(delay=facts.usage_days["known_day"] - facts.usage_days["day"])
    per = rows.group_by("delay").aggregate(n=rows["events"].sum()).order_by("delay").to_pandas()
    sentence = _delays(per, "of usage events were known on a later day than they occurred")
    return [Finding("late usage", Severity.OK, sentence, "", "usage_events.known_at")] if sentence else []


def _delays(per: pd.DataFrame, what: str) -> str:
    """How many of the ``n`` counted came later by a ``delay`` of days, and how much later; empty where none did."""
    late = per[per["delay"] > 0]
    if late.empty:
        return ""
    share = late["n"].sum() / per["n"].sum()
    reached = late["n"].cumsum() / late["n"].sum()
    median, most = (int(late["delay"][reached >= part].iloc[0]) for part in (0.5, 0.95))
    return f"{share:.1%} {what}: half of those within {median} days, 95 % within {most}."


def _late_tickets(facts: Facts) -> list[Finding]:
    """How many tickets arrived on a later day than they were opened, and whether that looks like their last change."""
    if facts.support_tickets is None or KNOWN_AT not in facts.given.get("support_tickets", ()):
        return []
    versions = facts.support_tickets
    by_ticket = versions.group_by("ticket_id").aggregate(
        delay=day_number(versions["known_at"].min()) - day_number(versions["opened_at"].min()),
        known_at=versions["known_at"].min(),
        resolved_at=versions["resolved_at"].max(),
        versions=versions.count(),
    )
    per = by_ticket.group_by("delay").aggregate(n=by_ticket.count()).order_by("delay").to_pandas()
    sentence = _delays(per, "of tickets were known on a later day than they were opened")
    if not sentence:
        return []
    signs = [Finding("late tickets", Severity.OK, sentence, "", "support_tickets.known_at")]
    resolved = by_ticket.filter(by_ticket["resolved_at"].notnull() & (by_ticket["delay"] > 0))
    many = int(resolved.count().to_pandas())
    after = _count(resolved["known_at"] >= resolved["resolved_at"])
    if many >= MIN_OF_A_KIND and after >= LAST_CHANGE * many and not _count(by_ticket["versions"] > 1):
        sentence = (
            f"{after:,} of {many:,} tickets that were resolved and known late were known only once they were resolved, "
            "and no ticket has more than one version: known_at looks like the time of the last change, so that no "
            "ticket is ever seen open. Map the time of arrival, or give every version as a row."
        )
        signs.append(_warning("known at its last change", "support_tickets.known_at", sentence))
    return signs


# ---------------------------------------------------------------- today's state


def outcome_signs(
    facts: Facts, model: str, features: Sequence[Feature], rows: pd.DataFrame, *, lapse: bool = False
) -> tuple[Finding, ...]:
    """Features, and columns' being empty, that give the outcome away.

    Args:
        facts: the project's tables.
        model: whose features they are.
        features: what the model sees.
        rows: labelled snapshots of many cutoffs: account_id, as_of, label and a column a feature.
        lapse: the outcome is that nothing is used, which long silence may honestly settle.

    Each account counts once: it is positive when any of its labels is. Features that change are looked at as in
    training (:mod:`churnml.modelling.leaks`), where they would keep a model from becoming champion.
    """
    labelled = rows[rows["label"].notna()]
    outcome = labelled.groupby("account_id")["label"].max()
    if outcome.sum() < MIN_POSITIVES or outcome.min() == 1:
        return ()
    signs = []
    for feature in features:
        if (values := _constant(labelled, feature.name)) is not None:
            why = f"'{feature.name}' never changes for an account, yet "
            signs += _gives_away(values, outcome, feature.name, model, why, is_category=feature.is_category)
    for name, filled in _filled(facts, rows["as_of"].max()).items():
        why = f"Whether {name} is filled "
        signs += _gives_away(filled.reindex(outcome.index), outcome, name, model, why, is_category=True)
    named = {finding.name for finding in signs}
    rest = [feature for feature in features if feature.name not in named]
    signs += [
        _warning("gives the outcome away", leak.feature, f"{leak.sentence}.", model)
        for leak in giveaways(rest, labelled, labelled, lapse=lapse)
    ]
    return tuple(signs)


def _constant(rows: pd.DataFrame, name: str) -> pd.Series | None:
    """One value an account, where no account seen at several cutoffs ever has two; None otherwise."""
    by_account = rows.groupby("account_id")[name]
    if (by_account.nunique(dropna=False) > 1).any() or (by_account.size() < 2).all():
        return None
    return rows.drop_duplicates("account_id").set_index("account_id")[name]


def _filled(facts: Facts, as_of: pd.Timestamp) -> dict[str, pd.Series]:
    """``table.column`` → account → 'filled', 'empty' or 'sometimes', of rows known before ``as_of``."""
    states = {}
    for name, relation in _relations(facts, FILLED_BY_ACCOUNT).items():
        table = TABLES[name]
        known_at = KNOWN_AT if KNOWN_AT in table.column_names else table.dated_by
        known = relation.filter(relation[known_at] < as_of.to_pydatetime())
        columns = [
            column
            for column in relation.columns
            if column in facts.given.get(name, ()) and _may_be_empty(name, column) and column not in LATER_BY_NATURE
        ]
        if not columns:
            continue
        per = known.group_by("account_id").aggregate(**{c: known[c].notnull().cast("float64").mean() for c in columns})
        frame = per.to_pandas().set_index("account_id")
        for column in columns:
            share = frame[column]
            state = np.select([share >= 1, share <= 0], ["filled", "empty"], "sometimes")
            states[f"{name}.{column}"] = pd.Series(state, index=frame.index, dtype="object")
    return states


def _may_be_empty(table: str, column: str) -> bool:
    declared = next((c for c in TABLES[table].columns if c.name == column), None)
    # what is not declared is an attribute of the project's own
    return declared is None or not (declared.required or declared.kind is ColumnKind.TIME)


def _gives_away(
    values: pd.Series, outcome: pd.Series, name: str, model: str, why: str, *, is_category: bool
) -> list[Finding]:
    y = outcome.reindex(values.index).to_numpy(dtype="float64")
    if is_category:
        return _pure_names(values.astype("object"), y, name, model, why)
    low = _auc_at_least(values.to_numpy(dtype="float64"), y)
    if low < TOO_GOOD:
        return []
    sentence = (
        f"{why}it alone tells the accounts that turn out positive from the others almost perfectly (ROC AUC at least "
        f"{low:.2f}): it may hold today's state, written after the outcome."
    )
    return [_warning("today's state", name, sentence, model)]


def _auc_at_least(x: np.ndarray, y: np.ndarray) -> float:
    """The lower end of the bootstrapped 95 % interval of a column's ROC AUC, whichever way it points."""
    from sklearn.metrics import roc_auc_score  # dear to import, and who only reads tables has no use for it

    x = np.where(np.isnan(x), np.nanmin(x) - 1 if (~np.isnan(x)).any() else 0.0, x)
    auc = float(roc_auc_score(y, x))
    if max(auc, 1 - auc) < TOO_GOOD:
        return 0.0
    x = x if auc > 0.5 else -x
    rng = np.random.default_rng(0)
    yes, no = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    scores = []
    for _ in range(BOOTSTRAPS):
        # within each class, so that no draw is without positives
        drawn = np.concatenate([rng.choice(yes, len(yes)), rng.choice(no, len(no))])
        scores.append(roc_auc_score(y[drawn], x[drawn]))
    return float(np.quantile(scores, 0.025))


def _pure_names(values: pd.Series, y: np.ndarray, name: str, model: str, why: str) -> list[Finding]:
    """A name that only positive, or only negative, accounts have, more than chance gives; the least likely."""
    base = float(y.mean())
    frame = pd.DataFrame({"value": values.fillna("(empty)").astype(str).to_numpy(), "y": y})
    per = frame.groupby("value")["y"].agg(["size", "sum"])
    chances = {}
    for value, (size, positives) in per.iterrows():
        by_chance = (base if positives else 1 - base) ** size * len(per)
        if positives in (0, size) and MIN_OF_A_KIND <= size < len(frame) and by_chance < BY_CHANCE:
            chances[value] = by_chance
    if not chances:
        return []
    value = min(chances, key=lambda name: chances[name])
    size, positives = (int(n) for n in per.loc[[value]].to_numpy()[0])
    sentence = (
        f"{why}tells the outcome: of the {size:,} accounts where it is '{value}', "
        f"{'every one' if positives else 'none'} turns out positive, of all {base:.1%}. It may hold today's state, "
        "written after the outcome."
    )
    return [_warning("today's state", name, sentence, model)]
