"""A registered version and the tags that say what it is; nothing here knows MLflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from churnml.modelling.predictor import Predictor
    from churnml.modelling.record import ModelRecord

CHAMPION = "champion"
CHALLENGER = "challenger"
RECORD_FILE = "record.json"
MODEL_FOLDER = "churnml_model"
# the last tag of a version to be written: a version without it is not whole, and never listed or used
FINGERPRINT_TAG = "churnml.fingerprint"
RUN_TAG = "churnml.run"
VERDICT_TAG = "churnml.verdict"
PROMOTED_TAG = "churnml.promoted"
# the champion a version was judged against, empty where there was none
AGAINST_TAG = "churnml.against"
# of the model's own checksums, kept beside the artifact so that nobody can alter both by altering the artifact
CHECKSUM_TAG = "churnml.checksum"
RECORD_CHECKSUM_TAG = "churnml.record_checksum"
UNFINISHED_TAG = "churnml.unfinished"
# the run that holds what was watched of a version
WATCH_RUN_TAG = "churnml.watch_run"
# what the newest look at a version came to
WATCHED_TAG = "churnml.watched"
# one tag of the registered model an event, in order of their names
EVENT_TAG = "churnml.event."
# MLflow keeps up to 5,000 letters in such a tag
LONGEST_REASON = 2000


@dataclass(frozen=True)
class RegisteredModel:
    """A model version: its number, the model, and the record of the run that made it."""

    version: str
    predictor: Predictor
    record: ModelRecord


@dataclass(frozen=True)
class RegisteredRun:
    """The MLflow run that made a version; ``url`` is its page, None where the registry is no server with pages."""

    run_id: str
    url: str | None


@dataclass(frozen=True)
class RunDataset:
    """Rows a run used, by what names them: no row of a customer is in it.

    Args:
        name: what they are.
        context: what they were used for.
        digest: names the data they were made from; at most 36 characters.
        about: further facts, name → text.
    """

    name: str
    context: str
    digest: str
    about: Mapping[str, str]


@dataclass(frozen=True)
class RunDetails:
    """What MLflow shows of a training beside its figures.

    Args:
        means: what the model predicts, in words.
        text: the version in Markdown.
        datasets: the rows that trained and judged.
        losses: mean log loss of the folds with one tree, with two, and so on.
    """

    means: str = ""
    text: str = ""
    datasets: Sequence[RunDataset] = ()
    losses: Sequence[float] = ()
