"""A simulated company as its systems would hand it over day by day: what was known by each evening, and no more.

:func:`churnml.simulate.simulate` writes one export of two years. :class:`DailyExports` cuts it up again: each day's
export holds the rows and the facts that were known by then, as a CRM, a help desk and an event stream would give them.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from churnml.simulate.folder import write_csv

# table of the export → the column that says since when a row is known
KNOWN_SINCE = {"crm_accounts": "created_on", "contracts": "valid_from", "helpdesk_tickets": "created"}
# table → facts that a row gets later on, each known from the moment it names
LATER_FACTS = {
    "contracts": ("notice_received",),
    "helpdesk_tickets": ("first_reply", "closed", "reopened", "satisfaction_at", "escalated"),
}


@dataclass
class DailyExports:
    """The exports of a simulated company, one a day.

    Args:
        root: the folder that :func:`churnml.simulate.simulate` wrote; only its ``data`` is read.
    """

    root: Path
    tables: dict[str, pd.DataFrame] = field(init=False)
    events: pd.DataFrame = field(init=False)

    def __post_init__(self) -> None:
        self.tables = {name: pd.read_csv(self.root / "data" / f"{name}.csv", dtype=str) for name in KNOWN_SINCE}
        self.events = pd.read_parquet(self.root / "data" / "product_events.parquet")

    @property
    def last_day(self) -> dt.date:
        """The last full day of the export."""
        return (self.events["received_at"].max() - pd.Timedelta(hours=1)).date()

    def table(self, name: str, day: dt.date) -> pd.DataFrame:
        """A table as it was exported on the evening of ``day``."""
        evening = pd.Timestamp(day) + pd.Timedelta(days=1)
        rows = self.tables[name]
        rows = rows[~(_times(rows[KNOWN_SINCE[name]]) >= evening)].copy()
        for fact in LATER_FACTS.get(name, ()):
            rows.loc[_times(rows[fact]) >= evening, fact] = None
        if name == "contracts":
            # an end that lies ahead is known by the notice; that of replaced terms only when they are replaced
            ahead = (_times(rows["valid_to"]) >= evening) & rows["notice_received"].isna()
            rows.loc[ahead, "valid_to"] = None
        if name == "helpdesk_tickets":
            rows.loc[rows["satisfaction_at"].isna(), "satisfaction"] = None
        return rows

    def arrivals(self, first: dt.date, last: dt.date) -> pd.DataFrame:
        """The events that arrived from the morning of ``first`` to the evening of ``last``."""
        known = self.events["received_at"]
        begin, end = pd.Timestamp(first), pd.Timestamp(last) + pd.Timedelta(days=1)
        return self.events[(known >= begin) & (known < end)]

    def begin(self, project: Path, last: dt.date) -> None:
        """Writes a new project with everything known by the evening of ``last``."""
        (project / "data" / "events").mkdir(parents=True)
        (project / "sources").mkdir()
        for source in (self.root / "sources").glob("*.sql"):
            (project / "sources" / source.name).write_text(source.read_text("utf-8"), "utf-8")
        text = (self.root / "project.yaml").read_text("utf-8")
        text = re.sub(
            r"(?m)^\s+product_events:.*$", "  product_events: {path: data/events/*.parquet, grows: by_file}", text
        )
        text = re.sub(r"(?m)^(truth:.*|# only a simulated company.*)\n", "", text)
        (project / "project.yaml").write_text(text, "utf-8")
        self.hand_over(project, last, self.arrivals(dt.date(1990, 1, 1), last))

    def hand_over(self, project: Path, day: dt.date, events: pd.DataFrame | None) -> None:
        """Writes the evening's export: tables anew, events (None: none came) in a file of their own, the date last."""
        for name in KNOWN_SINCE:
            put(project, name, self.table(name, day))
        if events is not None:
            aside = project / "data" / f".events-{day}.part"
            events.to_parquet(aside, index=False)
            aside.replace(project / "data" / "events" / f"{day}.parquet")
        text = (project / "project.yaml").read_text("utf-8")
        aside = project / ".project.yaml.part"
        aside.write_text(re.sub(r"(?m)^data_through:.*$", f"data_through: {day}", text), "utf-8")
        aside.replace(project / "project.yaml")


def put(project: Path, name: str, rows: pd.DataFrame) -> None:
    """Writes a table of the export, whole or not at all."""
    aside = project / "data" / f".{name}.part"
    write_csv(rows, aside)
    aside.replace(project / "data" / f"{name}.csv")


def _times(column: pd.Series) -> pd.Series:
    return pd.to_datetime(column, format="mixed", errors="coerce")
