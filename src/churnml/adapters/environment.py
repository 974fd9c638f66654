"""What a declaration takes from the environment."""

from __future__ import annotations

import os
import re

from churnml.errors import ProjectError

PROJECT_FILE = "project.yaml"


def with_environment(text: str, where: str) -> str:
    """``text`` with each ``${NAME}`` replaced by the environment variable NAME."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise ProjectError(
                f"The environment variable {name} is not set.", where=where, remedy=f"Set it: export {name}=…"
            )
        return os.environ[name]

    return re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", value, text)
