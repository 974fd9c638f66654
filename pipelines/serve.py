"""Training and the day's scoring on a schedule, in one process that keeps running."""

from __future__ import annotations

from typing import Any


def serve(project: str, train_cron: str, score_cron: str) -> None:
    """Serves both flows until it is stopped; Prefect records the runs where ``PREFECT_API_URL`` says.

    Args:
        project: the project folder.
        train_cron, score_cron: when, as cron says it.
    """
    # Prefect is set up by then: pipelines.engine was imported with the flows
    from prefect import serve as prefect_serve

    from pipelines.score import score
    from pipelines.train import train

    scheduled: list[tuple[Any, str, str]] = [(train, "train", train_cron), (score, "score", score_cron)]
    prefect_serve(
        *(flow.to_deployment(name=name, cron=cron, parameters={"project": project}) for flow, name, cron in scheduled)
    )
