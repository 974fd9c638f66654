"""The page on systems that churnml writes sources for, from what is declared of them."""

from __future__ import annotations

from churnml.adapters.connectors.declared import SYSTEMS, ConnectorTable, Shape, System, system

INTRO = """\
# Sources for the systems that many companies have

With the tables of Stripe, Zendesk, HubSpot, Salesforce, Intercom or Chargebee nobody writes SQL:

```sh
mkdir -p my-company/data             # put the tables there, in folders named after their systems or side by side
churnml init my-company --from stripe,zendesk
churnml check --project my-company
```

1. Export or copy the tables into `my-company/data` (or name another folder with `--data`): CSV or Parquet, one file
   a table or a folder of files. Names may be the connector's (`subscription_history.csv`,
   `stripe_customer.parquet`), the export's (`Subscriptions.csv`), or have `_data`, dates or numbers behind them. Put
   a table of your product's events beside them: usage is your own, no system has it. Where the tables lie in a
   database, `--data '${WAREHOUSE_URL}'` names a variable with its URL.
2. `churnml init` looks at columns and values and finds out who wrote each table: Fivetran, Airbyte, or the system
   itself (`--shape fivetran|airbyte|csv` says it instead). It writes `project.yaml`, and a commented `sources/*.sql`
   for each contract table that can be made; it tells each choice, and what is missing and which features that costs.
3. Look the SQL over. It is yours from then on: the comments say what each choice means and where to change it.
4. `churnml check` counts what was set aside, tickets without a known account among it.

Where no tables are there yet, the sources stand over the documented ones, and `project.yaml` says where each file
goes.

## Which id is the account

The first system in `--from` names the accounts: `--from stripe,zendesk` makes an account of each customer of Stripe.
Its id is the one that your usage has: the customer's id, an id in its metadata (`account_id`, `external_id`, …) or
the domain of its e-mail, whichever has most values in common with usage; without usage, an id that the other systems
know, else the system's own. Rows of other systems find their account by the pair of columns that has most values in
common: an external id, a name, a domain. A domain that two accounts share names neither, nor does one of a free mail
service.

Ids that no account is known for are listed in `data/account_map.csv` (system, id, name, account_id): fill in
account_id. Until then their rows are called after their own system (`zendesk 370326104793`), set aside as
`unknown_account`, and counted by `churnml check`: nothing is dropped in silence.

## What is known when

| system | where known_at comes from | what is not known |
|---|---|---|
| Stripe | versions (`subscription_history`, or the rows Airbyte appended) and invoice lines, each at its own start | \
without both, changes before today; without versions, a notice that was taken back |
| Chargebee | versions, where there are some | without them, changes before today |
| HubSpot, Salesforce | when a deal or an opportunity was won, by the history of its stage | a deal's amount as it \
was then; contracts without an end are taken for a year |
| Zendesk | the history of each field (`ticket_field_history`, `ticket_audits`) and each comment | without it, \
reopenings, escalations and when a rating was given; first answers are exact to the minute only |
| Intercom | the parts of a conversation | without them, reopenings |

Owner, segment, industry and region are what they are today: they feed a model only where `static:` says that they
never change. Times are UTC, as connectors and Stripe's exports write them; a system's own export without a zone is
read as UTC too: change `'UTC'` in the SQL where it was made in another. Days and months that could change places are
not guessed: `churnml init` tells the column, and the SQL stops at it.

A simulated company written out as Stripe's and Zendesk's tables, as Fivetran and as Airbyte land them, gives the
features of the plain project to the bit. What the shapes cannot carry: satisfaction between good and bad (Zendesk
keeps the two, read as 5 and 1); and, the other way round, a ticket's first solution, which their histories have and
a plain export overwrites.
"""
TITLES = {Shape.FIVETRAN: "Fivetran", Shape.AIRBYTE: "Airbyte", Shape.CSV: "own export"}


def connectors_page() -> str:
    """docs/connectors.md: how to begin, and of each system its tables and what the contract is made of."""
    lines = [INTRO.rstrip()]
    for name in SYSTEMS:
        lines += _of_system(system(name))
    return "\n".join(lines) + "\n"


def _of_system(one: System) -> list[str]:
    lines = [
        "",
        f"## {one.spec.title}",
        "",
        "Shapes after " + ", ".join(f"<{url}>" for url in one.spec.documented) + ".",
    ]
    lines += ["", f"| table | {' | '.join(TITLES[shape] for shape in Shape)} | without it |", "|---|---|---|---|---|"]
    lines += [_row(table) for table in one.tables.values()]
    for contract_table in one.spec.gives:
        lines += ["", f"`{contract_table}`:", "", "```", *_said(one.template(contract_table)), "```"]
    return lines


def _row(table: ConnectorTable) -> str:
    names = (", ".join(f"`{name}`" for name in table.names[shape]) or "–" for shape in Shape)
    return f"| {table.spec.means} | {' | '.join(names)} | {table.spec.without or '–'} |"


def _said(template: str) -> list[str]:
    """What stands above a template's SELECT, without its marks."""
    above = template.split("WITH\n")[0].splitlines()
    return [line.removeprefix("--").removeprefix(" ") for line in above if "{{" not in line]
