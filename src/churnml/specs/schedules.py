"""What ``schedules:`` in ``project.yaml`` may say: what runs by itself, and when."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, model_validator

from churnml.specs.base import Spec

# Any midnight does; intervals count from one that never moves, so that putting a schedule again moves no run.
ANCHOR = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def _known_cron(value: str) -> str:
    try:
        if len(value.split()) != 5:
            raise CronSimError("minute, hour, day, month and weekday are wanted")
        CronSim(value, ANCHOR)
    except CronSimError as problem:
        raise ValueError(f"this is no cron line of five fields ({problem})") from None
    return value


Cron = Annotated[str, AfterValidator(_known_cron)]
Minutes = Annotated[float, Field(gt=0, le=7 * 24 * 60)]


class FlowSchedule(Spec):
    """When a flow runs by itself.

    ``cron`` is read in the project's time zone. ``every_seconds`` stands in its place where a clock is no help: in
    tests, and for trying things. ``active: false`` keeps the flow ready to be started by hand, and starts nothing.
    After ``timeout_minutes`` a run is given up.
    """

    cron: Cron | None = None
    every_seconds: Annotated[float, Field(ge=1, le=366 * 86_400)] | None = None
    active: bool = True
    timeout_minutes: Minutes = 240

    @model_validator(mode="before")
    @classmethod
    def _interval_instead(cls, value: object) -> object:
        # where an interval is named, the flow's usual cron line does not stand beside it
        if isinstance(value, dict) and "every_seconds" in value and "cron" not in value:
            return {**value, "cron": None}
        return value

    @model_validator(mode="after")
    def _one_clock(self) -> FlowSchedule:
        if (self.cron is None) == (self.every_seconds is None):
            raise ValueError("give either 'cron' or 'every_seconds'")
        return self

    def last_due(self, now: dt.datetime, zone: str) -> dt.datetime:
        """The newest moment at or before ``now`` at which a run was due, both with a time zone."""
        if self.every_seconds is not None:
            return now - (now - ANCHOR) % dt.timedelta(seconds=self.every_seconds)
        minute = now.astimezone(ZoneInfo(zone)).replace(second=0, microsecond=0)
        # it looks strictly before what it is given; this minute counts
        due: dt.datetime = next(CronSim(self.cron or "", minute + dt.timedelta(minutes=1), reverse=True))
        return due


class ScoreSchedule(FlowSchedule):
    """When the tables are read and the newest date is scored.

    ``fresh_hours`` after its last success a scoring is stale: ``/readyz`` of ``churnml serve`` then says no.
    """

    cron: Cron | None = "0 5 * * *"
    fresh_hours: Annotated[int, Field(gt=0, le=366 * 24)] = 36


class TrainSchedule(FlowSchedule):
    """When what has changed is trained; monthly, on the first."""

    cron: Cron | None = "0 3 1 * *"
    timeout_minutes: Minutes = 720


class ImpactSchedule(FlowSchedule):
    """When outcomes are collected and effects are measured; weekly, on Monday."""

    cron: Cron | None = "0 7 * * 1"


class DeliverSchedule(FlowSchedule):
    """When the outbox is emptied: ``after_score``, and by the clock for what is due again after it failed.

    ``send: false`` leaves it to ``dry_run`` in ``models/delivery.yaml`` whether anything is sent.
    """

    cron: Cron | None = "20 * * * *"
    timeout_minutes: Minutes = 60
    after_score: bool = True
    send: bool = False


class Schedules(Spec):
    """What of a project runs by itself, under ``churnml serve`` or on the server of ``churnml deploy``.

    A run that was due while nothing could start it is made up once, for the newest date, or with ``catch_up: off`` not
    at all. Only one run of a project goes at a time; one that is due meanwhile waits (``collision: enqueue``) or is
    cancelled (``collision: cancel``). Deliveries wait for nobody.
    """

    catch_up: bool = True
    collision: Literal["enqueue", "cancel"] = "enqueue"
    score: ScoreSchedule = ScoreSchedule()
    train: TrainSchedule = TrainSchedule()
    impact: ImpactSchedule = ImpactSchedule()
    deliver: DeliverSchedule = DeliverSchedule()
