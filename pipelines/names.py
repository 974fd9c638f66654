"""What a project's things are called on a Prefect server; imports nothing of Prefect's."""

from __future__ import annotations

# what every deployment and run of ours is marked with, alone and with the project's name
TAG = "churnml"


def limit_name(project: str) -> str:
    """The concurrency limit that the flows of a project share."""
    return f"{TAG}-{project}"
