"""Features a project declares for itself: in YAML, and in a file of Python."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from churnml.adapters.project import open_project
from churnml.errors import ChurnmlError, SpecError, UnknownNameError
from churnml.features import Wish
from churnml.features.declared import DeclaredFamily, family_of
from churnml.features.measured import TICKETS, USAGE
from churnml.jobs.features import features_at
from churnml.jobs.opening import open_data
from churnml.modelling.reference import fit_places, with_places
from churnml.snapshots import build_snapshots
from tests.support import TODAY, everybody, facts_for, make_project, table

ROOT = Path(__file__).parents[2]
AS_OF = dt.date(2024, 6, 1)
SPEC = {
    "name": "churn",
    "means": "no use for four weeks",
    "label": {"kind": "lapse", "gap": 0, "horizon": 28},
    "features": {"families": ["product.*", "care.*"], "lookbacks": [7, 28, 90], "event_names": 0},
}
TABLES = {
    "accounts": "account_id | created_at | segment\na | 2022-01-01 | big\nb | 2022-01-01 | small",
    "usage_events": """
        account_id | occurred_at      | event      | user_id | quantity | known_at
        a          | 2024-05-30 10:00 | export_csv | u       | 2        |
        a          | 2024-05-30 11:00 | export_csv | v       | 4        |
        a          | 2024-05-20 10:00 | export_pdf | u       | 1        |
        a          | 2024-05-20 12:00 | board      | u       |          |
        a          | 2024-05-25 12:00 | calendar   | u       | 9        |
        a          | 2024-03-20 12:00 | export_pdf | u       |          |
        a          | 2024-05-30 12:00 | export_csv | u       | 7        | 2024-06-02
        b          | 2024-05-31 12:00 | comment    | w       | 3        |
    """,
    "support_tickets": """
        account_id | ticket_id | opened_at  | category | priority
        a          | t1        | 2024-05-01 | Billing  | low
        a          | t2        | 2024-05-02 | bug      | HIGH
        a          | t3        | 2024-06-02 | billing  | low
    """,
}


def project_with(root: Path, features: dict | None = None, **spec):
    make_project(root, TABLES, models=["churn"], static=["segment"], **spec)
    folder = root / "models" / "churn"
    folder.mkdir(parents=True)
    (folder / "spec.yaml").write_text(yaml.safe_dump(SPEC), encoding="utf-8")
    health = {
        "dimensions": {"use": {"weight": 1, "means": "use", "inputs": [{"feature": "product_reports_28d"}]}},
        "risk": {"weight": 1, "points": [[0, 100], [10, 0]]},
        "bands": [{"name": "good", "at_least": 50}, {"name": "bad", "at_least": 0}],
    }
    (root / "models" / "health.yaml").write_text(yaml.safe_dump(health), encoding="utf-8")
    (root / "models" / "playbooks.yaml").write_text(
        yaml.safe_dump(
            {
                "playbooks": [
                    {
                        "name": "reports",
                        "title": "Ask about reports",
                        "goal": "care",
                        "enter": "reasons has 'product.reports'",
                        "do": ["Ask."],
                    }
                ]
            }
        ),
        encoding="utf-8",
    )
    if features is None:
        shutil.copy(ROOT / "docs" / "examples" / "features.yaml", root / "models" / "features.yaml")
    else:
        (root / "models" / "features.yaml").write_text(yaml.safe_dump(features), encoding="utf-8")
    return root


def test_the_documentations_example_gives_what_it_says(tmp_path):
    shutil.copy(ROOT / "docs" / "examples" / "features.py", project_with(tmp_path, python_features="features.py"))
    found = features_at(open_data(tmp_path, TODAY), [AS_OF], None).set_index("account_id")
    a, b = found.loc["a"], found.loc["b"]
    assert (a["product_reports_28d"], a["product_reports_90d"]) == (3, 4)
    assert a["product_reports_trend_28d_90d"] == pytest.approx(3 / 28 / (4 / 90))
    assert (a["product_areas_planning_28d"], a["product_areas_talking_28d"]) == (2, 0)
    assert a["care_billing_share_90d"] == 0.5
    assert a["product_busiest_day_28d"] == pytest.approx(2 / 5)
    assert (b["product_reports_28d"], b["product_areas_talking_28d"]) == (0, 1)
    assert pd.isna(b["care_billing_share_90d"])


@pytest.mark.parametrize("measure", [m for m, kind in USAGE.items() if kind.narrow])
def test_a_measure_narrowed_to_some_events_is_the_measure_of_a_log_with_no_others(tmp_path, measure):
    said = DeclaredFamily(
        name="own.some", means="some", measure=measure, where={"event": ["export_csv", "calendar"]}, lookbacks=[28, 91]
    )
    events = table(TABLES["usage_events"])
    alone = events[events["event"].isin(["export_csv", "calendar"])]
    wish = Wish((28, 91), (), ())
    narrowed = family_of(said).features(wish)
    plain = family_of(said.model_copy(update={"where": DeclaredFamily.model_fields["where"].default})).features(wish)
    full = facts_for(tmp_path / "full", TABLES)
    some = facts_for(tmp_path / "some", TABLES | {"usage_events": alone})
    found = build_snapshots(full, narrowed, everybody(full, AS_OF))
    wanted = build_snapshots(some, plain, everybody(some, AS_OF))
    pd.testing.assert_frame_equal(found, wanted, check_exact=True)


def test_every_measure_can_be_declared_and_built(tmp_path):
    facts = facts_for(tmp_path, TABLES, static=["segment"])
    families = [
        DeclaredFamily(name=f"own.{m}", means=m, measure=m, source=source, lookbacks=[28, 91], trend=not kind.once)
        for source, kinds in (("usage_events", USAGE), ("support_tickets", TICKETS))
        for m, kind in kinds.items()
        if source == "usage_events" or m != "count"
    ]
    features = [f for family in families for f in family_of(family).features(Wish((28, 91), (), ("segment",)))]
    found = build_snapshots(facts, features, everybody(facts, AS_OF))
    missing = [f.name for f in features if found[f.name].isna().all()]
    # the tickets are older than four weeks
    assert missing == ["own_share_28d", "own_share_trend_28d_91d"]


def test_braces_in_what_a_family_means_are_only_braces():
    family = family_of(DeclaredFamily(name="own.use", means="use of {days}", measure="count"))
    (feature,) = family.features(Wish((7,), (), ()))
    assert feature.when_low.format(value=3, usual=4, own="") == "Use of {days}, last 7 days: 3; 4 is usual."


def test_a_place_is_read_from_the_scale_of_its_own_segment_in_training():
    rows = pd.DataFrame(
        {
            "own_x_28d": [float(n) for n in range(60)] + [float(10 * n) for n in range(60)] + [5.0],
            "account_segment": ["small"] * 60 + ["big"] * 60 + ["rare"],
        }
    )
    said = DeclaredFamily(name="own.x", means="x", measure="count", lookbacks=[28], among="segment")
    _, placed = family_of(said).features(Wish((28,), (), ("segment",)))
    places = fit_places(rows, [placed])[placed.name]
    assert set(places) == {"", "small", "big"}, "too few accounts make no scale of their own"
    new = pd.DataFrame({"own_x_28d": [59.0, 59.0, -1.0, np.nan], "account_segment": ["small", "big", "big", "big"]})
    found = with_places(new, [placed], {placed.name: places})[placed.name]
    assert found[0] == 1.0
    assert found[1] == pytest.approx(0.1, abs=0.02)
    assert found[2] == 0.0
    assert np.isnan(found[3])
    alone = with_places(new.tail(3).reset_index(drop=True), [placed], {placed.name: places})[placed.name]
    assert list(alone[:2]) == list(found[1:3]), "a place never depends on who else is scored"


WRONG = {
    "an unknown measure": ({"measure": "cuont"}, "'count'"),
    "users narrowed": ({"measure": "users", "where": {"event": ["x"]}}, "by user"),
    "both narrowed": ({"measure": "count", "where": {"event": ["x"]}, "by": {"y": ["z"]}}, "not both"),
    "a ratio of nothing": ({"measure": "ratio"}, "'top' and 'bottom'"),
    "a column of tickets": ({"measure": "count", "where": {"priority": ["x"]}}, "support_tickets"),
    "a trend of a date": ({"measure": "days_since_last", "trend": True}, "no lookback"),
    "a word nobody fills in": ({"measure": "count", "when_low": "Only {valeu}."}, "'value'"),
    "a word that reaches inside": ({"measure": "count", "when_high": "{value.__class__}"}, "nothing to put"),
    "a format": ({"measure": "count", "when_high": "{value:{x}}"}, "nothing to put"),
    "a brace alone": ({"measure": "count", "when_high": "a } b"}, "brace"),
    "an unknown key": ({"measure": "count", "mesure": 1}, "not a key"),
    "a name of ours": ({"name": "usage.events", "measure": "count"}, "already"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_mistake_in_a_declaration_is_told(tmp_path, wrong):
    said, words = WRONG[wrong]
    project_with(tmp_path, {"families": [{"name": "product.reports", "means": "x"} | said]})
    with pytest.raises(SpecError) as told:
        open_project(tmp_path).check_declarations()
    assert words in str(told.value)
    assert "features.yaml" in str(told.value)


PYTHON = {
    "no file": (None, "is not there"),
    "an error": ("x = 1\nboom()", "line 2"),
    "no list": ("x = 1", "FAMILIES"),
    "a syntax error": ("def", "SyntaxError"),
    "a name of ours": (
        "from churnml.features import Family\nFAMILIES = [Family('usage.events', 'usage_events', 'x', lambda w: ())]",
        "already",
    ),
}


@pytest.mark.parametrize("wrong", PYTHON)
def test_a_mistake_in_the_python_file_is_told(tmp_path, wrong):
    text, words = PYTHON[wrong]
    project_with(tmp_path, python_features="own.py")
    if text is not None:
        (tmp_path / "own.py").write_text(text, encoding="utf-8")
    with pytest.raises(ChurnmlError) as told:
        open_project(tmp_path).check_declarations()
    assert words in str(told.value)
    assert "own.py" in str(told.value)


def test_a_family_nobody_declared_is_told_with_the_nearest_of_the_projects_own(tmp_path):
    project_with(tmp_path)
    spec = SPEC | {"features": SPEC["features"] | {"families": ["product.report"]}}
    (tmp_path / "models" / "churn" / "spec.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    with pytest.raises((SpecError, UnknownNameError), match=r"product\.reports"):
        open_project(tmp_path).check_declarations()
