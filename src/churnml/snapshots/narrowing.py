"""Whom a label speaks of beyond what its kind asks: a rule over facts of the account, and who is due by its own rhythm.

Everything here is as it was known at the cutoff, like the rest of a population.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from churnml.features import Unit
from churnml.labels import Label
from churnml.language.checking import read_checked
from churnml.language.expressions import NO, YES, Tree
from churnml.language.facts import YES_NO, Fact
from churnml.language.truth import Columns, Mask, truth
from churnml.lazy import ibis
from churnml.stretches import KEY
from churnml.tables import TABLES, ColumnKind, Facts, Relation
from churnml.timeline import day_number

# Facts that say who pays: a rule that names one of them decides that itself.
OF_PAYING = ("paying", "mrr", "plan")
CONTRACT_FACTS = (
    Fact("paying", "text", "whether it pays at the cutoff", values=YES_NO, always=True),
    Fact("mrr", "number", "what it pays a month; 0 where it pays nothing", Unit.MONEY.value, always=True),
    Fact("plan", "text", "the plan of its largest contract that runs, paid or not", Unit.NAME.value),
    Fact("seats", "number", "the seats of its contracts that run", low=0),
)
AGE = Fact("age_days", "number", "days since the account was created", Unit.DAYS.value, 0, always=True)
_TEXTS = [column.name for column in TABLES["accounts"].columns if column.kind is ColumnKind.CATEGORY]


def population_facts(static: Iterable[str], *, contracts: bool) -> dict[str, Fact]:
    """Name → every fact a ``population:`` may ask for.

    Args:
        static: the account's attributes that are declared never to change.
        contracts: whether there is a subscriptions table.
    """
    lacks = "" if contracts else "Write sources/subscriptions.sql, or drop the condition."
    facts = {fact.name: Fact(**{**vars(fact), "lacks": lacks}) for fact in CONTRACT_FACTS} | {AGE.name: AGE}
    static = tuple(static)
    for name in dict.fromkeys([*static, *_TEXTS]):
        missing = "" if name in static else f"Add '{name}' to static: in project.yaml if it never changes."
        for called in (name, f"attribute.{name}"):
            facts.setdefault(called, Fact(called, "text", f"the account's {name}", Unit.NAME.value, lacks=missing))
    return facts


def check_population(label: Label, static: Iterable[str], *, contracts: bool, where: str) -> None:
    """Raises SpecError or UnknownNameError where the label's ``population:`` cannot be asked of this project."""
    if label.population is not None:
        read_checked(label.population, f"{where}, label: population", population_facts(static, contracts=contracts))


@lru_cache(maxsize=64)
def _rule(text: str, static: tuple[str, ...], contracts: bool) -> tuple[Tree, Mapping[str, Fact]]:
    return read_checked(text, "label: population", population_facts(static, contracts=contracts))


def rule_of(label: Label, facts: Facts) -> tuple[Tree, Mapping[str, Fact]] | None:
    """The label's ``population:`` read, with name → fact of all it asks for; None without one."""
    if label.population is None:
        return None
    return _rule(label.population, facts.static, facts.subscriptions is not None)


def says_who_pays(label: Label, facts: Facts) -> bool:
    """Whether the label's own rule decides if accounts must pay, instead of its kind."""
    rule = rule_of(label, facts)
    return rule is not None and not set(OF_PAYING).isdisjoint(rule[1])


# What the rule reads of the spine and of nothing else: dropped once it was asked.
ASKED = "asked_"


def with_asked(label: Label, facts: Facts, spine: Relation) -> Relation:
    """``spine`` with a column ``asked_<fact>`` for what the label's rule asks beyond what ``spine`` has."""
    rule = rule_of(label, facts)
    if rule is None:
        return spine
    created = facts.accounts.select("account_id", "created_at", *facts.static)
    joined = spine.left_join(created, "account_id").drop("account_id_right")
    return joined.select(
        *spine.columns,
        **{f"{ASKED}age_days": joined["as_of_day"] - day_number(joined["created_at"])},
        **{f"{ASKED}{name}": joined[name].cast("string") for name in facts.static},
    )


def where_rule_holds(label: Label, facts: Facts, rows: pd.DataFrame) -> Mask:
    """Of which rows of a population the label's rule holds, shape (rows,); of all without one."""
    rule = rule_of(label, facts)
    if rule is None:
        return np.ones(len(rows), dtype=bool)
    tree, asked = rule
    columns = pd.DataFrame({name: _column(name, rows) for name in asked})
    return truth(tree, Columns(columns, len(rows), asked))[0]


def _column(name: str, rows: pd.DataFrame) -> pd.Series:
    if name == "mrr":
        return rows["mrr_cents"].astype("float64").fillna(0.0) / 100.0
    if name == "paying":
        return pd.Series(np.where(rows["mrr_cents"].astype("float64") > 0, YES, NO), index=rows.index)
    if name == "plan":
        return rows["plan"].where(rows["plan"].notna(), rows["any_plan"])
    return rows[name] if name == "seats" else rows[f"{ASKED}{name.removeprefix('attribute.')}"]


# ---------------------------------------------------------------- due by its own rhythm


def due_then(label: Label, usage_days: Relation, cutoffs: Sequence[int]) -> Relation:
    """``account_id, as_of`` of those due in the label's ``due_within`` by what was known at the cutoff.

    Due is the last day of use and the account's own mean gap between its days of use after it; an account that was
    seen on one day has no rhythm yet.
    """
    first, last = label.due_within or (0, 0)
    seen = _rhythms(usage_days, cutoffs)
    gaps = seen["days"] - 1
    # days to the due day, times the number of gaps: whole numbers, so that every engine agrees
    due = (seen["last_day"] - seen["as_of_day"]) * gaps + seen["last_day"] - seen["first_day"]
    return seen.filter((gaps > 0) & due.between(gaps * first, gaps * last)).select(*KEY)


def _rhythms(usage_days: Relation, cutoffs: Sequence[int]) -> Relation:
    """Per account and cutoff: how many days of use were known by then, the first and the last of them."""
    days = sorted(set(cutoffs))
    # a day is known from its first row on
    per_day = usage_days.group_by(["account_id", "day"]).aggregate(known_day=usage_days["known_day"].min())
    known = ibis.ifelse(per_day["known_day"] > per_day["day"], per_day["known_day"], per_day["day"])
    steps = [(known < day, ibis.literal(place, "int32")) for place, day in enumerate(days)]
    rows = per_day.mutate(step=ibis.cases(*steps, else_=ibis.null("int32")))
    per = rows.group_by(["account_id", "step"]).aggregate(
        some=rows.count(), first_day=rows["day"].min(), last_day=rows["day"].max()
    )
    reach = pd.DataFrame([(early, day) for place, day in enumerate(days) for early in range(place + 1)])
    reach.columns = pd.Index(["step", "as_of_day"])
    midnights = pd.to_datetime(reach["as_of_day"], unit="D").astype("datetime64[us]")
    per = per.join(ibis.memtable(reach.astype("int32").assign(as_of=midnights)), "step")
    return per.group_by([*KEY, "as_of_day"]).aggregate(
        days=per["some"].sum().cast("int64"),
        first_day=per["first_day"].min().cast("int64"),
        last_day=per["last_day"].max().cast("int64"),
    )
