"""MLflow, imported and called without its chatter, and the tables of a local registry."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import time
import uuid
import warnings
from collections.abc import Iterator

from churnml.adapters.outages import outages_told
from churnml.adapters.project import database_of, sqlite_url
from churnml.adapters.registry import rooted
from churnml.errors import ChurnmlError

# before MLflow is imported: nothing phones home, nothing draws bars over our progress
OURS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    # a server that is away is told in seconds; MLflow's own are 7 tries of 120 s each
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
for _name, _value in OURS.items():
    os.environ.setdefault(_name, _value)

with warnings.catch_warnings():
    # MLflow warns of its own type hints on import; that is not for our users to mend
    warnings.simplefilter("ignore")
    import mlflow
    import mlflow.pyfunc
    from mlflow.entities import Metric
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.entities.model_registry import RegisteredModel as RegisteredModelInfo
    from mlflow.exceptions import MlflowException
    from mlflow.models import ModelSignature
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from mlflow.tracking._model_registry import utils as _model_registry
    from mlflow.tracking._tracking_service import utils as _tracking_service
    from mlflow.types import ColSpec, Schema

__all__ = [
    "REGISTRY",
    "WHERE",
    "ColSpec",
    "Metric",
    "MlflowException",
    "ModelSignature",
    "ModelVersion",
    "RegisteredModelInfo",
    "Schema",
    "impatiently",
    "make_tables",
    "mlflow",
    "quietly",
]

# How often, and each time for how many seconds, a server is asked whether it is there, unless the user says it.
PROBE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
REGISTRY = "The model registry"
WHERE = "project.yaml, stores: registry"
SET_BY_MLFLOW = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
# Making the tables takes seconds: a file of this age that was not put in its place was left by a process that died.
ABANDONED_SECONDS = 3600


@contextlib.contextmanager
def quietly(uri: str) -> Iterator[None]:
    """MLflow's global settings for one call, and its chatter kept from the user's screen."""
    # as set, not as resolved: what follows from something else shall go on following it
    before = _tracking_service._tracking_uri, _model_registry._registry_uri
    environment = {name: os.environ.get(name) for name in SET_BY_MLFLOW}
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    levels = {name: logging.getLogger(name).level for name in ("mlflow", "alembic", "urllib3")}
    for name in levels:
        # what it raises is told by us; its log of that would show a traceback, and the address
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        silent = io.StringIO()
        with (
            # whose words may hold a password
            outages_told(REGISTRY, WHERE),
            warnings.catch_warnings(),
            contextlib.redirect_stdout(silent),
            contextlib.redirect_stderr(silent),
        ):
            warnings.simplefilter("ignore")
            yield
    except Exception as problem:
        database = database_of(uri)
        # only then is the whole file looked through; what is ours to say has been said
        if not isinstance(problem, ChurnmlError) and database is not None and rooted.is_damaged(database):
            raise rooted.damaged(database) from None
        raise
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        mlflow.set_tracking_uri(before[0])
        mlflow.set_registry_uri(before[1])
        # MLflow writes it to the environment too, and so to every process started from here
        for variable, value in environment.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value


@contextlib.contextmanager
def impatiently() -> Iterator[None]:
    """Asks a server as long as it takes to see whether it is there, for one call."""
    before = {name: os.environ.get(name) for name in PROBE}
    os.environ.update({name: value for name, value in PROBE.items() if before[name] == OURS[name]})
    try:
        yield
    finally:
        os.environ.update({name: value for name, value in before.items() if value is not None})


def make_tables(uri: str) -> None:
    """Makes the tables of a registry in a file of its own, aside: one half made would never open again."""
    path = database_of(uri)
    if path is None or path.exists():
        return
    for left in path.parent.glob(f".{path.name}.*.part"):
        if left.stat().st_mtime < time.time() - ABANDONED_SECONDS:
            left.unlink(missing_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    SqlAlchemyStore(sqlite_url(aside), (path.parent / rooted.ARTIFACTS).as_uri()).engine.dispose()
    try:
        os.link(aside, path)  # unlike a rename, takes no place that another process has filled meanwhile
    except FileExistsError:
        aside.unlink()
    except OSError:  # a file system without links
        aside.replace(path)
    else:
        aside.unlink()
