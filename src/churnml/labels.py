"""What we predict: churn of three declared kinds, contraction, and upsell. Each declared once.

A label may look at everything the data finally say; it is the only room that looks forward, and
always from a window that starts at or after the cutoff.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from churnml.errors import ContractError
from churnml.lazy import ibis
from churnml.periods import final_periods
from churnml.tables import Facts, Relation, cents
from churnml.timeline import Reach, day_number

if TYPE_CHECKING:
    import ibis.expr.types as ir

Days = Annotated[int, Field(ge=0, le=3650)]
FromCutoff = Annotated[int, Field(ge=-3650, le=3650)]
ModelPart = Literal["risk", "grows", "none"]
LabelKind = Literal["contract", "lapse", "event", "upsell", "contraction"]


class Label(BaseModel):
    """What is predicted: of whom, and what has to happen in which days for it to count.

    The days that count are ``horizon`` days long and begin ``gap`` days after the cutoff; what changes in size (upsell,
    contraction) is looked at on the last of them. Keys that a kind does not read are refused.

    Args:
        kind: ``contract`` – the last paying subscription ends in the window and none begins within
            the grace period; ``lapse`` – no usage in the window; ``event`` – a recorded leaving in
            the window; ``upsell`` – more MRR, seats or plan at the window's end, or paying at last;
            ``contraction`` – less MRR, seats or active users at the window's end.
        gap: days between cutoff and window.
        horizon: the window's length in days.
        population: a rule that narrows whom the label speaks of: ``segment == 'smb' and age_days >= 30``.
        grace: contract only – coming back within this many days is not churn.
        settle: lapse, event and contraction of users only – days after the window in which late rows may still arrive.
        active_within: lapse only – the population was active in this many days before the cutoff.
        due_within: lapse only, instead of ``active_within`` – the population is due between these two days counted
            from the cutoff, by its own rhythm: its last day of use, and its own mean gap between days of use after it.
        recurring: event only – an account can leave again without a new subscription in between.
        voluntary_only: event only – leavings marked involuntary do not count.
        mrr_up_by, seats_up_by, plans: upsell – shares by which MRR or seats must be up, and the
            plans from small to large; any one suffices.
        starts_paying: upsell – whoever did not pay at the cutoff and pays at the window's end counts too.
        mrr_down_by, seats_down_by, users_down_by: contraction – shares by which MRR, seats or active users must be
            down; any one suffices.
        users_within: contraction of users – users count as active who were seen in this many days.
        leaving_counts: contraction – whoever does not pay at all any more is down, too; else it counts neither way.
        include_notice_given: keep accounts whose notice is already known in the population.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: LabelKind
    gap: Days = 7
    horizon: Annotated[int, Field(gt=0, le=3650)] = 91
    population: Annotated[str, Field(min_length=1, max_length=4000)] | None = None
    grace: Days = 0
    settle: Days = 0
    active_within: Annotated[int, Field(gt=0, le=3650)] = 28
    due_within: tuple[FromCutoff, FromCutoff] | None = None
    recurring: bool = False
    voluntary_only: bool = False
    mrr_up_by: Annotated[float, Field(gt=0, le=1000)] | None = None
    seats_up_by: Annotated[float, Field(gt=0, le=1000)] | None = None
    plans: tuple[str, ...] = ()
    starts_paying: bool = False
    mrr_down_by: Annotated[float, Field(gt=0, le=1)] | None = None
    seats_down_by: Annotated[float, Field(gt=0, le=1)] | None = None
    users_down_by: Annotated[float, Field(gt=0, le=1)] | None = None
    users_within: Annotated[int, Field(gt=0, le=3650)] = 28
    leaving_counts: bool = True
    include_notice_given: bool = False

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Label:
        if self.kind == "upsell" and not (self.mrr_up_by or self.seats_up_by or self.plans or self.starts_paying):
            raise ValueError("an upsell label needs mrr_up_by, seats_up_by, plans or starts_paying")
        if self.kind == "contraction" and not (self.of_money or self.users_down_by):
            raise ValueError("a contraction label needs mrr_down_by, seats_down_by or users_down_by")
        if self.kind != "contract" and self.grace:
            raise _of_another_kind("grace", self.kind)
        if self.due_within is not None and self.due_within[0] > self.due_within[1]:
            raise ValueError("'due_within' names the earlier day first, as in [-45, 135]")
        return self

    @property
    def of_money(self) -> bool:
        """Contraction: whether it looks at what contracts say (MRR, seats), and not at users alone."""
        return bool(self.mrr_down_by or self.seats_down_by)

    @property
    def tells_when(self) -> bool:
        """Whether a positive has a day on which it left; of what is only compared at two ends, nobody knows one."""
        return self.kind in ("contract", "lapse", "event")

    @property
    def reach(self) -> Reach:
        """How far past a cutoff the label looks."""
        return Reach(self.gap, self.horizon, self.grace if self.kind == "contract" else self.settle)

    @property
    def leaves_in(self) -> tuple[int, int]:
        """Days after the cutoff, ``[start, end)``, in which the time of leaving of a positive label lies.

        See :func:`leaving_times`. Lapse: whoever is silent all through the window had gone when it opened.
        """
        return (0, self.gap + 1) if self.kind == "lapse" else (self.gap, self.gap + self.horizon)

    @property
    def leaving_settles(self) -> int:
        """Days to be seen after the day of a leaving until it is final: the grace period, or a lapse's silence."""
        if self.kind == "lapse":
            return self.horizon - 1 + self.settle
        return self.grace if self.kind == "contract" else self.settle

    @property
    def sources(self) -> tuple[str, ...]:
        """The contract tables the label cannot do without."""
        if self.kind == "contraction":
            users = ("usage_events",) if self.users_down_by else ()
            return (*(("subscriptions",) if self.of_money else ()), *users)
        return {
            "contract": ("subscriptions",),
            "upsell": ("subscriptions",),
            "lapse": ("usage_events",),
            "event": ("churn_events",),
        }[self.kind]


def part_played(kind: str, declared: object = None) -> ModelPart:
    """What a model of a label of ``kind`` gives a scored date: what its spec declares, else what its kind suggests."""
    if declared in ("risk", "grows", "none"):
        return declared
    return "grows" if kind == "upsell" else "risk"


# Keys that only some kinds read.
KINDS_OF_KEY: Mapping[str, tuple[str, ...]] = {
    "grace": ("contract",),
    "settle": ("lapse", "event", "contraction"),
    "active_within": ("lapse",),
    "due_within": ("lapse",),
    "recurring": ("event",),
    "voluntary_only": ("event",),
    "mrr_up_by": ("upsell",),
    "seats_up_by": ("upsell",),
    "plans": ("upsell",),
    "starts_paying": ("upsell",),
    "mrr_down_by": ("contraction",),
    "seats_down_by": ("contraction",),
    "users_down_by": ("contraction",),
    "users_within": ("contraction",),
    "leaving_counts": ("contraction",),
    "include_notice_given": ("contract", "event", "upsell", "contraction"),
}


def check_keys_of_kind(label: Label) -> None:
    """Raises ValueError where a declared key is one that labels of this kind do not read."""
    for key, kinds in KINDS_OF_KEY.items():
        if key in label.model_fields_set and label.kind not in kinds:
            raise _of_another_kind(key, label.kind)
    declared = label.model_fields_set
    if "due_within" in declared and "active_within" in declared:
        raise ValueError("'due_within' and 'active_within' both say who is asked about; declare one of them")
    for key in ("users_within", "settle"):
        if label.kind == "contraction" and key in declared and not label.users_down_by:
            raise ValueError(f"'{key}' of a contraction is about users: it needs users_down_by")
    if label.kind == "contraction" and not label.of_money:
        for key in ("leaving_counts", "include_notice_given"):
            if key in declared:
                raise ValueError(f"'{key}' of a contraction is about contracts: it needs mrr_down_by or seats_down_by")


def _of_another_kind(key: str, kind: str) -> ValueError:
    return ValueError(f"'{key}' is not for a label of kind '{kind}' (only for {', '.join(KINDS_OF_KEY[key])})")


def require_sources(label: Label, given: Mapping[str, Collection[str]], where: str) -> None:
    """Raises ContractError when a table or column that the label needs is not among those ``given``, by table."""
    for source in label.sources:
        if source not in given:
            raise ContractError(
                f"A label of kind '{label.kind}' needs the table {source}, which the project does not have.",
                where=where,
                remedy=f"Write sources/{source}.sql, or declare another kind of label.",
            )
    if label.users_down_by and "user_id" not in given.get("usage_events", ()):
        raise ContractError(
            "A label that counts active users needs user_id in usage_events, which the project does not give.",
            where=where,
            remedy="Add user_id to sources/usage_events.sql, or compare MRR or seats.",
        )


def leavings(label: Label, facts: Facts) -> Relation:
    """Every leaving the label's kind knows: ``account_id, left_at`` (a time), final knowledge."""
    if label.kind == "event":
        events = facts.churn_events
        if label.voluntary_only:
            events = events.filter(events["voluntary"].fill_null(True))
        return events.select("account_id", left_at="churned_at").distinct()
    periods = final_periods(facts.subscriptions)
    paying = periods.filter(periods["mrr"] > 0)
    ends = paying.filter(paying["ends_at"].notnull()).select("account_id", left_at="ends_at").distinct()
    others = paying.select("account_id", "starts_at", "ends_at")
    # carried on: another paying period covers that moment, or begins at it or within the grace period
    carried_on = ends.join(
        others,
        [
            ends["account_id"] == others["account_id"],
            others["ends_at"].isnull() | (others["ends_at"] > ends["left_at"]),
            (others["starts_at"] <= ends["left_at"])
            | (others["starts_at"] < ends["left_at"] + ibis.interval(days=label.grace)),
        ],
        how="semi",
    )
    return ends.anti_join(carried_on, ["account_id", "left_at"])


def left_label(label: Label, facts: Facts, spine: Relation) -> Relation:
    """Contract and event churn: ``account_id, as_of, label`` for each row of ``spine``.

    1 when the account left in the window, else 0; null where neither would be true: it left in the gap
    (too late to act, too early to count), it had left before the cutoff and nobody knew yet, or a leaving that does
    not count (involuntary, where only voluntary ones do) cuts its window short.
    """
    end = label.gap + label.horizon
    times = leaving_times(label, facts, spine)
    after = times["left_after"].fill_null(end)
    null = times["unclear"] | (after < label.gap) | (times["cut_after"].fill_null(end) < end)
    return times.select("account_id", "as_of", label=ibis.ifelse(null, ibis.null("int32"), (after < end).cast("int32")))


def _really_paying(facts: Facts, keys: Relation) -> Relation:
    """Contract: ``unclear`` where, as we know today, no paying period covered the cutoff."""
    periods = final_periods(facts.subscriptions)
    periods = periods.filter(periods["mrr"] > 0)
    periods = periods.select(
        "account_id", start_day=day_number(periods["starts_at"]), end_day=day_number(periods["ends_at"])
    )
    joined = keys.left_join(periods, "account_id")
    covers = (joined["start_day"] <= joined["as_of_day"]) & (
        joined["end_day"].isnull() | (joined["end_day"] >= joined["as_of_day"])
    )
    return joined.group_by(["account_id", "as_of"]).aggregate(unclear=~covers.fill_null(False).any())


def _really_there(label: Label, facts: Facts, keys: Relation) -> Relation:
    """Event: ``unclear`` where a leaving before the cutoff came to light after it."""
    events = facts.churn_events
    events = events.select(
        "account_id", left_day=day_number(events["churned_at"]), known_day=day_number(events["known_at"])
    )
    joined = keys.left_join(events, "account_id")
    unknown_then = (joined["left_day"] < joined["as_of_day"]) & (joined["known_day"] >= joined["as_of_day"])
    unclear = unknown_then & (not label.recurring)
    return joined.group_by(["account_id", "as_of"]).aggregate(unclear=unclear.fill_null(False).any())


def lapse_label(label: Label, facts: Facts, spine: Relation) -> Relation:
    """Lapse churn: 1 when no usage falls in the window, else 0."""
    start, end = label.gap, label.gap + label.horizon
    keys = spine.select("account_id", "as_of", "as_of_day")
    days = facts.usage_days.select("account_id", "day")
    seen = days.join(
        keys,
        [
            days["account_id"] == keys["account_id"],
            days["day"] >= keys["as_of_day"] + start,
            days["day"] < keys["as_of_day"] + end,
        ],
    )
    seen = seen.group_by(["account_id", "as_of"]).aggregate(days=seen.count())
    per = keys.left_join(seen, ["account_id", "as_of"])
    return per.select("account_id", "as_of", label=per["days"].isnull().cast("int32"))


def leaving_times(label: Label, facts: Facts, spine: Relation) -> Relation:
    """When an account left: ``account_id, as_of, left_after, cut_after, unclear`` for each row of ``spine``.

    ``left_after`` counts days from the cutoff to the day of leaving, null while none is known; ``cut_after`` to a
    leaving that does not count (involuntary, where only voluntary ones do), after which nothing is seen any more;
    ``unclear`` marks accounts that had left before the cutoff and nobody knew.

    - contract, event: the day of the first leaving at or after the cutoff, so that the label is 1 exactly when
      ``gap ≤ left_after < gap + horizon``, and missing when it is smaller.
    - lapse: the first day, from the opening of the window on, that begins a silence as long as the horizon. The
      label is 1 exactly when that is the window's first day (``left_after = gap``); a later day is the first on
      which a later cutoff's window would have shown a lapse.
    """
    keys = spine.select("account_id", "as_of", "as_of_day")
    if label.kind == "lapse":
        return _silence_times(label, facts, keys)
    left = leavings(label, facts)
    left = left.select("account_id", left_day=day_number(left["left_at"]))
    joined = keys.left_join(left, "account_id")
    after = joined["left_day"] - joined["as_of_day"]
    per = joined.group_by(["account_id", "as_of"]).aggregate(left_after=after.min(where=after >= 0))
    unclear = _really_paying(facts, keys) if label.kind == "contract" else _really_there(label, facts, keys)
    per = per.left_join(unclear, ["account_id", "as_of"]).drop("account_id_right", "as_of_right")
    if label.kind == "event" and label.voluntary_only:
        cut = _made_to_leave(facts, keys)
        per = per.left_join(cut, ["account_id", "as_of"]).drop("account_id_right", "as_of_right")
    else:
        per = per.mutate(cut_after=ibis.null("int32"))
    return per.select("account_id", "as_of", "left_after", "cut_after", unclear=per["unclear"].fill_null(False))


def _made_to_leave(facts: Facts, keys: Relation) -> Relation:
    """``cut_after``: days from the cutoff to the first involuntary leaving at or after it."""
    events = facts.churn_events
    events = events.filter(~events["voluntary"].fill_null(True))
    events = events.select("account_id", left_day=day_number(events["churned_at"]))
    joined = keys.left_join(events, "account_id")
    after = joined["left_day"] - joined["as_of_day"]
    return joined.group_by(["account_id", "as_of"]).aggregate(cut_after=after.min(where=after >= 0))


def _silence_times(label: Label, facts: Facts, keys: Relation) -> Relation:
    """Lapse: when the first silence as long as the horizon begins, not before the window opens."""
    days = facts.usage_days.select("account_id", "day").distinct()
    back = days["day"].lead().over(ibis.window(group_by="account_id", order_by="day"))
    silent = days.select("account_id", quiet_day=days["day"] + 1, back_day=back)
    silent = silent.filter(silent["back_day"].isnull() | (silent["back_day"] - silent["quiet_day"] >= label.horizon))
    joined = keys.left_join(silent, "account_id")
    opens = joined["as_of_day"] + label.gap
    covers = (joined["quiet_day"] <= opens) & (
        joined["back_day"].isnull() | (joined["back_day"] - opens >= label.horizon)
    )
    begins = joined["quiet_day"] - joined["as_of_day"]
    per = joined.group_by(["account_id", "as_of"]).aggregate(
        quiet=covers.fill_null(False).any(), later=begins.min(where=begins > label.gap)
    )
    left_after = ibis.ifelse(per["quiet"], ibis.literal(label.gap, "int32"), per["later"].cast("int32"))
    return per.select(
        "account_id", "as_of", left_after=left_after, cut_after=ibis.null("int32"), unclear=ibis.literal(False)
    )


def upsell_label(label: Label, facts: Facts, spine: Relation) -> Relation:
    """Upsell: 1 when MRR, seats or plan at the window's end are up by the declared share, or it pays at last, else 0.

    ``spine`` carries ``mrr_cents`` and ``seats`` as known at the cutoff. Of several contracts, the
    largest paying plan counts, then and later; of whoever does not pay, the plan it is on. Null where it pays already
    at the cutoff and nobody knew, so that it could not begin to.
    """
    per = at_both_ends(label, facts, spine)
    paid_before = per["mrr_cents"].fill_null(0) > 0
    ups: list[ir.BooleanValue] = []
    if label.mrr_up_by is not None:
        need = ibis.literal(1.0 + label.mrr_up_by, "float64")
        # half a cent of tolerance, so that exactly ten percent up is up whatever the rounding
        up = per["later_cents"].cast("float64") + 0.5 >= per["mrr_cents"].cast("float64") * need
        ups.append(paid_before & up)
    if label.seats_up_by is not None:
        need = ibis.literal(1.0 + label.seats_up_by, "float64")
        ups.append((per["seats"] > 0) & (per["later_seats"] + 1e-6 >= per["seats"] * need))
    if label.plans:
        ups.append(per["later_rank"] > ibis.ifelse(paid_before, per["rank"], per["any_rank"]))
    if label.starts_paying:
        ups.append(~paid_before & (per["later_cents"] > 0))
    up = ibis.or_(*(condition.fill_null(False) for condition in ups))
    unclear = ~paid_before & (per["now_cents"].fill_null(0) > 0) & label.starts_paying
    return per.select("account_id", "as_of", label=ibis.ifelse(unclear, ibis.null("int32"), up.cast("int32")))


def at_both_ends(label: Label, facts: Facts, spine: Relation) -> Relation:
    """What contracts come to on the cutoff's day and on the window's last, final knowledge: a row a row of ``spine``.

    Returns:
        ``account_id, as_of, mrr_cents, seats`` of ``spine``; ``now_cents, now_seats, rank`` (of paying contracts)
        and ``any_rank`` (of all) at the cutoff; ``later_cents, later_seats, later_rank`` at the window's end.
    """
    end = label.gap + label.horizon
    periods = final_periods(facts.subscriptions)
    periods = periods.select(
        "account_id",
        start_day=day_number(periods["starts_at"]),
        end_day=day_number(periods["ends_at"]),
        cents=cents(periods["mrr"]),
        period_seats=periods["seats"].cast("int64"),
        rank=_plan_rank(periods["plan"], label.plans),
    )
    joined = spine.select("account_id", "as_of", "as_of_day", "mrr_cents", "seats").left_join(periods, "account_id")
    day = joined["as_of_day"]
    last = day + end
    open_now = (joined["start_day"] <= day) & (joined["end_day"].isnull() | (joined["end_day"] > day))
    open_then = (joined["start_day"] < last) & (joined["end_day"].isnull() | (joined["end_day"] >= last))
    paid = joined["cents"] > 0
    return joined.group_by(["account_id", "as_of", "mrr_cents", "seats"]).aggregate(
        now_cents=joined["cents"].sum(where=open_now),
        now_seats=joined["period_seats"].sum(where=open_now),
        later_cents=joined["cents"].sum(where=open_then),
        later_seats=joined["period_seats"].sum(where=open_then),
        rank=joined["rank"].max(where=open_now & paid),
        any_rank=joined["rank"].max(where=open_now),
        later_rank=joined["rank"].max(where=open_then & paid),
    )


def _plan_rank(plan: ir.StringColumn, plans: tuple[str, ...]) -> ir.IntegerValue:
    ranks = [(name, rank) for rank, name in enumerate(plans)]
    return plan.cases(*ranks, else_=None).cast("int64") if ranks else ibis.null("int64")
