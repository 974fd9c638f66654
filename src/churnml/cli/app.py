"""The application and its groups of commands."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, ParamSpec, TypeVar

import typer

from churnml.cli.logs import set_up_logs

Given = ParamSpec("Given")
Result = TypeVar("Result")
Verbose = Annotated[bool, typer.Option("--verbose", help="Log what is opened, read, decided and written.")]


class Commands(typer.Typer):
    """Commands that all take ``--verbose``, as the root does: people write it at either end."""

    def __init__(self, purpose: str, name: str | None = None, *, alone: bool = False) -> None:
        """``alone``: the group's own name is a command too, as :meth:`by_itself` says."""
        super().__init__(
            name=name,
            help=purpose,
            no_args_is_help=not alone,
            add_completion=False,
            pretty_exceptions_enable=False,
            rich_markup_mode=None,
        )

    def add(self, name: str | None = None) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
        """Adds a function as a command."""

        def added(function: Callable[Given, Result]) -> Callable[Given, Result]:
            self.command(name)(_verbose(function))
            return function

        return added

    def by_itself(self) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
        """Makes a function what the group's name does where no command of the group follows."""

        def added(function: Callable[Given, Result]) -> Callable[Given, Result]:
            self.callback(invoke_without_command=True)(_verbose(function))
            return function

        return added


def _verbose(function: Callable[Given, Result]) -> Callable[..., Result]:
    """``function`` with the option ``--verbose`` behind its own."""

    @functools.wraps(function)
    def called(*, verbose: bool, **given: object) -> Result:
        if verbose:
            set_up_logs(verbose=True)
        return function(**given)  # type: ignore[call-arg, arg-type]

    own = inspect.signature(function, eval_str=True)
    option = inspect.Parameter("verbose", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Verbose)
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own.parameters.values()]
    called.__signature__ = own.replace(parameters=[*parameters, option])  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in (*parameters, option)}
    return called


PURPOSE = """From usage logs and support tickets to the next right action for every account.

Exit codes: 0 done; 1 something of yours needs mending; 75 something outside (a store, a database, the registry, a
receiver, a disk) did not answer or is full or locked, and trying again may help; 2 a bug of churnml.
"""
app = Commands(PURPOSE, "churnml")
models_app = Commands("Look up registered models; make one champion, or take it back.")
work_app = Commands("The work of the team: what is open, done, put off, handed on; and overrides of scores.")
health_app = Commands("The health score: try a changed health.yaml, propose weights, judge overrides, count flaps.")
data_app = Commands("The data as they come: what is broken, what is meant.")
deliveries_app = Commands("What was or is to be told to others: look it up, try again what was given up.")
web_app = Commands("The cockpit in a browser, and its HTTP API; see also 'churnml web token'.", alone=True)
token_app = Commands("Who may call the HTTP API: make a token, look them up, end one.")
web_app.add_typer(token_app, name="token")
app.add_typer(web_app, name="web")
app.add_typer(data_app, name="data")
app.add_typer(work_app, name="work")
app.add_typer(health_app, name="health")
app.add_typer(deliveries_app, name="deliveries")
app.add_typer(models_app, name="models")
