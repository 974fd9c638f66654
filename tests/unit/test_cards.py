"""A model's card: every section from the record, nothing of the user's takes effect in it."""

from __future__ import annotations

import copy
import datetime as dt
import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from churnml.labels import Label
from churnml.modelling.record import ModelRecord
from churnml.pages import card as room
from churnml.pages.label_words import eligible_in_words, label_in_words
from churnml.pages.markdown import plain
from churnml.pages.split_lines import roles_of

FIGURE = {"value": 0.8, "low": 0.75, "high": 0.85}
NAMED = {
    "roc_auc": FIGURE,
    "log_loss": {"value": 0.2, "low": 0.18, "high": 0.22},
    "calibration_error": {"value": 0.015, "low": 0.01, "high": 0.02},
    "calibration_slope": {"value": 1.02, "low": 0.8, "high": 1.2},
    "precision_at_capacity": {"value": 0.31, "low": 0.2, "high": 0.4},
    "profit_at_capacity": {"value": 12345.6, "low": 9000.0, "high": 15000.0},
}
RECORD = {
    "name": "churn",
    "means": "the last paying contract of an account ends, as MRR knows it",
    "version": "3",
    "promoted": True,
    "because": "it beats the base rate",
    "fingerprint": "abc123",
    "cutoff": "2024-08-26",
    "left_in_gap": 4,
    "rows": 1328,
    "positives": 77,
    "figures": {"model": NAMED, "base_rate": NAMED, "logistic_regression": NAMED},
    "ahead": {
        "base_rate": {"roc_auc": {"value": 0.3, "low": 0.25, "high": 0.35}},
        "logistic_regression": {"roc_auc": {"value": 0.01, "low": -0.02, "high": 0.04}},
    },
    "reliability": [{"said": 0.02, "seen": 0.01, "low": 0.0, "high": 0.05, "rows": 133}],
    "importance": [{"family": "usage.events", "log_odds": 0.4}],
    "training": {
        "cutoffs": ["2023-06-05", "2023-07-03", "2023-07-31", "2024-04-08"],
        "purged": ["2024-05-06", "2024-07-29"],
        "folds": [{"train": ["2023-06-05"], "validate": "2024-04-08"}],
        "fold_losses": {"2024-04-08": 0.21},
        "rows": 20_000,
        "positives": 1_100,
        "base_rate": 0.055,
        "trees": 120,
        "features": 94,
        "calibration": {"kind": "sigmoid", "slope": 0.93, "intercept": 0.06},
    },
    "label": {"kind": "contract", "gap": 7, "horizon": 91, "grace": 28, "include_notice_given": False},
    "made_with": {"churnml": "0.3.0", "LightGBM": "4.6.0"},
    "data_through": "2024-12-29",
    "data_fingerprint": "def456",
    "shift": {},
    "calibration_error_by_chance": 0.012,
    "slices": [
        {
            "by": "segment",
            "part": "small",
            "rows": 500,
            "positives": 40,
            "said": 0.08,
            "seen": 0.08,
            "low": 0.06,
            "high": 0.11,
            "roc_auc": FIGURE,
            "too_small": False,
        },
        {
            "by": "tenure",
            "part": "a year or more",
            "rows": 60,
            "positives": 2,
            "said": 0.03,
            "seen": 0.033,
            "low": 0.01,
            "high": 0.11,
            "roc_auc": FIGURE,
            "too_small": True,
        },
    ],
    "decision": {
        "capacity": 0.1,
        "contact_cost": 25.0,
        "saved_share": 0.3,
        "months": 12,
        "share": 0.1,
        "contacted": 132.8,
    },
    "leaks": [],
    "hazard": {
        "edges": [0, 7, 14],
        "anchor": [7, 98],
        "renewal": None,
        "about": {
            "trees": 9,
            "checked_at": "2024-04-08",
            "check_loss": 0.02,
            "person_periods": 900,
            "leavings": 40,
        },
        "judged": {
            "figures": {
                "curve": {"roc_auc_30": FIGURE, "brier_30": FIGURE, "concordance": FIGURE, "integrated_brier": FIGURE},
                "classifier": {
                    "roc_auc_30": FIGURE,
                    "brier_30": FIGURE,
                    "concordance": FIGURE,
                    "integrated_brier": FIGURE,
                },
            },
            "ahead": {"classifier": {"concordance": {"value": 0.01, "low": -0.02, "high": 0.04}}},
            "marks": [{"day": 30, "seen": 0.021, "said": {"curve": 0.019, "classifier": 0.018}}],
            "rows": 1332,
            "leavings": 81,
            "last": 125,
        },
    },
    "spec": {
        "promote_if": {"beats": ["base_rate", "champion"], "figures": ["roc_auc", "log_loss"], "min_positives": 20}
    },
}
HOSTILE = (
    '<script>alert("x")</script>',
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![see](http://attacker.invalid/x.png)",
    "a | b | c",
    "`code` ~~~ ``` fence",
    "line\n\n# a heading\n\n- a list",
    "**bold** _it_ &lt;b&gt; &amp;",
    "http://attacker.invalid www.attacker.invalid <http://attacker.invalid>",
    "1. one",
    "=cmd|' /C calc'!A0",
    "日本語\u202e\x1b[31m",
)
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


def card(record: dict[str, Any]) -> str:
    return room.card(ModelRecord.read(record))


def rendered(text: str) -> str:
    return MARKDOWN.render(text)


def without(record, *path):
    found = copy.deepcopy(record)
    inner = found
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_of_the_users_reads_as_itself_and_does_nothing(text):
    page = rendered(f"| a | b |\n|---|---|\n| {plain(text)} | end |\n\nBefore {plain(text)} after.\n\n{plain(text)}")
    tags = {tag.lower() for tag in re.findall(r"<\s*/?\s*([a-zA-Z]+)", page)}
    assert tags <= {"table", "thead", "tbody", "tr", "th", "td", "p"}, page
    assert page.count("<td>") == 2
    shown = re.sub(r"<[^>]+>", "", page.split("Before ")[1].split(" after.")[0])
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        shown = shown.replace(entity, letter)
    assert shown == " ".join("".join(c if c.isprintable() else " " for c in text).split())


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_a_record_breaks_out_of_the_card(text):
    record = copy.deepcopy(RECORD)
    record["means"] = record["because"] = text
    record["importance"][0]["family"] = text
    record["made_with"]["churnml"] = text
    record["slices"][0]["part"] = record["slices"][1]["by"] = text
    record["leaks"] = [{"feature": "a", "sentence": text}]
    clean = rendered(card(RECORD | {"leaks": [{"feature": "a", "sentence": "x"}]}))
    spoilt = rendered(card(record))
    for tag in ("<h1", "<h2", "<table", "<tr", "<td", "<code", "<pre", "<li", "<strong", "<a", "<img", "<script"):
        assert spoilt.count(tag) == clean.count(tag), tag


def test_the_card_says_every_figure_with_its_interval_and_every_rival():
    page = card(RECORD)
    assert "| **this model** | 0.800 [0.750, 0.850] | 0.200 [0.180, 0.220] | 0.015 [0.010, 0.020] |" in page
    assert "| logistic regression | +0.0100 [−0.0200, +0.0400] |" in page
    assert "Not shown to be ahead of logistic regression on ROC AUC." in page
    assert "The last paying contract of an account ends, as MRR knows it." in page


def test_the_splits_are_drawn_with_what_each_cutoff_did():
    lines = [line for line in card(RECORD).splitlines() if re.match(r"20\d\d-\d\d-\d\d  ", line)]
    assert [line.split("  ")[0] for line in lines] == [str(date) for date, _ in roles_of(ModelRecord.read(RECORD))]
    assert lines[-1].endswith("judges")
    assert lines[-2].endswith("left out")
    assert max(map(len, lines)) < 120
    starts = [line.index("o") for line in lines]
    assert starts == sorted(starts)
    for line in lines:
        assert line.index("o") < line.index("#") < line.index("|") or "judges" in line


@pytest.mark.parametrize(
    "part",
    [
        "ahead",
        "reliability",
        "importance",
        "made_with",
        "fingerprint",
        "left_in_gap",
        "means",
        "slices",
        "decision",
        "hazard",
        "leaks",
        "spec",
        "calibration_error_by_chance",
    ],
)
def test_a_part_that_an_older_record_lacks_is_left_out(part):
    page = card(without(RECORD, part))
    assert page.startswith("# churn")
    assert "None" not in page.replace("None does.", "")
    assert "## Limits" in page


def test_the_card_says_what_the_probabilities_the_list_the_parts_and_the_curves_are_worth():
    page = card(RECORD)
    assert "off by 0.015 [0.010, 0.020]; probabilities that hold exactly would be off by 0.012, by chance." in page
    assert "| calibration slope (1 holds) | 1.0200 [0.8000, 1.2000] |" in page
    assert "| **this model** | 0.310 [0.200, 0.400] | 12.3 [9.0, 15.0] k |" in page
    assert "25 for a contact and with 30.0 % of the MRR kept where it would have gone, for 12 months" in page
    assert "| segment: small | 500 | 40 | 8.0 % | 8.0 % [6.0 %, 11.0 %] | 0.800 [0.750, 0.850] |" in page
    assert "| tenure: a year or more | 60 | 2 | 3.0 % | 3.3 % [1.0 %, 11.0 %] | too small to say |" in page
    assert "| 30 days | 2.1 % | 1.9 % |" in page
    assert "ROC AUC, 30 days" in page
    assert "None does." in page
    assert "ahead of each of base rate, previous champion" in page


def test_the_card_tells_what_was_searched_what_calibrates_and_what_checks_later():
    record = copy.deepcopy(RECORD)
    record["training"] |= {
        "searched_at": ["2024-04-08"],
        "calibrated_at": ["2024-04-08"],
        "later": "2024-12-02",
        "seeds": 3,
        "calibration_losses": {"none": 0.21, "sigmoid": 0.2},
        "calibration": {"kind": "venn_abers", "points": 41},
        "search": [
            {
                "what": f"leaves {n}",
                "trees": 100 + n,
                "loss": 0.2,
                "ahead": 0.001,
                "standard_error": 0.002,
                "taken": n == 19,
            }
            for n in range(20)
        ],
    }
    page = card(record)
    assert "trains; a fold for search and calibration" in page
    assert re.search(r"2024-12-02 .*checks, later", page)
    assert "An average over 3 fits" in page
    assert "venn abers (points 41)" in page
    assert "none 0.2100, sigmoid 0.2000" in page
    assert "20 settings were tried on folds before the judged cutoff; 13 of them:" in page
    assert "| leaves 19 | 119 | 0.2000 | +0.0010 ± 0.0020 | taken |" in page


def test_a_model_that_could_not_be_judged_has_a_card_that_says_so():
    nothing = {"figures": {"model": {}}, "ahead": {}, "reliability": [], "slices": [], "decision": None, "hazard": None}
    page = card(RECORD | nothing | {"promoted": False, "because": "a feature gives the outcome away", "positives": 0})
    assert "There are none: it could not be judged." in page
    assert "## Part by part" not in page
    assert "None" not in page.replace("None does.", "")


def test_a_later_period_is_told_where_the_record_has_one():
    later = {
        "cutoff": "2024-12-02",
        "rows": 1300,
        "positives": 70,
        "figures": {"model": NAMED, "recency": NAMED},
        "ahead": {},
        "shift": {},
    }
    page = card(RECORD | {"later": later})
    assert "at 2024-12-02, 70 of 1,300 accounts positive" in page
    assert page.count("| recency | 0.800 [0.750, 0.850] |") == 1
    assert "And later?" not in card(RECORD | {"later": None})


def test_a_sure_shift_of_calibration_is_told_as_a_limit():
    shift = {"seen_over_said": {"value": 0.72, "low": 0.55, "high": 0.93}}
    assert "fewer turned out positive than it said: 0.72 for each one said" in card(RECORD | {"shift": shift})
    unsure = {"seen_over_said": {"value": 0.9, "low": 0.55, "high": 1.3}}
    assert "than it said" not in card(RECORD | {"shift": unsure})


def test_every_kind_of_label_is_said_in_words():
    assert "does not come back within 28 days" in label_in_words(Label(kind="contract", grace=28))
    assert "come back" not in label_in_words(Label(kind="contract"))
    assert "nothing is used in the 91 days" in label_in_words(Label(kind="lapse"))
    assert "not marked involuntary" in label_in_words(Label(kind="event", voluntary_only=True))
    assert label_in_words(Label(kind="upsell", mrr_up_by=0.1)) == "MRR is up by 10 % or more, 98 days after the cutoff"
    assert "active in the 28 days" in eligible_in_words(Label(kind="lapse", active_within=28))
    assert "whether or not notice" in eligible_in_words(Label(kind="contract", include_notice_given=True))
    assert "not gone by then" in eligible_in_words(Label(kind="event"))


def test_few_positives_are_told_as_a_limit():
    assert "Only 12 positives" in card(RECORD | {"positives": 12})
    assert "Only" not in card(RECORD).split("## Limits")[1].split("##")[0]


def test_the_chart_fits_a_page_however_long_the_history():
    record = copy.deepcopy(RECORD)
    record["training"]["cutoffs"] = [str(dt.date(2014 + i, 1, 1)) for i in range(10)]
    assert max(len(line) for line in card(record).splitlines() if line.startswith("20")) < 120
