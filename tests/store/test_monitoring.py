"""What was seen of the models: every look, and every figure that says something new."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
import sqlalchemy as sa
from alembic import command

from churnml.adapters.store import Store, open_store
from churnml.adapters.store.connections import Connections
from churnml.adapters.store.schema import scorings
from churnml.ledger import HeldDay
from churnml.ledger.monitoring import ModelWatch, PastScoring, WatchAlarm, WatchedFigure
from tests.store.days import NOW, account, day, record, scores

LATER = NOW + dt.timedelta(days=1)


def figure(**given: object) -> WatchedFigure:
    plain = {
        "kind": "realised",
        "as_of": day("01-01"),
        "version": "3",
        "figure": "roc_auc",
        "part": "all",
        "value": 0.8,
        "low": 0.7,
        "high": 0.9,
        "rows": 900,
        "positives": 60,
    }
    return WatchedFigure(**{**plain, **given})  # type: ignore[arg-type]


ALARM = WatchAlarm("realised_roc_auc", "train_now", "it is 0.5 below")
WATCH = ModelWatch(
    model="churn",
    version="3",
    as_of=day("03-01"),
    known_through=day("02-29"),
    action="train_now",
    alarms=(ALARM,),
    figures=(figure(), figure(figure="brier", value=0.1 + 0.2, low=None, high=None)),
    left_out=("2 dates: why",),
)


def test_a_look_and_its_figures_are_read_back(store: Store) -> None:
    assert store.monitoring.news(WATCH) == list(WATCH.figures)
    assert store.monitoring.add(WATCH, NOW)
    assert store.monitoring.watches("churn") == [replace(WATCH, figures=())]
    assert [one.figure for one in store.monitoring.figures("churn")] == ["brier", "roc_auc"]
    assert store.monitoring.figures("churn", "realised")[1] == figure()
    assert store.monitoring.figures("churn", "drift") == []
    assert store.monitoring.figures("upsell") == []


def test_the_same_look_again_says_nothing_new(store: Store) -> None:
    assert store.monitoring.add(WATCH, NOW)
    assert not store.monitoring.add(WATCH, LATER)
    assert store.monitoring.news(WATCH) == []
    assert len(store.monitoring.watches("churn")) == 1


def test_a_figure_that_changed_is_added_and_the_newest_word_counts(store: Store, url: str) -> None:
    store.monitoring.add(WATCH, NOW)
    assert store.monitoring.add(replace(WATCH, figures=(figure(value=0.75), WATCH.figures[1])), LATER)
    assert [one.value for one in store.monitoring.figures("churn", "realised")] == [0.3, 0.75]
    connections = Connections(url)
    with connections.reading() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM model_figures")) == 3
    connections.close()


def test_an_alarm_that_came_or_went_is_a_look_of_its_own(store: Store) -> None:
    store.monitoring.add(WATCH, NOW)
    assert store.monitoring.add(replace(WATCH, action=None, alarms=()), LATER)
    assert [one.action for one in store.monitoring.watches("churn")] == ["train_now", None]


def test_scores_are_read_by_the_scoring_and_the_version_that_made_them(store: Store) -> None:
    record(store, scores(day("03-01"), account("a", churn_probability=0.1), "b"), "one", NOW)
    record(
        store,
        scores(day("03-01"), account("a", churn_probability=0.4), account("c", churn_probability=None)),
        "two",
        NOW,
    )
    made = store.monitoring.scored_by("churn")
    assert made == [PastScoring(day("03-01"), 1, "3"), PastScoring(day("03-01"), 2, "3")]
    assert [store.monitoring.probabilities(one) for one in made] == [{"a": 0.1, "b": 0.25}, {"a": 0.4}]
    assert store.monitoring.scored_by("upsell") == []


def test_a_date_that_was_held_is_not_judged_for_its_scores_are_not_its_own(store: Store) -> None:
    record(store, scores(day("03-01"), "a"), "one", NOW)
    held = HeldDay(stale_since=day("03-01"), breaks=())
    record(store, replace(scores(day("03-02"), "a"), held=held), "two", NOW)
    assert store.dates() == [day("03-01"), day("03-02")]
    assert store.monitoring.dates_in_order() == [day("03-01")]
    assert [one.as_of for one in store.monitoring.scored_by("churn")] == [day("03-01")]
    record(store, scores(day("03-02"), "a", "b"), "three", NOW)
    assert store.monitoring.dates_in_order() == [day("03-01"), day("03-02")]


def test_bands_of_accounts_are_those_of_the_newest_scoring_of_each_date(store: Store) -> None:
    record(store, scores(day("03-01"), account("a", band="watch"), "b"), "one", NOW)
    record(store, scores(day("03-01"), account("a", band="healthy")), "two", NOW)
    record(store, scores(day("03-08"), account("a", band="at_risk")), "three", NOW)
    bands = store.monitoring.bands_of(["a", "b"], day("03-01"), day("03-07"))
    assert bands == {"a": {day("03-01"): "healthy"}}


def test_a_store_from_before_gets_the_tables_and_keeps_its_scores(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _made_up_to("3", url, monkeypatch)
    with open_store(url) as store:
        assert store.dates() == [day("03-01")]
        assert store.monitoring.add(WATCH, NOW)
        assert store.monitoring.watches("churn")


def _made_up_to(version: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store as an earlier program made it, with a scored date."""
    upgrade = command.upgrade
    with monkeypatch.context() as earlier:
        earlier.setattr(command, "upgrade", lambda config, _: upgrade(config, version))
        with open_store(url):
            pass
    connections = Connections(url)
    with connections.writing() as connection:
        assert not sa.inspect(connection).has_table("model_watches")
        row = {"as_of": day("03-01"), "revision": 1, "fingerprint": "one", "models": {"churn": "3"}, "scored_at": NOW}
        connection.execute(scorings.insert().values(row))
    connections.close()
