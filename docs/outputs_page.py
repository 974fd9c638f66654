"""The page on the views that others build on."""

from __future__ import annotations

from churnml.ledger.outputs import OUTPUT_SCHEMA, OUTPUT_VIEWS

HEAD = """# What others may build on

The operational store has views for BI and dbt, on SQLite and PostgreSQL alike. Their columns are version
**{version}** of the schema of outputs, and the view `output_schema` says so; the tables below them may change with any
release. The newest date is whole in one reading: a date is written in one transaction.

```sql
SELECT major, minor FROM output_schema;
SELECT owner_id, band, count(*), sum(mrr_at_risk) FROM scores_latest GROUP BY owner_id, band;
```

On PostgreSQL give BI a role of its own that sees the views and none of the tables. Who is held out of which playbook
stands in the tables alone, and whoever looks after accounts should not know it ([impact.md](impact.md)):

```sql
CREATE ROLE bi LOGIN;
GRANT USAGE ON SCHEMA public TO bi;
GRANT SELECT ON {views} TO bi;
```

A migration that changes the views makes them anew, so grants are given again after it. SQLite knows no roles: who
may read `churnml.db` reads all of it.

## How it changes

- A view or a column is added: the minor version counts up.
- A column goes, changes its name or its kind, or comes to mean something else: the major version counts up, and
  [CHANGELOG.md](../CHANGELOG.md) says what to read instead.
- A test holds the columns of this version against what the views hold and against this page.

Dates are ISO texts on SQLite. JSON is `json` on PostgreSQL (`dimensions ->> 'usage'`) and text on SQLite
(`json_extract(dimensions, '$.usage')`). Texts hold your own data: escape them where you show them.
"""


def outputs_page() -> str:
    """Every view with its columns."""
    version = ".".join(map(str, OUTPUT_SCHEMA))
    lines = [HEAD.format(version=version, views=", ".join(view.name for view in OUTPUT_VIEWS))]
    shown: dict[tuple[object, ...], str] = {}
    for view in OUTPUT_VIEWS:
        lines += [f"## {view.name}", "", f"A row is {view.grain}. {view.means}", ""]
        if earlier := shown.get(view.columns):
            lines += [f"Its columns are those of `{earlier}`.", ""]
            continue
        shown[view.columns] = view.name
        lines += ["| column | kind | what it is |", "|---|---|---|"]
        lines += [f"| `{column.name}` | {column.kind} | {column.means} |" for column in view.columns]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"
