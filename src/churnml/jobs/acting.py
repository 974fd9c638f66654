"""What a look at a champion says is due, done at once: falling back, or a calibration fitted anew.

A training is not done here: it is a flow of its own.
"""

from __future__ import annotations

from churnml.adapters.registry import Registry
from churnml.errors import TooLittleDataError
from churnml.jobs.opening import OpenedProject
from churnml.jobs.recalibrating import recalibrate
from churnml.jobs.watching_models import fall_back
from churnml.ledger.monitoring import ModelWatch
from churnml.pages.terminal.models import appointed_text, model_text


def act_on(opened: OpenedProject, registry: Registry, watch: ModelWatch) -> str | None:
    """Does what a look says is due, and says what came of it; None where nothing is to be done here.

    Raises:
        RegistryError: another version became champion meanwhile, or the project no longer builds its features.
    """
    if watch.action == "fall_back":
        return appointed_text(fall_back(registry, watch, lambda: opened))
    if watch.action == "recalibrate":
        try:
            return model_text(recalibrate(opened, registry, watch.model))
        except TooLittleDataError as problem:
            # other models are not to wait for it
            return f"{watch.model}: {problem.what} {problem.remedy}"
    return None
