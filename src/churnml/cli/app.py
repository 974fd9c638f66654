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
app.add_typer(models_app, name="models")
