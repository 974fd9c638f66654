"""What a project's things are called on a Prefect server; imports nothing of Prefect's."""

from __future__ import annotations

# what every deployment and run of ours is marked with, alone and with the project's name
TAG = "churnml"
# "churnml score" → score
PREFIX = "churnml "


def deployment_name(project: str, kind: str) -> str:
    """A flow of a project; flows are shared by all projects of a server, so the name says whose it is."""
    return f"{project}-{kind}"


def full_name(project: str, kind: str) -> str:
    """The same as Prefect finds it: the flow, and its deployment."""
    return f"{PREFIX}{kind}/{deployment_name(project, kind)}"


def limit_name(project: str) -> str:
    """The concurrency limit that the flows of a project share."""
    return f"{TAG}-{project}"
