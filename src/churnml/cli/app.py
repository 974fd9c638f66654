"""The application and its groups of commands."""

import typer

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
work_app = typer.Typer(
    help="The work of the team: what is open, done, put off, handed on; and overrides of scores.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
health_app = typer.Typer(
    help="The health score: try a changed health.yaml, propose weights, judge overrides, count flaps.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(work_app, name="work")
app.add_typer(health_app, name="health")
deliveries_app = typer.Typer(
    help="What was or is to be told to others: look it up, try again what was given up.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(deliveries_app, name="deliveries")
app.add_typer(models_app, name="models")
