"""The command line: what a person types, and what comes back.

Exit codes: 0 done, 1 something of the user's needs mending (one message, no traceback), 2 a bug of ours.
Heavy libraries are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from churnml.errors import ChurnmlError, ProjectError

if TYPE_CHECKING:
    from churnml.adapters.project import Project

app = typer.Typer(
    name="churnml",
    help="From usage logs and support tickets to the next right action for every account.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
models_app = typer.Typer(
    help="Look up registered models; put them in office, or take them back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(models_app, name="models")

ProjectOption = Annotated[Path, typer.Option("--project", help="The project folder.", show_default="here")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
PlainOption = Annotated[
    bool,
    typer.Option("--no-prefect", help="Run the same steps without Prefect: some ten seconds sooner, no run record."),
]
AsOfOption = Annotated[str | None, typer.Option("--as-of", help="The date, YYYY-MM-DD.", show_default="the newest")]
EngineOption = Annotated[
    str | None,
    typer.Option("--engine", help="Compute snapshots on duckdb, spark or postgres.", show_default="the project's"),
]
AgainOption = Annotated[bool, typer.Option("--again", help="Train even if nothing has changed.")]
NameArgument = Annotated[str, typer.Argument(help="The model.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who says so; kept in the history.")]
HERE = Path()
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
            _say(message)
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


# ---------------------------------------------------------------- helpers of the shell


def _date(text: str | None, option: str) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ProjectError(
            f"'{text}' is not a date.",
            where=option,
            remedy="Write it as YYYY-MM-DD, for instance 2026-01-31.",
        ) from None


def _engine(plain: bool) -> None:
    """Chooses what the flows run on; to be called before a flow is imported.

    Under Prefect, a mistake of the user's is told once, by us, and not as a failed run with a traceback.
    """
    if plain:
        os.environ["CHURNML_ENGINE"] = "plain"
        return
    import logging

    from pipelines.progress import say

    say("starting under Prefect (some seconds; --no-prefect does without)")
    import pipelines.engine  # noqa: F401 - importing Prefect sets its loggers up

    logging.getLogger("prefect").setLevel(logging.CRITICAL)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


def _store_of(project: Project) -> Any:
    from churnml.adapters.store import open_store

    return open_store(project.operational_url)


def _day_or_newest(store: Any, as_of: str | None) -> dt.date:
    day = _date(as_of, "--as-of")
    if day is not None:
        return day
    dates = store.dates()
    if not dates:
        raise ProjectError("Nothing was scored yet.", remedy="Run 'churnml run' or 'churnml score' first.")
    newest: dt.date = dates[-1]
    return newest


# ---------------------------------------------------------------- commands


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where the project shall be.")] = HERE,
    name: Annotated[str | None, typer.Option(help="Its name.", show_default="the folder's")] = None,
) -> None:
    """Write an empty project: project.yaml and one commented source a contract table."""
    from churnml.adapters.template import write_project

    written = write_project(folder, name)
    _say(f"A project was begun in {folder}:", *(f"  {path}" for path in written))
    _say("Point its inputs: at your files, adapt the SELECTs, then run 'churnml check'.")


@app.command()
def check(project: ProjectOption = HERE, as_json: JsonOption = False) -> None:
    """Read every declaration and table; say what was set aside and why."""
    from churnml import jobs, output
    from pipelines.clock import day
    from pipelines.progress import say

    opened = jobs.open_data(project, day(), say)
    if as_json:
        _print_json(output.check_data(opened.project, opened.ingested))
    else:
        _say(output.check_text(opened.project, opened.ingested))


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="Where to write the company's project folder.")],
    accounts: Annotated[int, typer.Option(min=20, help="Accounts ever, over the whole time.")] = 2000,
    months: Annotated[int, typer.Option(min=6, max=120)] = 24,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    events: Annotated[int | None, typer.Option(min=1, help="About how many usage events.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a SaaS company whose true churn and upsell probabilities are known."""
    from dataclasses import asdict

    from churnml.simulate import simulate as build
    from pipelines.progress import say

    company = build(out, accounts=accounts, months=months, seed=seed, events=events, progress=say)
    if as_json:
        _print_json(asdict(company))
    else:
        _say(f"A company was written to {out}. Next: churnml run --project {out}")


@app.command()
def features(
    as_of: Annotated[list[str], typer.Option("--as-of", help="A cutoff, YYYY-MM-DD; may be repeated.")],
    out: Annotated[Path, typer.Option("--out", help="A .parquet or .csv file to write.")],
    project: ProjectOption = HERE,
    model: Annotated[str | None, typer.Option(help="Whose features.", show_default="the risk model's")] = None,
    champion: Annotated[
        bool, typer.Option("--champion", help="What the champion reads, rather than what a training would choose now.")
    ] = False,
    engine: EngineOption = None,
) -> None:
    """Write the features of every eligible account at one or more cutoffs."""
    from churnml import jobs
    from pipelines.clock import day
    from pipelines.progress import say

    cutoffs = [cutoff for text in as_of if (cutoff := _date(text, "--as-of")) is not None]
    opened = jobs.open_data(project, day(), say, engine)
    of = None
    if champion:
        name = model or opened.project.health.risk.model
        opened.project.model(name)
        of = _registry(project)[1].version(name).predictor
    rows = jobs.features_at(opened, cutoffs, model, say, of)
    jobs.write_frame(rows, out)
    _say(f"{len(rows):,} rows with {rows.shape[1]:,} columns written to {out}")


@app.command()
def audit(
    project: ProjectOption = HERE,
    as_of: Annotated[
        list[str] | None,
        typer.Option("--as-of", help="A cutoff, YYYY-MM-DD; may be repeated.", show_default="the newest ones"),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Only this model's.", show_default="all")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail the audit too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Prove that no feature and no label looks past its cutoff."""
    from churnml import jobs, output
    from churnml.audit_job import audit_project
    from pipelines.clock import day
    from pipelines.progress import say

    cutoffs = [cutoff for text in as_of or () if (cutoff := _date(text, "--as-of")) is not None]
    found = audit_project(jobs.open_data(project, day(), say), [model] if model else (), cutoffs, say)
    if as_json:
        _print_json(found.as_data())
    else:
        _say(output.audit_text(found.as_data()))
    found.require(strict=strict)


@app.command()
def train(
    models: Annotated[list[str] | None, typer.Argument(help="Which models.", show_default="all")] = None,
    project: ProjectOption = HERE,
    again: AgainOption = False,
    engine: EngineOption = None,
    no_prefect: PlainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train, judge on the newest mature cutoff, register; promote only what is proven."""
    _ready(project)
    _engine(no_prefect)
    from churnml import jobs, output
    from pipelines.train import train as flow

    records = flow(project=str(project), models=list(models or []), again=again, engine=engine)
    if as_json:
        _print_json({name: jobs.model_summary(record) for name, record in records.items()})
    else:
        _say(*(output.model_text(name, jobs.model_summary(record)) for name, record in records.items()))


@app.command()
def score(
    project: ProjectOption = HERE,
    as_of: AsOfOption = None,
    engine: EngineOption = None,
    no_prefect: PlainOption = False,
    as_json: JsonOption = False,
    features_file: Annotated[
        Path | None, typer.Option("--input", help="Score this Parquet file (or folder of them) of features instead.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="With --input: the .parquet file to write.")] = None,
    model: Annotated[str, typer.Option(help="With --input: the model.")] = "churn",
    version: Annotated[str | None, typer.Option(help="With --input: its version.", show_default="--alias")] = None,
    alias: Annotated[str, typer.Option(help="With --input: its alias.")] = "champion",
    ids: Annotated[
        list[str] | None,
        typer.Option("--id", help="With --input: a column to keep.", show_default="account_id and as_of"),
    ] = None,
    reasons: Annotated[bool, typer.Option("--reasons", help="With --input: say why.")] = False,
    registry: Annotated[
        str | None, typer.Option(help="With --input: an MLflow tracking URI; no project is needed then.")
    ] = None,
) -> None:
    """Score, explain and route every eligible account at a date, with the champions; or score a file of features."""
    if features_file is not None:
        if out is None or as_of is not None:
            raise ProjectError(
                "A file of features is scored as it is.", remedy="Give --input and --out, and no --as-of."
            )
        _score_file(
            features_file,
            out,
            _at_uri(registry) if registry else _registry(project)[1],
            model,
            version,
            alias,
            tuple(ids or ()),
            reasons,
            as_json,
        )
        return
    if out is not None:
        raise ProjectError("--out is for a file of features.", remedy="Give --input too, or leave --out away.")
    _ready(project)
    day = _date(as_of, "--as-of")
    _engine(no_prefect)
    from pipelines.score import score as flow

    _tell(project, flow(project=str(project), as_of=str(day) if day else None, engine=engine), as_json)


@app.command()
def run(
    project: ProjectOption = HERE,
    as_of: AsOfOption = None,
    again: AgainOption = False,
    engine: EngineOption = None,
    no_prefect: PlainOption = False,
    as_json: JsonOption = False,
) -> None:
    """The whole job: check, train what has changed, score, route, and write report.html."""
    _ready(project)
    day = _date(as_of, "--as-of")
    _engine(no_prefect)
    from pipelines.run import run as flow

    _tell(project, flow(project=str(project), as_of=str(day) if day else None, again=again, engine=engine), as_json)


def _score_file(
    source: Path,
    out: Path,
    registry: Any,
    model: str,
    version: str | None,
    alias: str,
    ids: tuple[str, ...],
    reasons: bool,
    as_json: bool,
) -> None:
    from churnml.adapters.batch import Job, score_file
    from pipelines.progress import say

    found = registry.version(model, version, alias)
    rows = score_file(Job(found.predictor, found.version, ids, reasons), source, out, say)
    if as_json:
        _print_json({"rows": rows, "out": str(out), "model": model, "version": found.version})
    else:
        _say(f"{rows:,} rows scored with version {found.version} of '{model}', written to {out}")


def _at_uri(uri: str) -> Any:
    from churnml.adapters.registry import open_registry

    return open_registry(uri, None)


def _ready(project: Path) -> None:
    """Declarations are read before an engine is started, so that a mistake shows at once."""
    from churnml.adapters.project import open_project

    open_project(project).check_declarations()


def _tell(project: Path, found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        _print_json(found)
        return
    from churnml import output
    from churnml.adapters.project import open_project

    opened = open_project(project)
    with _store_of(opened) as store:
        queue = store.queue(dt.date.fromisoformat(found["as_of"]), limit=output.QUEUE_SHOWN)
    _say(output.run_text(opened, found, queue))


@app.command()
def queue(
    project: ProjectOption = HERE,
    owner: Annotated[str | None, typer.Option(help="Only this owner's.")] = None,
    as_of: AsOfOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The work list: which accounts, why, what to do, by when, worth how much."""
    from churnml import output
    from churnml.adapters.project import open_project

    with _store_of(open_project(project)) as store:
        day = _day_or_newest(store, as_of)
        found = store.queue(day, owner=owner, limit=limit)
    if as_json:
        _print_json({"as_of": str(day), "decisions": found})
    else:
        _say(output.queue_text(day, found))


@app.command()
def explain(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    project: ProjectOption = HERE,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """One account: score, dimensions, reasons with numbers, decision, history."""
    from churnml import output
    from churnml.adapters.project import open_project

    with _store_of(open_project(project)) as store:
        found = store.account(account, _day_or_newest(store, as_of))
    if as_json:
        _print_json(found)
    else:
        _say(output.account_text(found))


@models_app.command("list")
def models_list(project: ProjectOption = HERE, as_json: JsonOption = False) -> None:
    """Every registered version, its verdict, and who is champion."""
    from churnml import output

    opened, registry = _registry(project)
    found = {name: registry.versions(name) for name in opened.model_names}
    if as_json:
        _print_json(found)
    else:
        _say(output.versions_text(found))


@models_app.command("show")
def models_show(
    name: NameArgument,
    version: Annotated[str | None, typer.Option(help="Its version.", show_default="champion, else newest")] = None,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """The figures of one version beside its rivals."""
    from churnml import jobs, output

    opened, registry = _registry(project)
    opened.model(name)
    found = jobs.model_summary(registry.record_of(name, version))
    found["in_office"] = registry.in_office(name) == found["version"]
    if as_json:
        _print_json(found)
    else:
        _say(output.model_text(name, found), "", output.origin_text(found))


@models_app.command("card")
def models_card(
    name: NameArgument,
    version: Annotated[str | None, typer.Option(help="Its version.", show_default="champion, else newest")] = None,
    project: ProjectOption = HERE,
) -> None:
    """The card of one version, as Markdown: what it is, how good, for whom, and how to disagree with it."""
    from churnml.modelling.cards import card

    opened, registry = _registry(project)
    opened.model(name)
    _say(card(registry.record_of(name, version)).rstrip())


@models_app.command("history")
def models_history(
    name: NameArgument,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Who was champion from when to when and why, and which challengers were refused."""
    from churnml import output

    opened, registry = _registry(project)
    opened.model(name)
    found = registry.history(name)
    if as_json:
        _print_json(found)
    else:
        _say(output.history_text(found))


@models_app.command("compare")
def models_compare(
    name: NameArgument,
    first: Annotated[str, typer.Argument(metavar="V1", help="A version.")],
    second: Annotated[str, typer.Argument(metavar="V2", help="Another.")],
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Two versions measured on the same rows: the newest cutoff whose outcomes are known."""
    from churnml import output
    from churnml.models_job import compare

    opened, registry = _registry(project)
    found = compare(registry, opened.model(name), first, second, _data_of(project))
    if as_json:
        _print_json(found)
    else:
        _say(output.comparison_text(found))


@models_app.command("promote")
def models_promote(
    name: NameArgument,
    because: Annotated[str, typer.Option("--because", help="Why; kept in the history.")],
    version: Annotated[str | None, typer.Option(help="Its version.", show_default="newest")] = None,
    by: ByOption = None,
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Make a version champion by hand, whatever the verdict said."""
    from churnml.models_job import promote_by_hand

    opened, registry = _registry(project)
    opened.model(name)
    _tell_appointed(name, promote_by_hand(registry, name, version, because, by, _data_of(project)), as_json)


@models_app.command("rollback")
def models_rollback(
    name: NameArgument,
    to: Annotated[str | None, typer.Option(help="A version.", show_default="the champion before")] = None,
    because: Annotated[str | None, typer.Option("--because", help="Why; kept in the history.")] = None,
    by: ByOption = None,
    rescore: Annotated[bool, typer.Option("--rescore", help="Score the newest date again with it.")] = False,
    project: ProjectOption = HERE,
    no_prefect: PlainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make the champion before the present one champion again."""
    from churnml.models_job import roll_back

    opened, registry = _registry(project)
    opened.model(name)
    appointed = roll_back(registry, name, to, because, by, _data_of(project))
    if not rescore:
        _tell_appointed(name, appointed, as_json)
        return
    if not as_json:
        _tell_appointed(name, appointed, as_json)
    _engine(no_prefect)
    from pipelines.score import score as flow

    _tell(project, flow(project=str(project)), as_json)


def _tell_appointed(name: str, appointed: Any, as_json: bool) -> None:
    from dataclasses import asdict

    from churnml import output

    if as_json:
        _print_json({"model": name} | asdict(appointed))
    else:
        _say(output.appointed_text(name, asdict(appointed)))


def _data_of(project: Path) -> Any:
    """Opens the project's data, when they are asked for."""

    def opening() -> Any:
        from churnml import jobs
        from pipelines.clock import day
        from pipelines.progress import say

        return jobs.open_data(project, day(), say)

    return opening


def _registry(project: Path) -> tuple[Project, Any]:
    from churnml.adapters.project import open_project
    from churnml.adapters.registry import registry_of

    opened = open_project(project)
    return opened, registry_of(opened)


def _version(shown: bool) -> None:
    if shown:
        from churnml import __version__

        _say(f"churnml {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


if __name__ == "__main__":
    main()
