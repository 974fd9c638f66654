"""The command line: what a person types, and what comes back.

Exit codes: 0 done, 1 something of the user's needs mending (one message, no traceback), 2 a bug of ours.
Heavy libraries are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from churnml.cli.app import Verbose, app
from churnml.cli.logs import set_up_logs
from churnml.cli.shell import say_lines
from churnml.errors import ChurnmlError

# imported for the commands they add, in the order of the help
from churnml.cli import project, flows, accounts, deliver, work, health, models  # isort: skip # noqa: F401

OPENMP = "Install it: 'apt-get install libgomp1' on Debian and Ubuntu, 'brew install libomp' on macOS."


def main() -> None:
    """The entry point: every way a command can end."""
    try:
        app(standalone_mode=False)
    except ChurnmlError as mistake:
        sys.stderr.write(f"churnml: {mistake}\n")
        _let_go(mistake)
        sys.exit(1)
    except typer.Exit as done:
        sys.exit(done.exit_code)
    except typer.Abort:
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("churnml: stopped; what was written is whole, what was not written is not there.\n")
        sys.exit(130)
    except BrokenPipeError:
        # whoever read our output has seen enough
        sys.stderr.close()
        sys.exit(0)
    except Exception as problem:
        if isinstance(problem, OSError) and "omp." in str(problem):
            sys.stderr.write(f"churnml: LightGBM does not find OpenMP ({problem}).\n  remedy: {OPENMP}\n")
            sys.exit(1)
        if not _is_usage_error(problem):
            _bug(problem)
        message = problem.format_message()  # type: ignore[attr-defined]
        if message.startswith("Usage:"):  # nothing was asked, so help is the answer
            say_lines(message)
            sys.exit(0)
        sys.stderr.write(f"churnml: {message}\n")
        sys.exit(1)


def _let_go(mistake: BaseException) -> None:
    """Lets go of what the failed steps held: Prefect keeps the error, the error its frames, and the
    frames a database that would otherwise complain at exit about being held."""
    import traceback

    seen: BaseException | None = mistake
    while seen is not None:
        traceback.clear_frames(seen.__traceback__)
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__


def _is_usage_error(problem: Exception) -> bool:
    return hasattr(problem, "format_message") and hasattr(problem, "exit_code")


def _bug(problem: Exception) -> NoReturn:
    import traceback

    traceback.print_exc()
    sys.stderr.write(
        f"\nchurnml: this is a bug of ours ({type(problem).__name__}). Nothing was half-published. "
        "Please report the lines above; they name no data of yours beyond what they show.\n"
    )
    sys.exit(2)


def _version(shown: bool) -> None:
    if shown:
        from churnml import __version__

        say_lines(f"churnml {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    set_up_logs(verbose=verbose)
