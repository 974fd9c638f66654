"""What MLflow shows of a run beside figures and files: the data it used, its curve, and what a version is in words."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from churnml.adapters.registry.client import Metric, mlflow
from churnml.adapters.registry.registered import RunDataset, RunDetails

# MLflow takes so many at once, and so long a text.
METRICS_AT_ONCE = 1000
LONGEST_TEXT = 5000
CURVE = "log_loss_by_trees"


def log_details(client: mlflow.MlflowClient, run_id: str, features: mlflow.types.Schema, details: RunDetails) -> None:
    """Adds datasets, the curve and the description to a run that is open."""
    for dataset in details.datasets:
        mlflow.log_input(_dataset(dataset, features), context=dataset.context)
    now = int(time.time() * 1000)
    log_metrics(client, run_id, [Metric(CURVE, loss, now, trees) for trees, loss in enumerate(details.losses, start=1)])
    if details.text:
        client.set_tag(run_id, "mlflow.note.content", details.text[:LONGEST_TEXT])


def log_files(files: Mapping[str, str | bytes], scratch: Path) -> None:
    """Adds files to the run that is open, name → content; ``scratch`` is a folder to write them into."""
    for name, content in files.items():
        path = scratch / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        mlflow.log_artifact(str(path))


def describe(client: mlflow.MlflowClient, name: str, version: str, details: RunDetails) -> None:
    """Says what a registered model and its version are."""
    if details.means and not client.get_registered_model(name).description:
        client.update_registered_model(name, details.means)
    if details.text:
        client.update_model_version(name, version, details.text[:LONGEST_TEXT])


def log_metrics(client: mlflow.MlflowClient, run_id: str, metrics: Sequence[Metric]) -> None:
    """Adds metrics to a run, as many at once as MLflow takes."""
    for start in range(0, len(metrics), METRICS_AT_ONCE):
        client.log_batch(run_id, metrics[start : start + METRICS_AT_ONCE])


def _dataset(dataset: RunDataset, features: mlflow.types.Schema) -> mlflow.data.Dataset:
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    source = CodeDatasetSource(dict(dataset.about))
    return MetaDataset(source, name=dataset.name, digest=dataset.digest, schema=features)
