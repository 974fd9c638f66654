"""What ``forgotten.yaml`` says: whose rows are set aside at every reading, by keyed digests and not by name."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from churnml.specs.base import Spec

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ForgottenSpec(Spec):
    """Written by ``churnml forget`` into the project folder; every copy of a project needs the same.

    ``key`` may be ``${NAME}``, an environment variable: then who has the file alone cannot try names on it.
    """

    key: Annotated[str, Field(min_length=16)]
    accounts: tuple[Digest, ...] = ()
    users: tuple[Digest, ...] = ()
