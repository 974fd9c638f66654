"""The champions watched: by the command line, over the dates of a company whose outcomes come to light."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from churnml.adapters.project import open_project
from churnml.adapters.registry import Registry, registry_of
from churnml.adapters.registry.registered import WATCH_RUN_TAG, WATCHED_TAG
from churnml.adapters.registry.showing import CURVE
from churnml.adapters.store import open_store
from churnml.errors import TooLittleDataError
from churnml.jobs.opening import OpenedProject, open_data
from churnml.jobs.past_scores import VersionRecords, judged_scorings, past_scores
from churnml.jobs.recalibrating import calibration_plan, recalibrate
from churnml.jobs.scoring import champions_of, read_date
from churnml.jobs.watching_models import record_watches, watch_models
from churnml.ledger.monitoring import ModelWatch, WatchedFigure
from churnml.modelling.predictor import Calibration
from churnml.scoring.predictions import Predictions
from churnml.timeline import Reach, day_number_of, plus_days
from tests.flows.conftest import churnml
from tests.flows.test_models import record_like

TODAY = dt.date(2024, 12, 31)
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def lived(ran: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The company with scores of dates that are over: before its champion may judge itself, when it may, and too late."""
    project = tmp_path_factory.mktemp("lived") / "company"
    shutil.copytree(ran, project)
    registry = registry_of(open_project(project))
    if registry.champion_version("churn") is None:
        assert churnml("models", "promote", "churn", "--because", "a test", "--project", project).code == 0
    for date in dates_of(project):
        done = churnml("backfill", str(date), str(date), "--project", project, "--no-prefect")
        assert done.code == 0, done.err
    return project


def dates_of(project: Path) -> list[dt.date]:
    """One date whose outcomes the champion has trained on; the newest that is judged; one that is not mature yet."""
    registry = registry_of(open_project(project))
    champion = registry.version("churn").predictor.manifest
    reach = open_project(project).model("churn").label.reach
    return [champion.trained_on[-1], champion.judged_at, plus_days(reach.latest_mature(dt.date(2024, 12, 29)), 7)]


@pytest.fixture
def project(lived: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "company"
    shutil.copytree(lived, copy)
    return copy


@dataclass(frozen=True)
class Read:
    """The data of the company, and its newest date as the champions see it: the same for every copy."""

    opened: OpenedProject
    predictions: Predictions


@pytest.fixture(scope="module")
def read(lived: Path) -> Read:
    opened = open_data(lived, TODAY)
    with open_store(opened.project.operational_url) as store:
        newest = store.dates()[-1]
    return Read(opened, read_date(opened, champions_of(opened, registry_of(opened.project)), newest, reasons=False))


def look(project: Path, read: Read, *, again: bool = False) -> ModelWatch:
    """A look at the churn model of a copy, written down."""
    opened = replace(read.opened, project=open_project(project))
    registry = registry_of(opened.project)
    with open_store(opened.project.operational_url) as store:
        watched = watch_models(
            opened, registry, store, NOW, models=["churn"], predictions=read.predictions, again=again
        )
        record_watches(registry, store, watched, NOW, "simulated-company")
    (watch,) = watched.watches
    return watch


def declare(project: Path, *triggers: dict[str, object], **more: object) -> None:
    path = project / "models" / "monitoring.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump({"triggers": list(triggers), "rest_days": 0, **more}), "utf-8")


def of_kind(watch: ModelWatch, kind: str) -> list[WatchedFigure]:
    return [figure for figure in watch.figures if figure.kind == kind]


def test_a_look_says_what_moved_what_is_to_be_expected_what_came_true_and_where_leavers_stood(
    project: Path, read: Read
) -> None:
    done = churnml("models", "watch", "churn", "--project", project)
    assert done.code == 0, done.err
    for words in ("since training, on", "to be expected of these scores", "what came true, to", "leavers to", "judged"):
        assert words in done.out
    watch = look(project, read)
    assert {figure.kind for figure in watch.figures} == {"drift", "expected", "realised", "rolling", "leavers"}
    trained, judged, open_ = dates_of(project)
    assert {figure.as_of for figure in of_kind(watch, "realised")} == {judged}
    # the estimate of the judged date stands beside what came
    assert {figure.as_of for figure in of_kind(watch, "expected")} == {judged, watch.as_of}
    assert any(str(trained) in line and "had learned from their outcomes" in line for line in watch.left_out)
    assert open_ not in {figure.as_of for figure in watch.figures}
    # every leaver stood somewhere
    stood = [figure for figure in of_kind(watch, "leavers") if figure.figure == "stood"]
    assert sum(figure.positives or 0 for figure in stood) == stood[0].rows > 0


def test_what_is_judged_is_what_was_written_then(project: Path, read: Read) -> None:
    opened = read.opened
    registry = registry_of(opened.project)
    label = opened.project.model("churn").label
    judged = dates_of(project)[1]
    with open_store(opened.project.operational_url) as store:
        scorings = judged_scorings(opened, store, "churn", label, VersionRecords(registry, "churn"))
        (past,) = past_scores(opened, store, scorings.chosen, label)
        written = store.monitoring.probabilities(scorings.chosen[0])
    assert past.as_of == judged
    assert {row.account_id: row.probability for row in past.rows.itertuples()}.items() <= written.items()
    assert len(past.rows) + past.unlabelled == len(written)
    assert 0 < past.rows["label"].sum() < len(past.rows)


def test_no_label_counts_a_day_before_its_window_is_over(project: Path, read: Read) -> None:
    """And its positive control: on that day it counts."""
    opened = read.opened
    label, records = opened.project.model("churn").label, VersionRecords(registry_of(opened.project), "churn")
    final = label.reach.settled_on(dates_of(project)[1])

    def through(last: dt.date) -> OpenedProject:
        return replace(opened, facts=replace(opened.facts, data_through=last))

    with open_store(opened.project.operational_url) as store:
        early, just = through(plus_days(final, -2)), through(plus_days(final, -1))
        assert judged_scorings(early, store, "churn", label, records).chosen == ()
        (chosen,) = judged_scorings(just, store, "churn", label, records).chosen
        assert past_scores(just, store, [chosen], label)
        with pytest.raises(TooLittleDataError):
            past_scores(early, store, [chosen], label)


def test_everything_lands_in_the_store_and_in_mlflow_once(project: Path, read: Read) -> None:
    watch = look(project, read)
    opened = open_project(project)
    registry = registry_of(opened)
    with open_store(opened.operational_url) as store:
        kept = store.monitoring.figures("churn")
        assert len(kept) == len(watch.figures)
        # neither what is known nor what is measured again says anything new
        for again in (False, True):
            look(project, read, again=again)
            assert store.monitoring.figures("churn") == kept
            assert len(store.monitoring.watches("churn")) == 1
    version = registry.client.get_model_version("churn", watch.version)
    assert version.tags[WATCHED_TAG].startswith(str(watch.as_of))
    run = registry.client.get_run(version.tags[WATCH_RUN_TAG])
    assert run.info.status == "FINISHED"
    judged = dates_of(project)[1]
    (seen,) = registry.client.get_metric_history(run.info.run_id, "realised.roc_auc.all")
    (figure,) = [f for f in kept if (f.kind, f.figure, f.part) == ("realised", "roc_auc", "all")]
    assert (seen.value, seen.step) == (pytest.approx(figure.value), day_number_of(judged))
    assert [m.step for m in registry.client.get_metric_history(run.info.run_id, "expected.roc_auc")] == sorted(
        [day_number_of(judged), day_number_of(watch.as_of)]
    )
    # on the model itself, too
    assert any(
        m.key == "realised.roc_auc.all"
        for m in registry.client.get_logged_model(version.source.removeprefix("models:/")).metrics
    )


def test_a_training_shows_its_data_its_curve_and_what_it_is(ran: Path) -> None:
    registry = registry_of(open_project(ran))
    version = registry.client.get_model_version("churn", "1")
    run = registry.client.get_run(version.run_id)
    inputs = {tag.value: one.dataset for one in run.inputs.dataset_inputs for tag in one.tags}
    record = registry.record_of("churn", "1")
    assert set(inputs) == {"training", "judging"}
    for context, dataset in inputs.items():
        assert dataset.digest == record.data_fingerprint[:36]
        assert context in dataset.name
        assert not any(value in f"{dataset.source}{dataset.schema}" for value in ("A000", "@"))
    assert str(record.cutoff) in inputs["judging"].source
    curve = [m.value for m in registry.client.get_metric_history(run.info.run_id, CURVE)]
    assert curve.index(min(curve)) + 1 == record.training.trees
    assert record.because[:40] in version.description
    assert registry.client.get_registered_model("churn").description == record.means


def test_falling_back_is_done_when_it_is_asked_for_and_written_down(project: Path, read: Read) -> None:
    registry = registry_of(open_project(project))
    same = record_like(registry, registry.candidate("churn", "1").predictor, "1", because="the same again")
    registry.appoint("churn", same, "promoted", "a test", None)
    declare(project, {"figure": "expected_roc_auc", "below": 0.999, "then": "fall_back"})
    assert look(project, read).action == "fall_back"
    assert registry.champion_version("churn") == same  # to look is not to act
    done = churnml("models", "watch", "churn", "--act", "--json", "--project", project)
    assert done.code == 0, done.err
    assert registry.champion_version("churn") == "1"
    assert "champion now" in json.loads(done.out)["done"][0]
    tenure = registry.history("churn").champions[-1]
    assert (tenure.version, tenure.how) == ("1", "by what was watched")
    assert "the ROC AUC to be expected" in tenure.why
    # there is nothing before it: the milder action is due, with the reason
    watch = look(project, read)
    assert watch.action == "train_now"
    assert "there was no champion before" in watch.alarms[0].sentence


def test_a_training_is_asked_for_after_the_days_of_rest_and_not_before(project: Path, read: Read) -> None:
    trigger = {"figure": "expected_roc_auc", "below": 0.999, "then": "train_now"}
    declare(project, trigger, rest_days=10_000)
    watch = look(project, read)
    assert watch.action == "warn"
    assert "days of rest are declared" in watch.alarms[0].sentence
    declare(project, trigger)
    done = churnml("models", "watch", "churn", "--act", "--no-prefect", "--json", "--project", project)
    assert done.code == 0, done.err
    came = json.loads(done.out)
    assert came["watches"][0]["action"] == "train_now"
    # nothing has changed since, so the version it has is given
    assert "churn, version 1" in came["done"][0]


def test_a_scoring_on_its_schedule_watches_and_asks_for_a_training_and_one_by_hand_does_not(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import watch
    from pipelines.score import score

    declare(project, {"figure": "expected_roc_auc", "below": 0.999, "then": "train_now", "models": ["churn"]})
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(watch, "request_run", lambda project, kind, why: asked.append((kind, why)))
    score(project=project)
    with open_store(open_project(project).operational_url) as store:
        assert store.monitoring.watches("churn") == []
    monkeypatch.setattr(watch, "of_a_deployment", lambda: True)
    score(project=project)
    assert asked == [("train", "what was watched of churn")]
    with open_store(open_project(project).operational_url) as store:
        (seen,) = store.monitoring.watches("churn")
    assert (seen.action, seen.as_of) == ("train_now", TODAY - dt.timedelta(days=1))


@pytest.mark.parametrize(
    ("words", "what", "remedy"),
    [
        (["--as-of", "2019-01-01"], "2019-01-01 was not scored", "Scored dates"),
        (["chrun"], "no model named 'chrun'", "Did you mean 'churn'"),
    ],
)
def test_what_cannot_be_watched_is_told(project: Path, words: list[str], what: str, remedy: str) -> None:
    done = churnml("models", "watch", *words, "--project", project)
    assert done.code == 1
    assert what in done.message
    assert remedy in done.message


def test_a_trigger_for_a_model_that_is_not_there_is_refused_before_long_work(project: Path) -> None:
    declare(project, {"figure": "score_drift", "above": 1, "models": ["chrun"]})
    done = churnml("models", "watch", "--project", project)
    assert (done.code, "Did you mean 'churn'" in done.message) == (1, True)


def test_a_model_from_before_is_watched_by_its_outcomes_and_says_what_it_lacks(project: Path, read: Read) -> None:
    registry = registry_of(open_project(project))
    older = replace(registry.candidate("churn", "1").predictor, profile=None)
    registry.appoint("churn", record_like(registry, older, "1", because="older"), "promoted", "a test", None)
    watch = look(project, read)
    assert any("before a model kept how things stood" in line for line in watch.left_out)
    assert of_kind(watch, "drift") == []
    assert of_kind(watch, "realised")


# ---------------------------------------------------------------- calibration fitted anew

REACH = Reach(7, 91, 28)
FIRST = dt.date(2023, 1, 2)


def test_a_calibration_learns_from_what_neither_trees_nor_judge_have_seen() -> None:
    plan = calibration_plan((FIRST,), REACH, plus_days(FIRST, 500), 28)
    assert plan.judged == REACH.latest_mature(plus_days(FIRST, 500))
    assert all(REACH.is_purged_for(FIRST, cutoff) and REACH.is_purged_for(cutoff, plan.judged) for cutoff in plan.teach)
    assert len(plan.teach) > 3


def test_too_soon_after_a_training_there_is_nothing_to_calibrate_by_and_the_day_is_named() -> None:
    with pytest.raises(TooLittleDataError) as refused:
        calibration_plan((FIRST,), REACH, plus_days(FIRST, 376), 28)
    named = dt.date.fromisoformat(str(refused.value.remedy).split()[2])
    assert calibration_plan((FIRST,), REACH, named, 28).teach == (REACH.settled_on(FIRST),)
    with pytest.raises(TooLittleDataError):
        calibration_plan((FIRST,), REACH, plus_days(named, -1), 28)


def wrongly_calibrated(registry: Registry) -> str:
    """A champion with the first one's trees, as if trained on a single cutoff, that promises far too much."""
    first = registry.candidate("churn", "1").predictor
    manifest = replace(first.manifest, trained_on=first.manifest.trained_on[:1])
    wrong = Calibration("sigmoid", slope=1.0, intercept=2.0)
    version = record_like(registry, replace(first, calibration=wrong, manifest=manifest), "1", because="wrong")
    registry.appoint("churn", version, "promoted", "a test", None)
    return version


def test_a_calibration_that_is_off_is_fitted_anew_as_a_version_that_is_promoted_as_it_is_proven_better(
    project: Path, read: Read
) -> None:
    opened = replace(read.opened, project=open_project(project))
    registry = registry_of(opened.project)
    wrong = wrongly_calibrated(registry)
    record = recalibrate(opened, registry, "churn")
    assert record.promoted, record.because
    assert record.against == wrong
    assert registry.champion_version("churn") == record.version
    before, after = registry.candidate("churn", wrong).predictor, registry.champion("churn")
    assert after is not None
    assert after.predictor.booster.model_to_string() == before.booster.model_to_string()
    held = record.figures["model"]["seen_over_said"]
    assert held.low is not None
    assert held.high is not None
    assert held.low < 1 < held.high
    assert record.figures["champion"]["seen_over_said"].value < 0.5
    # what the calibration has learned from is no longer unseen
    assert set(before.manifest.trained_on) < set(after.predictor.manifest.trained_on)
    # a second time there is too little left that neither has seen
    with pytest.raises(TooLittleDataError):
        recalibrate(opened, registry, "churn")


def test_the_figures_of_a_calibration_that_holds_do_not_move_it(project: Path, read: Read) -> None:
    """Proven better, not merely other: a new calibration of probabilities that hold is not promoted."""
    opened = replace(read.opened, project=open_project(project))
    registry = registry_of(opened.project)
    first = registry.candidate("churn", "1").predictor
    manifest = replace(first.manifest, trained_on=first.manifest.trained_on[:1])
    version = record_like(registry, replace(first, manifest=manifest), "1", because="it holds")
    registry.appoint("churn", version, "promoted", "a test", None)
    record = recalibrate(opened, registry, "churn")
    assert not record.promoted
    assert "not shown to be lower" in record.because
    assert registry.champion_version("churn") == version
