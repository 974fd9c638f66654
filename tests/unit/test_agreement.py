"""The same name is not enough: a feature that means something else than in training is told, and how."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from churnml.adapters.python_features import families_in
from churnml.declarations import FeatureDeclaration
from churnml.features import FAMILIES, Feature, Wish
from churnml.features.declare import Grain, Polarity, Unit, described
from churnml.features.measures import Count, Sum
from churnml.modelling.agreement import MEANING, differences

FEATURE = FAMILIES["usage.active_days"].features(Wish((28,), (), ()))[0]


def found(changed: Feature) -> list[str]:
    # through JSON, as the model carries it
    then = FeatureDeclaration.from_json(json.loads(json.dumps(FEATURE.declaration().as_json())))
    return [difference.sentence for difference in differences([then], {changed.name: changed.declaration()})]


def test_a_feature_declared_as_it_was_does_not_differ() -> None:
    assert found(FEATURE) == []


def test_words_may_be_polished_without_a_new_training() -> None:
    assert found(replace(FEATURE, means="said better", when_low="lower", when_high="higher", actionable=False)) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("family", "usage.other"),
        ("grain", Grain.DAY),
        ("measure", Sum("active_days", 30)),
        ("rows", lambda facts, cutoffs: None),
        ("lookback", 30),
        ("only", ("login",)),
        ("made_of", ("a", "b")),
        ("placed", ("a", "account_plan")),
        ("subject", "logins"),
        ("absent", None),
        ("unit", Unit.DAYS),
        ("polarity", Polarity.RISKIER),
    ],
)
def test_whatever_gives_a_feature_its_meaning_is_compared(key: str, value: object) -> None:
    said = found(replace(FEATURE, **{key: value}))
    assert len(said) == 1
    assert FEATURE.name in said[0]
    assert MEANING[key] in said[0]


def test_every_field_that_decides_a_value_is_among_those_compared() -> None:
    # ``before`` and ``before_over`` only tell a sentence what to compare with, ``only_low`` whether there is one
    words = {"name", "means", "when_low", "when_high", "when_absent", "actionable", "before", "before_over", "only_low"}
    assert {f.name for f in fields(FeatureDeclaration)} - words == set(MEANING)
    # what a project's tables must give decides whether a feature is built, not what it is
    assert {f.name for f in Feature.__dataclass_fields__.values()} - words - set(MEANING) == {"needs_columns"}


def test_a_feature_that_is_gone_is_told_with_the_nearest_there_is() -> None:
    renamed = replace(FEATURE, name=FEATURE.name.replace("28d", "30d"))
    assert found(renamed) == [
        f"feature '{FEATURE.name}' is not built here; the nearest there is: '{renamed.name}'",
    ]


def test_every_measure_of_the_catalogue_is_described_by_its_settings_alone() -> None:
    wish = Wish((7, 28, 90), ("login",), ("segment",))
    for family in FAMILIES.values():
        once, again = family.features(wish), family.features(wish)
        for feature, same in zip(once, again, strict=True):
            said = described(feature.measure)
            assert " at 0x" not in said, f"{feature.name}: {said} would change from run to run"
            assert "#" not in said, f"{feature.name}: ours goes by churnml's version"
            assert said == described(same.measure)


OWN = """
from dataclasses import dataclass
from churnml.declarations import FeatureDeclaration
from churnml.features import Family, Feature, Grain, Polarity, Unit

@dataclass(frozen=True)
class Twice:
    days: int

    def __call__(self, rows):
        return 2 * rows["events"].sum()

def features(wish):
    return (Feature("own_twice", "own.twice", "m", Grain.STRETCH, Twice(28), Polarity.HEALTHIER, Unit.COUNT, "l", "h"),)

FAMILIES = [Family("own.twice", "usage_events", "m", features)]
"""


def test_a_measure_is_described_by_name_and_settings_and_one_of_a_projects_own_by_its_text_too(tmp_path: Path) -> None:
    assert described(Count(28)) == "Count(days=28, age='age')"
    changes = {
        "same": OWN,
        "polished": OWN.replace("2 * rows", "2  *  rows").replace(".sum()", ".sum()  # in all"),
        "other": OWN.replace("2 *", "3 *"),
    }
    said = {}
    for name, text in changes.items():
        path = tmp_path / f"{name}.py"
        path.write_text(text, "utf-8")
        said[name] = described(families_in(path)[0].features(Wish((28,), (), ()))[0].measure)
    assert said["same"].startswith("Twice(days=28) #")
    assert said["polished"] == said["same"]
    assert said["other"] != said["same"]
