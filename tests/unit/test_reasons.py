"""Reasons: only what pushes the way the message goes, heaviest first, one a theme, none where nothing stands out."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from churnml.declarations import FeatureDeclaration
from churnml.features import FAMILIES, Wish, theme_of
from churnml.features.declared import DeclaredFamily, family_of
from churnml.features.themes import ALONE, THEMES
from churnml.scoring.peers import LEAST_PEERS, WITHOUT_PAST, YOUNG_DAYS, Peers
from churnml.scoring.people import about_people
from churnml.scoring.reasons import LEAST_CONTRIBUTION, LEAST_SHARE, MOST_OF_WORDS, REASONS_SHOWN, model_reasons
from churnml.scoring.wording import course, own_usual, sentence

WISH = Wish((7, 28, 90), ("export",), ("segment",), ("report",))
DECLARED = {f.name: f.declaration() for family in FAMILIES.values() for f in family.features(WISH)}
NAMES = (
    "usage_events_28d",
    "usage_active_days_28d",
    "usage_events_trend_28d_90d",
    "tickets_open",
    "tickets_csat_180d",
    "subscription_days_to_renewal",
    "account_segment",
)
FEATURES = tuple(DECLARED[name] for name in NAMES)
USUAL = {
    "usage_events_28d": 100.0,
    "usage_active_days_28d": 9.0,
    "usage_events_trend_28d_90d": 1.0,
    "tickets_open": 0.0,
    "tickets_csat_180d": 4.0,
    "subscription_days_to_renewal": 120.0,
}
BAD = {
    "usage_events_28d": 10.0,
    "usage_active_days_28d": 3.0,
    "usage_events_trend_28d_90d": 0.4,
    "tickets_open": 2.0,
    "tickets_csat_180d": 1.5,
    "subscription_days_to_renewal": 13.0,
    "account_segment": "small",
}
STRONG = 2 * LEAST_CONTRIBUTION


def told(values=BAD, towards_risk=True, **contributions):
    """The reasons of one account whose features contribute as named, and the others nothing."""
    given = np.array([[contributions.get(name, 0.0) for name in NAMES]])
    frame = pd.DataFrame([values | {"usage_events_90d": 310.0, "usage_active_days_90d": 34.0}])
    frame["subscription_tenure_days"] = 400.0
    return model_reasons(frame, FEATURES, given, USUAL, towards_risk=towards_risk)[0]


def codes(reasons):
    return [reason.code for reason in reasons]


@pytest.mark.parametrize("towards_risk", [True, False])
def test_where_nothing_stands_out_no_reason_is_given(towards_risk):
    just_under = dict.fromkeys(("usage_events_28d", "tickets_open", "account_segment"), 0.99 * LEAST_CONTRIBUTION)
    assert told(towards_risk=towards_risk, **just_under) == ()
    assert told(towards_risk=towards_risk) == ()
    assert len(told(towards_risk=towards_risk, tickets_open=1.01 * LEAST_CONTRIBUTION)) == 1


@pytest.mark.parametrize("towards_risk", [True, False])
def test_what_pushes_the_other_way_is_no_reason(towards_risk):
    found = told(towards_risk=towards_risk, tickets_open=-5.0, usage_events_28d=STRONG)
    assert codes(found) == ["usage.events"]


def test_a_number_on_its_good_side_is_no_reason_for_risk_though_it_adds_to_it():
    good = BAD | {"usage_events_28d": 500.0}
    assert told(good, usage_events_28d=STRONG) == ()
    assert codes(told(good, towards_risk=False, usage_events_28d=STRONG)) == ["usage.events"]


@pytest.mark.parametrize("towards_risk", [True, False])
def test_what_is_not_known_is_never_told_as_a_reason(towards_risk):
    unknown = BAD | {"subscription_days_to_renewal": math.nan, "account_segment": None, "tickets_csat_180d": math.nan}
    given = dict.fromkeys(("subscription_days_to_renewal", "account_segment", "tickets_csat_180d"), STRONG)
    assert told(unknown, towards_risk, **given) == ()
    assert len(told(BAD, towards_risk, **given)) == 3


def test_families_of_one_theme_give_one_reason_that_weighs_what_they_weigh_together():
    found = told(usage_events_28d=0.2, usage_active_days_28d=0.5, tickets_open=0.5)
    assert codes(found) == ["usage.events", "tickets.backlog"], "events have fallen further from the account's own past"
    assert [reason.weight for reason in found] == [pytest.approx(0.7), pytest.approx(0.5)]


def test_families_of_one_theme_that_cancel_each_other_are_no_reason():
    assert told(usage_events_28d=1.0, usage_active_days_28d=-0.9) == ()


def test_within_a_theme_a_family_that_may_not_speak_lets_the_next_one():
    found = told(BAD | {"usage_active_days_28d": 20.0}, usage_events_28d=0.3, usage_active_days_28d=0.4)
    assert codes(found) == ["usage.events"]


def test_what_nobody_can_act_on_comes_last_whatever_its_weight():
    found = told(subscription_days_to_renewal=3.0, tickets_open=0.3, account_segment=2.0)
    assert codes(found) == ["tickets.backlog", "subscriptions.renewal", "account.attributes"]


def test_at_most_three_and_of_equal_weights_the_one_declared_first():
    given = dict.fromkeys(("tickets_csat_180d", "tickets_open", "usage_events_trend_28d_90d", "usage_events_28d"), 0.5)
    assert codes(told(**given)) == ["usage.events", "usage.trend", "tickets.backlog"]
    assert REASONS_SHOWN == 3


def test_a_sentence_holds_the_accounts_number_the_usual_one_and_its_own():
    (found,) = told(usage_active_days_28d=1.0)
    # (34 − 3) active days in the 62 days before, in 28 days of them
    assert found.sentence == "Active on only 3 of the last 28 days; 9 is usual, 14 for this account."


@pytest.mark.parametrize(
    ("changed", "own"),
    [
        ({}, 14.0),
        ({"subscription_tenure_days": 90.0}, 14.0),
        ({"subscription_tenure_days": 89.0}, math.nan),  # it was not there for all of the past it is held to
        ({"subscription_tenure_days": math.nan}, math.nan),
        ({"usage_active_days_90d": 3.0}, 0.0),
    ],
)
def test_an_accounts_own_usual_is_what_it_did_before(changed, own):
    frame = pd.DataFrame(
        [{"usage_active_days_28d": 3.0, "usage_active_days_90d": 34.0, "subscription_tenure_days": 400.0} | changed]
    )
    assert own_usual(DECLARED["usage_active_days_28d"], frame)[0] == pytest.approx(own, nan_ok=True)


def test_nothing_at_all_has_its_own_sentence_also_where_the_value_is_a_share():
    share = DECLARED["usage_core_share_28d"]
    some, none = (sentence(share, value, 0.41) for value in (0.12, 0.0))
    assert some == "Core functions were 12 % of activity in the last 28 days; 41 % is usual."
    assert none == "No core function was used in the last 28 days; 41 % of activity is usual."
    single = DECLARED["usage_event_export_share_28d"]
    assert sentence(single, 0.0, 0.1) == "'export' was not used in the last 28 days; 10 % of activity is usual."
    assert sentence(single, 0.003, 0.1) == "'export' was under 1 % of activity in the last 28 days; 10 % is usual."
    assert sentence(DECLARED["usage_core_28d"], 0.0, 30.0).startswith("No core function used in the last 28 days")


SHARES = {
    "usage_core_28d": 12.0,
    "usage_events_28d": 100.0,
    "usage_core_90d": 112.0,
    "usage_events_90d": 300.0,
    "subscription_tenure_days": 400.0,
}


@pytest.mark.parametrize(
    ("changed", "own"),
    [
        ({}, 0.5),  # 100 of the 200 events in the days before
        ({"subscription_tenure_days": 89.0}, math.nan),
        ({"usage_events_90d": 100.0, "usage_core_90d": 12.0}, math.nan),  # nothing happened before
        ({"usage_core_90d": None}, math.nan),
    ],
)
def test_what_share_was_usual_of_an_account_is_that_of_the_days_before(changed, own):
    frame = pd.DataFrame([SHARES | {"usage_core_share_28d": 0.12} | changed], dtype="float64")
    share = DECLARED["usage_core_share_28d"]
    assert own_usual(share, frame)[0] == pytest.approx(own, nan_ok=True)
    assert np.isnan(own_usual(share, frame.drop(columns="usage_events_90d"))).all()
    assert np.isnan(own_usual(DECLARED["usage_core_share_90d"], frame)).all()
    assert sentence(share, 0.12, 0.41, own=0.5).endswith("41 % is usual, 50 % for this account.")


def test_where_the_past_is_not_known_the_sentence_leaves_it_out():
    frame = pd.DataFrame([{"usage_active_days_28d": 3.0, "tickets_open": 1.0}])
    assert np.isnan(own_usual(DECLARED["usage_active_days_28d"], frame)).all()
    assert np.isnan(own_usual(DECLARED["tickets_open"], frame.assign(account_age_days=500.0))).all()
    assert np.isnan(own_usual(DECLARED["usage_active_days_90d"], frame.assign(account_age_days=500.0))).all()
    assert sentence(DECLARED["usage_active_days_28d"], 3.0, 9.0) == "Active on only 3 of the last 28 days; 9 is usual."


def test_a_models_features_of_an_older_declaration_have_no_past_and_still_speak():
    stored = DECLARED["usage_active_days_28d"].as_json()
    stored = {key: value for key, value in stored.items() if key not in ("before", "when_absent", "only")}
    old = FeatureDeclaration.from_json(
        stored | {"when_low": "Active on only {value} of the last 28 days; {usual} is usual."}
    )
    frame = pd.DataFrame([{"usage_active_days_28d": 3.0, "usage_active_days_90d": 34.0, "account_age_days": 400.0}])
    found = model_reasons(frame, [old], np.array([[1.0]]), USUAL, towards_risk=True)[0]
    assert found[0].sentence == "Active on only 3 of the last 28 days; 9 is usual."


def test_every_theme_names_families_that_exist_and_none_twice():
    named = [family for families in THEMES.values() for family in families]
    assert len(named) == len(set(named))
    assert set(named) <= set(FAMILIES)
    assert all(theme_of(family) == family for family in ALONE)
    assert set(named) | set(ALONE) == set(FAMILIES), "a new family goes into a theme, or among those that stand alone"
    assert theme_of("product.reports") == "product.reports"


def test_every_declared_sentence_can_be_told():
    for feature in DECLARED.values():
        value = "a" if feature.is_category else 0.4
        for own in (None, 2.0):
            for usual in (1.0, 0.1):
                said = sentence(feature, value, None if feature.is_category else usual, "EUR", own)
                assert "{" not in said


# ---------------------------------------------------------------- against the obvious way


def slowly(frame, features, contributions, towards_risk):
    """Row by row, theme by theme: what the quick way must give."""
    candidates: list[list[tuple[float, float, int]]] = []  # of each row: weight of the theme, of the family, speaker
    for row in range(len(frame)):
        themes: dict[str, list[int]] = {}
        for i, feature in enumerate(features):
            themes.setdefault(theme_of(feature.family), []).append(i)
        of_row = []
        for theme in themes.values():
            weight = sum(contributions[row, i] for i in theme)
            speakers = []
            for family in dict.fromkeys(features[i].family for i in theme):
                inside = [i for i in theme if features[i].family == family]
                sum_ = sum(contributions[row, i] for i in inside)
                able = [
                    i for i in inside if contributions[row, i] > 0 and may_speak(features[i], frame, row, towards_risk)
                ]
                if sum_ > 0 and able:
                    speakers.append((sum_, max(able, key=lambda i: contributions[row, i])))
            heard = LEAST_SHARE * max((sum_ for sum_, _ in speakers), default=0.0)
            if weight >= LEAST_CONTRIBUTION:
                of_row += [(weight, sum_, i) for sum_, i in speakers if sum_ >= heard]
        candidates.append(of_row)
    having = Counter(features[i].family for of_row in candidates for _, _, i in of_row)
    listed = sum(1 for of_row in candidates if of_row)
    said = Counter(words(features[i], frame, row) for row, of_row in enumerate(candidates) for _, _, i in of_row)
    return [_ordered(of_row, features, having, listed, frame, row, said) for row, of_row in enumerate(candidates)]


def apart_slowly(feature, frame, row):
    """The segment's accounts are peers where there are enough, else all are; nothing of a past is known."""
    value, usual = frame[feature.name].iloc[row], USUAL.get(feature.name)
    own = frame["account_segment"].iloc[row]
    segment = frame["account_segment"].isna() if pd.isna(own) else frame["account_segment"] == own
    known = (frame[segment] if segment.sum() >= LEAST_PEERS else frame)[feature.name].dropna()
    if feature.is_category:
        there = sum(known == value)
    else:
        there = sum(known <= value) if usual is not None and value < usual else sum(known >= value)
    return math.log2((len(known) + 2) / (there + 1))


def words(feature, frame, row):
    return feature.name, sentence(feature, frame[feature.name].iloc[row], USUAL.get(feature.name))


def _ordered(of_row, features, having, listed, frame, row, said):
    def surprise(i):
        shared = math.log2((listed + 2) / (having[features[i].family] + 1))
        same = math.log2((listed + 2) / (said[words(features[i], frame, row)] + 1))
        return shared + min(same, MOST_OF_WORDS) + WITHOUT_PAST + apart_slowly(features[i], frame, row)

    def passive(i):
        if not features[i].actionable:
            return 2
        return apart_slowly(features[i], frame, row) < math.log2(3)

    speaker_of: dict[str, tuple[float, float, int]] = {}
    for weight, sum_, i in sorted(of_row, key=lambda one: (passive(one[2]), -round(surprise(one[2]), 1), -one[1])):
        speaker_of.setdefault(theme_of(features[i].family), (weight, sum_, i))
    told = sorted((passive(i), -weight * surprise(i), i) for weight, _, i in speaker_of.values())
    return [features[i].name for _, _, i in told[:REASONS_SHOWN]]


def may_speak(feature, frame, row, towards_risk):
    value, usual = frame[feature.name].iloc[row], USUAL.get(feature.name)
    if pd.isna(value):
        return False
    if not towards_risk or (feature.polarity == "neither" and not feature.only_low):
        return True
    if feature.only_low:
        return value < usual
    return value < usual if feature.polarity == "healthier" else value > usual


@pytest.mark.parametrize("towards_risk", [True, False])
def test_the_quick_way_gives_what_the_obvious_way_gives(towards_risk):
    rng = np.random.default_rng(5)
    n = 400
    columns = {name: USUAL.get(name, 1.0) * rng.choice([0.0, 0.5, 1.0, 2.0, np.nan], n) for name in NAMES}
    frame = pd.DataFrame(columns).assign(account_segment=rng.choice(["small", "big", None], n))
    big = np.flatnonzero(frame["account_segment"] == "big")[:20]
    frame.loc[big, "account_segment"] = "too few to be compared with each other"
    frame["tickets_open"] = rng.choice([0.0, 3.0, np.nan], n)
    contributions = rng.normal(0, 0.4, (n, len(NAMES)))
    found = model_reasons(frame, FEATURES, contributions, USUAL, towards_risk=towards_risk)
    assert [[reason.feature for reason in reasons] for reasons in found] == slowly(
        frame, FEATURES, contributions, towards_risk
    )
    assert sum(map(len, found)) > n / 2


# ---------------------------------------------------------------- what is particular to an account


def of_day(rows, contributions, names=NAMES, towards_risk=True):
    """The reasons of a day's list; contributions are given feature by feature, a number a row."""
    given = np.column_stack([contributions.get(name, np.zeros(len(rows))) for name in names])
    return model_reasons(
        pd.DataFrame(rows), [DECLARED[name] for name in names], given, USUAL, towards_risk=towards_risk
    )


def test_what_nearly_everybody_on_the_list_shares_is_put_behind_what_few_have():
    shared, few = np.full(40, 2.0), np.where(np.arange(40) < 3, 0.5, 0.0)
    found = of_day([BAD] * 40, {"usage_events_28d": shared, "tickets_open": few})
    assert [codes(reasons) for reasons in found[:3]] == [["tickets.backlog", "usage.events"]] * 3
    assert codes(found[3]) == ["usage.events"], "what is shared is still told where there is nothing else"
    # the same two accounts alone: of so few nobody can say what is shared
    alone = of_day([BAD], {"usage_events_28d": shared[:1], "tickets_open": few[:1]})
    assert codes(alone[0]) == ["usage.events", "tickets.backlog"]


def test_within_a_theme_the_family_that_few_share_speaks_unless_it_hardly_counts():
    shared, few = np.full(40, 1.0), np.where(np.arange(40) < 3, 0.5, 0.0)
    found = of_day([BAD] * 40, {"usage_events_28d": shared, "usage_active_days_28d": few})
    assert codes(found[0]) == ["usage.active_days"]
    assert found[0][0].weight == pytest.approx(1.5)
    assert codes(found[5]) == ["usage.events"]
    hardly = few * LEAST_SHARE * 1.9
    found = of_day([BAD] * 40, {"usage_events_28d": shared, "usage_active_days_28d": hardly})
    assert codes(found[0]) == ["usage.events"]


def test_an_account_that_is_as_ever_is_told_so_last_and_never_that_it_is_only_so_much():
    as_ever = BAD | {"usage_events_90d": 30.0, "subscription_tenure_days": 400.0}
    given = {"usage_events_28d": np.array([2.0]), "tickets_open": np.array([0.3])}
    (found,) = of_day([as_ever], given)
    assert codes(found) == ["tickets.backlog", "usage.events"]
    assert found[1].sentence == "10 events in the last 28 days; 100 is usual, 9 for this account."
    (fallen,) = of_day([as_ever | {"usage_events_90d": 310.0}], given)
    assert codes(fallen) == ["usage.events", "tickets.backlog"]
    assert fallen[0].sentence.startswith("Only 10 events")


def test_of_two_like_reasons_the_one_that_is_rarer_among_the_peers_comes_first():
    # both are on everybody's list; tickets are as bad for all, and ten days of use only for the first account
    rows = [BAD | {"usage_events_28d": 10.0 if i == 0 else 60.0, "tickets_open": 2.0} for i in range(40)]
    even = np.full(40, 1.0)
    found = of_day(rows, {"usage_events_28d": even, "tickets_open": even * 1.2})
    assert codes(found[0]) == ["usage.events", "tickets.backlog"]
    assert codes(found[1]) == ["tickets.backlog", "usage.events"]


def test_of_two_like_reasons_the_one_that_has_fallen_from_the_accounts_own_past_comes_first():
    rows = [
        BAD | {"usage_active_days_28d": 4.0, "usage_active_days_90d": longer, "subscription_tenure_days": 400.0}
        for longer in [4.0 + 62.0, *[4.0 + 9.0] * 39]
    ]
    given = {"usage_active_days_28d": np.full(40, 1.0), "tickets_open": np.full(40, 1.3)}
    found = of_day(rows, given)
    assert codes(found[0]) == ["usage.active_days", "tickets.backlog"]
    assert found[0][0].sentence == "Active on only 4 of the last 28 days; 9 is usual, 28 for this account."
    assert codes(found[1]) == ["tickets.backlog", "usage.active_days"]


def test_what_over_a_third_of_the_peers_share_comes_after_what_sets_an_account_apart():
    # 41 of 100 have as many open tickets or more, and ten as few events or fewer
    rows = [
        BAD | {"tickets_open": 2.0 if i < 41 else 0.0, "usage_events_28d": 10.0 if i < 10 else 90.0} for i in range(100)
    ]
    given = {"tickets_open": np.full(100, 3.0), "usage_events_28d": np.full(100, 0.3)}
    found = of_day(rows, given)
    assert codes(found[0]) == ["usage.events", "tickets.backlog"]
    few = [row | {"tickets_open": 2.0 if i < 30 else 0.0} for i, row in enumerate(rows)]
    assert codes(of_day(few, given)[0]) == ["tickets.backlog", "usage.events"]


def test_the_same_sentence_on_every_line_is_put_behind_one_with_the_accounts_own_number():
    # a slope steeper than to nothing reads the same whatever it is; the days are others for each
    names = ("usage_slope_90d", "usage_days_since_last")
    rows = [{"usage_slope_90d": -2.0 - i / 100, "usage_days_since_last": 20.0 + i} for i in range(12)]
    usual = {"usage_slope_90d": 0.0, "usage_days_since_last": 3.0}
    features = [DECLARED[name] for name in names]
    found = model_reasons(pd.DataFrame(rows), features, np.tile([0.6, 0.5], (12, 1)), usual, towards_risk=True)
    assert {codes(reasons)[0] for reasons in found} == {"usage.recency"}


def test_however_particular_what_does_not_push_the_risk_up_is_no_reason():
    rows = [BAD | {"usage_events_28d": 1.0 if i == 0 else 90.0} for i in range(40)]
    found = of_day(rows, {"usage_events_28d": np.full(40, -1.0), "tickets_open": np.full(40, 1.0)})
    assert codes(found[0]) == ["tickets.backlog"]


@pytest.mark.parametrize("many", [LEAST_PEERS, LEAST_PEERS - 1])
def test_an_account_is_compared_with_its_segment_of_like_age_where_that_is_large_enough(many):
    feature, n = DECLARED["usage_events_28d"], 200
    frame = pd.DataFrame({"usage_events_28d": 50.0, "account_segment": "big"}, index=range(n))
    frame["subscription_tenure_days"] = 400.0
    frame.loc[: many - 1, ["account_segment", "usage_events_28d"]] = ["small", 5.0]
    (bits,) = Peers.of(frame).apart(np.array([0]), feature, 100.0)
    among = many if many == LEAST_PEERS else n
    assert bits == pytest.approx(math.log2((among + 2) / (many + 1)))
    young = frame.assign(account_segment="one", subscription_tenure_days=400.0)
    young.loc[: many - 1, "subscription_tenure_days"] = YOUNG_DAYS - 1
    assert Peers.of(young).apart(np.array([0]), feature, 100.0) == pytest.approx(bits)


PEOPLE = ("usage_active_users_28d", "usage_users_kept_28d_90d", "usage_key_users_quiet_28d_90d", "usage_events_28d")


@pytest.mark.parametrize(
    ("seats", "seen", "alone"),
    [
        (1.0, 1.0, True),
        (1.0, math.nan, True),
        (math.nan, 1.0, True),
        (math.nan, 0.0, True),
        (5.0, 1.0, False),
        (1.0, 3.0, False),
        (math.nan, math.nan, False),
    ],
)
def test_of_an_account_of_one_nothing_is_said_about_people(seats, seen, alone):
    row = dict.fromkeys(PEOPLE, 0.0) | {"usage_key_users_quiet_28d_90d": 1.0, "usage_events_28d": 10.0}
    row |= {"subscription_seats": seats, "usage_active_users_90d": seen}
    usual = USUAL | {"usage_active_users_28d": 5.0, "usage_users_kept_28d_90d": 0.8, PEOPLE[2]: 0.0}
    given = np.array([[1.0, 1.0, 1.0, 0.5]])
    (found,) = model_reasons(pd.DataFrame([row]), [DECLARED[name] for name in PEOPLE], given, usual, towards_risk=True)
    assert ("usage.events" in codes(found)[:1]) is alone
    assert alone is not any("eople" in reason.sentence or "obody" in reason.sentence for reason in found)


def test_a_projects_own_count_of_people_is_about_people():
    declared = DeclaredFamily(name="team.seen", means="people seen", measure="users")
    (feature,) = family_of(declared).features(Wish((28,), (), ()))
    assert about_people(feature.declaration())
    assert not about_people(DECLARED["usage_events_28d"])


def test_that_somebody_is_an_old_customer_is_no_reason_to_leave():
    names = ("subscription_tenure_days", "subscription_days_to_renewal", "account_age_days", "usage_days_since_first")
    usual = dict.fromkeys(names, 300.0)
    for value, told_ in ((658.0, False), (20.0, True)):
        frame = pd.DataFrame([dict.fromkeys(names, value)])
        features = [DECLARED[name] for name in names]
        (found,) = model_reasons(frame, features, np.ones((1, 4)), usual, towards_risk=True)
        assert bool(found) is told_
        (grows,) = model_reasons(frame, features, np.ones((1, 4)), usual, towards_risk=False)
        assert grows


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("name", "value", "usual", "said"),
    [
        ("usage_events_28d", 1.0, 5.0, "Only 1 event in the last 28 days; 5 is usual."),
        ("usage_events_28d", 0.0, 1.0, "Not used at all in the last 28 days; 1 event is usual."),
        ("usage_active_users_28d", 0.0, 1.0, "Nobody used it in the last 28 days; 1 person is usual."),
        ("usage_active_users_28d", 0.0, 3.0, "Nobody used it in the last 28 days; 3 people are usual."),
        ("usage_core_28d", 1.0, 5.0, "Core functions used only 1 time in the last 28 days; 5 is usual."),
        ("usage_slope_90d", -5.59, 0.07, "Use over the last 90 days: a fall to nothing; a rise of 7 % is usual."),
        ("usage_slope_90d", 0.03, 0.07, "Use over the last 90 days: a rise of 3 %; a rise of 7 % is usual."),
        ("usage_slope_90d", -0.5, 0.0, "Use over the last 90 days: a fall of 40 %; no change is usual."),
        ("subscription_days_to_renewal", 0.0, 90.0, "The contract renews today."),
        ("subscription_days_to_renewal", 1.0, 90.0, "The contract renews tomorrow."),
        ("subscription_days_to_renewal", 9.0, 90.0, "The contract renews in 9 days."),
        ("subscription_plan", "monthly", None, "Its plan is 'monthly'; such accounts leave more often than others."),
    ],
)
def test_sentences_are_what_a_person_would_say(name, value, usual, said):
    assert sentence(DECLARED[name], value, usual) == said


def test_a_projects_own_slope_without_a_sentence_is_told_as_a_rise_or_a_fall():
    declared = DeclaredFamily(name="product.reports", means="reports made", measure="slope")
    (feature,) = family_of(declared).features(Wish((90,), (), ()))
    said = sentence(feature.declaration(), -5.59, 0.07)
    assert said == "Reports made, last 90 days: a fall to nothing; a rise of 7 % is usual."


def test_a_lookback_of_one_day_is_one_day():
    (feature,) = FAMILIES["usage.events"].features(Wish((1,), (), ()))
    assert sentence(feature.declaration(), 1.0, 4.0) == "Only 1 event in the last 1 day; 4 is usual."


@pytest.mark.parametrize("slope", [-6.0, -2.0, -1.2, -0.004, 0.0, 0.5, 1.999, 2.0, 6.0])
def test_a_course_is_that_of_its_line_from_end_to_end(slope):
    line = 1 + slope * np.linspace(-0.5, 0.5, 91)
    said = course(slope)
    if line.min() <= 0:
        assert said == ("a fall to nothing" if slope < 0 else "a rise from nothing")
    else:
        share = round(abs(line[-1] - line[0]) / line[0] * 100)
        assert said == (f"a {'fall' if slope < 0 else 'rise'} of {share:,} %" if share else "no change")


def test_no_sentence_of_ours_speaks_of_files_or_keys():
    for family in FAMILIES.values():
        for feature in (f.declaration() for f in family.features(WISH)):
            said = " ".join((family.means, feature.when_low, feature.when_high, feature.when_absent))
            assert "yaml" not in said
            assert "`" not in said
            assert "_" not in said.replace("{", "").replace("}", "")


def test_no_accounts_have_no_reasons():
    frame = pd.DataFrame([BAD]).iloc[:0]
    assert model_reasons(frame, FEATURES, np.empty((0, len(NAMES))), USUAL, towards_risk=True) == []
