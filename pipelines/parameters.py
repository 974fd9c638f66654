"""What a flow may be asked: typed, so that anything else is refused before a step runs."""

from __future__ import annotations

import datetime as dt
import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Literal, ParamSpec, TypeVar

from pydantic import Field, ValidationError, validate_call

from churnml.errors import ProjectError

Given = ParamSpec("Given")
Result = TypeVar("Result")

# what snapshots are computed on, instead of what the project declares
Engine = Literal["duckdb", "spark", "postgres"]
# Prefect's server holds a parameter against its pattern, and not against "format: date"; leap years are left to the
# flow, which is refused before its first step
DATE = r"^\d{4}-(?!02-3|(0[469]|11)-31)(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"
Day = Annotated[dt.date, Field(json_schema_extra={"pattern": DATE})]


def checked(name: str, function: Callable[Given, Result]) -> Callable[Given, Result]:
    """``function`` with its parameters checked and converted as Prefect does it; raises ProjectError.

    Args:
        name: of the flow, for the message.
        function: what is called.
    """
    validated, signature = validate_call(function), inspect.signature(function)

    @functools.wraps(function)
    def called(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        arguments = signature.bind(*args, **kwargs).arguments
        try:
            return validated(**arguments)  # type: ignore[call-arg] # by name: an error then says which
        except ValidationError as problem:
            error = problem.errors(include_url=False)[0]
            is_date = error["type"].startswith("date")
            if error["loc"][0] not in arguments:
                raise
            raise ProjectError(
                f"'{error['loc'][0]}' cannot be {error['input']!r}: {error['msg']}.",
                where=f"the flow '{name}'",
                remedy="Write it as YYYY-MM-DD." if is_date else "Correct it, or leave it out.",
            ) from None

    return called
