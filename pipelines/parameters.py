"""What a flow may be asked: typed, so that anything else is refused before a step runs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Literal, ParamSpec, TypeVar

from churnml.errors import ProjectError

Given = ParamSpec("Given")
Result = TypeVar("Result")

# what snapshots are computed on, instead of what the project declares
Engine = Literal["duckdb", "spark", "postgres"]


def checked(name: str, function: Callable[Given, Result]) -> Callable[Given, Result]:
    """``function`` with its parameters checked and converted as Prefect does it; raises ProjectError.

    Args:
        name: of the flow, for the message.
        function: what is called.
    """
    from pydantic import ValidationError, validate_call

    validated, signature = validate_call(function), inspect.signature(function)

    @functools.wraps(function)
    def called(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        arguments = signature.bind(*args, **kwargs).arguments
        try:
            return validated(**arguments)  # type: ignore[call-arg] # by name: an error then says which
        except ValidationError as problem:
            error = problem.errors(include_url=False)[0]
            if error["loc"][0] not in arguments:
                raise
            raise ProjectError(
                f"'{error['loc'][0]}' cannot be {error['input']!r}: {error['msg']}.",
                where=f"the flow '{name}'",
                remedy="Dates are written YYYY-MM-DD.",
            ) from None

    return called
