"""The command line: what a person types, and what comes back.

Exit codes: 0 done, 1 something of the user's needs mending (one message, no traceback), 75 something outside did not
answer and trying again may help, 2 a bug of ours.
Heavy libraries are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Annotated, TextIO

import typer

from churnml.cli.app import Verbose, app
from churnml.cli.logs import set_up_logs
from churnml.cli.shell import OUTAGE, say_lines
from churnml.errors import ChurnmlError, UnavailableError, without_secrets

# imported for the commands they add, in the order of the help
from churnml.cli import project, data, flows, accounts, metrics, web, tokens, agents  # isort: skip # noqa: F401
from churnml.cli import deliver, work, health, models, forget  # isort: skip # noqa: F401

OPENMP = "Install it: 'apt-get install libgomp1' on Debian and Ubuntu, 'brew install libomp' on macOS."


MENDING, BUG, STOPPED = 1, 2, 130


def main() -> None:
    """The entry point: every way a command can end."""
    code = _run()
    _drop_what_cannot_be_printed()
    sys.exit(code)


def _run() -> int:
    """Does what was asked; the exit code."""
    try:
        ended = app(standalone_mode=False)
    except ChurnmlError as mistake:
        return _tell(mistake)
    except typer.Abort:
        return MENDING
    except KeyboardInterrupt:
        _write_error("churnml: stopped; what was written is whole, what was not written is not there.\n")
        return STOPPED
    except BrokenPipeError:
        return 0  # whoever read our output has seen enough
    except Exception as problem:
        return _unforeseen(problem)
    return ended if isinstance(ended, int) else 0  # the code of a command that ended itself


def _unforeseen(problem: Exception) -> int:
    """What is no mistake that a room of ours foresaw: of the installation, the words given, the disk; else a bug."""
    if isinstance(problem, OSError) and "omp." in str(problem):
        _write_error(f"churnml: LightGBM does not find OpenMP ({problem}).\n  remedy: {OPENMP}\n")
        return MENDING
    if _is_usage_error(problem):
        message = problem.format_message()  # type: ignore[attr-defined]
        if message.startswith("Usage:"):  # nothing was asked, so help is the answer
            say_lines(message)
            return 0
        _write_error(f"churnml: {message}\n")
        return MENDING
    from churnml.adapters.outages import outage

    told = outage(problem)
    return _bug(problem) if told is None else _tell(told)


def _tell(mistake: ChurnmlError) -> int:
    _write_error(f"churnml: {mistake}\n")
    _let_go(mistake)
    return exit_code(mistake)


def exit_code(mistake: ChurnmlError) -> int:
    """What a command ends with: whether somebody has to mend something, or trying again may help."""
    return OUTAGE if isinstance(mistake, UnavailableError) else MENDING


def _write_error(text: str) -> None:
    out: TextIO | None = sys.stderr
    if out is None:
        return
    with contextlib.suppress(OSError):  # nowhere is left to tell it: the exit code does
        out.write(without_secrets(text))
        out.flush()


def _drop_what_cannot_be_printed() -> None:
    """Python writes what is left as it ends, and would complain of what was told, with an exit code of its own."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    streams: tuple[TextIO | None, ...] = (sys.stdout, sys.stderr)
    for stream in filter(None, streams):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


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


def _bug(problem: Exception) -> int:
    import traceback

    _write_error("".join(traceback.format_exception(problem)))
    _write_error(
        f"\nchurnml: this is a bug of ours ({type(problem).__name__}). Nothing was half-published. "
        "Please report the lines above; they name no data of yours beyond what they show.\n"
    )
    return BUG


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
