"""The time of leaving by its worked examples, and that it says the same as the label does."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churnml.errors import TooLittleDataError
from churnml.labels import Label
from churnml.snapshots import attach_label, attach_leaving_times, population
from tests.spec import label_examples
from tests.spec.label_examples import AS_OF, LabelExample
from tests.spec.leaving_examples import EXAMPLES, LeavingExample
from tests.support import facts_for, table


def facts_of_example(example, tmp_path):
    tables = dict(example.tables)
    expect = table(example.expect)
    tables.setdefault("accounts", pd.DataFrame({"account_id": expect["account_id"], "created_at": "2022-01-01"}))
    return facts_for(tmp_path, tables)


@pytest.mark.parametrize("example", EXAMPLES, ids=[e.title for e in EXAMPLES])
def test_a_time_of_leaving_is_what_its_worked_example_shows(example: LeavingExample, tmp_path):
    facts, label = facts_of_example(example, tmp_path), Label.model_validate(example.label)
    found = attach_leaving_times(label, facts, population(label, facts, [AS_OF]), example.before)
    said = {
        row.account_id: ("" if np.isnan(row.left_after) else f"{row.left_after:.0f}", str(row.seen_for))
        for row in found.itertuples()
    }
    expect = table(example.expect)
    assert said == dict(zip(expect["account_id"], zip(expect["left"], expect["seen"], strict=True), strict=True))


LEAVINGS = [e for e in label_examples.EXAMPLES if e.label["kind"] != "upsell"]


@pytest.mark.parametrize("example", LEAVINGS, ids=[e.title for e in LEAVINGS])
def test_the_time_of_leaving_says_what_the_label_says(example: LabelExample, tmp_path):
    facts, label = facts_of_example(example, tmp_path), Label.model_validate(example.label)
    spine = population(label, facts, [example.as_of])
    labels = attach_label(label, facts, spine)["label"]
    times = attach_leaving_times(label, facts, spine, label.reach.settled_on(example.as_of))
    start, end = label.leaves_in
    # the day the label is final is the day on which leavings have been seen to the window's end
    left = times["left_after"]
    inside = ((left >= start) & (left < end)).astype("float64")
    told = inside.where((times["seen_for"] >= end) & ~(left < start))
    pd.testing.assert_series_equal(told, labels, check_names=False)
    assert times["seen_for"].max() == end


def test_leavings_past_the_data_cannot_be_asked_for(tmp_path):
    example = EXAMPLES[0]
    facts, label = facts_of_example(example, tmp_path), Label.model_validate(example.label)
    spine = population(label, facts, [AS_OF])
    attach_leaving_times(label, facts, spine, dt.date(2025, 1, 1))
    with pytest.raises(TooLittleDataError, match="2024-12-31"):
        attach_leaving_times(label, facts, spine, dt.date(2025, 1, 2))
