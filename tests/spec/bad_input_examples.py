"""Bad inputs, each with its message, its exit code and what was kept: tests, and the rows of docs/bad-inputs.md.

Each row writes a small mistake into one tiny project that is right without it. A message is told to the letter, but
for what comes from a library, where … stands for anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CRM_HEAD = "account_id,created_at,segment\n"
DEALS_HEAD = "account_id,subscription_id,starts_at,ends_at,mrr\n"
PROJECT = """\
name: tiny
data_through: 2024-06-30
timezone: UTC
inputs:
  crm: {path: data/crm.csv}
  deals: {path: data/deals.csv}
"""
# Without usage: what is not about it needs none, and is read sooner.
TINY: Mapping[str, str] = {
    "project.yaml": PROJECT,
    "sources/accounts.sql": "SELECT * FROM crm\n",
    "sources/subscriptions.sql": "SELECT * FROM deals\n",
    "data/crm.csv": f"{CRM_HEAD}A1,2023-01-05,smb\nA2,2023-02-01,mid\n",
    "data/deals.csv": f"{DEALS_HEAD}A1,S1,2023-01-05,,100\nA2,S2,2023-02-01,,200\n",
}
SPEC = "name: churn\nmeans: it leaves\nlabel: {{kind: {label}}}\nfeatures: {{families: [{families}]}}\n"
HEALTH = """\
dimensions:
  money: {weight: 1, means: what it pays, inputs: [{feature: subscription_mrr}]}
risk: {weight: 1, points: [[0, 100], [4, 0]]}
bands: [{name: good, at_least: 50}, {name: bad, at_least: 0}]
"""
PLAYBOOKS = """\
playbooks:
  - {name: call, title: Call, goal: keep, enter: band == 'at_risk', do: [call]}
"""
CORRECT = "Correct the value; docs/specs.md lists what may stand here."
ONCE = "Keep one of them; the other would be passed over."
PYTHON = "docs/features.md, 'Features of your own', shows a whole example."
UTF_8 = "Save it as UTF-8; editors call it 'UTF-8' or 'Unicode (UTF-8)'."
TRUTH = "Only simulated companies have one: take the line out, or simulate again."
# What stands for the project's folder in a command.
FOLDER = "PROJECT"
THE_TABLES = "the tables as they were checked"


@dataclass(frozen=True)
class Written:
    """What is written into a file of the tiny project.

    Args:
        file: the file.
        content: what stands there then; None: the file is gone.
        shown: the part of it that is wrong.
    """

    file: str
    content: str | bytes | None
    shown: str

    def into(self, project: Path) -> None:
        """Writes it."""
        path = project / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.content is None:
            path.unlink()
        elif isinstance(self.content, bytes):
            path.write_bytes(self.content)
        else:
            path.write_text(self.content, "utf-8")


@dataclass(frozen=True)
class BadInput:
    """A mistake and what comes of it.

    Args:
        name: the mistake, in words.
        written: where it stands.
        message: what is wrong, as it is told.
        where: the file with line, key or row, as it is told after the project's folder.
        remedy: how to mend it, as it is told.
        command: what is typed.
        code: the exit code.
        kept: what is there afterwards; empty: nothing.
    """

    name: str
    written: tuple[Written, ...] = ()
    message: str = ""
    where: str = ""
    remedy: str = ""
    command: tuple[str, ...] = ("check",)
    code: int = 1
    kept: str = ""


def whole(file: str, content: str | bytes) -> Written:
    """A file that says this and nothing else."""
    return Written(file, content, content if isinstance(content, str) else content.decode("latin-1"))


def added(text: str) -> Written:
    """Lines below those of project.yaml."""
    return Written("project.yaml", PROJECT + text, text)


def instead(old: str, new: str) -> Written:
    """Something else in project.yaml."""
    return Written("project.yaml", _instead(PROJECT, old, new), new)


def gone(file: str) -> Written:
    """A file that is not there."""
    return Written(file, None, "")


def input_is(text: str) -> Written:
    """Another declaration of the input crm."""
    return instead("  crm: {path: data/crm.csv}\n", text)


def source(text: str | bytes, table: str = "accounts") -> Written:
    """A SELECT."""
    return whole(f"sources/{table}.sql", text)


def crm(text: str) -> Written:
    """Other accounts."""
    return whole("data/crm.csv", text)


def deals(text: str) -> Written:
    """Other contracts."""
    return whole("data/deals.csv", text)


def python(text: str) -> tuple[Written, ...]:
    """A Python file of features."""
    return added("python_features: own.py\n"), whole("own.py", text)


def model(label: str = "contract", families: str = "subscriptions.*", more: str = "") -> Written:
    """A declaration of the model churn."""
    content = SPEC.format(label=label, families=families) + more
    return Written("models/churn/spec.yaml", content, more or f"label: {{kind: {label}}} ⏎ families: [{families}]")


def health(old: str, new: str) -> Written:
    """Something else in a health.yaml."""
    return Written("models/health.yaml", _instead(HEALTH, old, new), new)


def playbooks(old: str, new: str) -> Written:
    """Something else in a playbooks.yaml."""
    return Written("models/playbooks.yaml", _instead(PLAYBOOKS, old, new), new)


def team(text: str) -> Written:
    """A team.yaml."""
    return whole("models/team.yaml", text)


def delivery(text: str) -> Written:
    """A delivery.yaml."""
    return whole("models/delivery.yaml", text)


def families(text: str) -> Written:
    """A features.yaml."""
    return whole("models/features.yaml", text)


def _instead(text: str, old: str, new: str) -> str:
    assert old in text, f"{old!r} does not stand there to be replaced"
    return text.replace(old, new)


# so that what is set aside of so few contracts stops nothing
MAY_LOSE = added("may_lose: 1\n")

# What is bad of which kind. Whoever changes how a kind is told changes its rows; new kinds come below.
BAD_INPUTS: Mapping[str, Sequence[BadInput]] = {
    "YAML that is not plain": (
        BadInput(
            "a key of project.yaml stands there twice",
            (added("timezone: Asia/Tokyo\n"),),
            "'timezone' stands there twice, in line 3 and in line 7.",
            "project.yaml, line 7",
            ONCE,
        ),
        BadInput(
            "a key inside another stands there twice",
            (input_is("  crm: {path: data/crm.csv, path: data/deals.csv}\n"),),
            "'inputs.crm.path' stands there twice, both times in line 5.",
            "project.yaml, line 5",
            ONCE,
        ),
        BadInput(
            "an input is declared twice",
            (input_is("  crm: {path: data/crm.csv}\n  crm: {path: data/deals.csv}\n"),),
            "'inputs.crm' stands there twice, in line 5 and in line 6.",
            "project.yaml, line 6",
            ONCE,
        ),
        BadInput(
            "one name is written in two ways",
            (team("people:\n  7: {minutes_a_week: 60}\n  '7': {minutes_a_week: 90}\n"),),
            "'people.7' stands there twice, in line 2 and in line 3.",
            "models/team.yaml, line 3",
            ONCE,
        ),
        BadInput(
            "a key of a model's declaration stands there twice",
            (model(more="seed: 1\nseed: 2\n"),),
            "'seed' stands there twice, in line 5 and in line 6.",
            "models/churn/spec.yaml, line 6",
            ONCE,
        ),
        BadInput(
            "a key of health.yaml stands there twice",
            (health("risk:", "min_coverage: 0.2\nmin_coverage: 0.9\nrisk:"),),
            "'min_coverage' stands there twice, in line 3 and in line 4.",
            "models/health.yaml, line 4",
            ONCE,
        ),
        BadInput(
            "a key of playbooks.yaml stands there twice",
            (playbooks("title: Call", "title: Call, title: Ring"),),
            "'playbooks.0.title' stands there twice, both times in line 2.",
            "models/playbooks.yaml, line 2",
            ONCE,
        ),
        BadInput(
            "a receiver is declared twice",
            (delivery("receivers:\n  files: {kind: drop, path: out}\n  files: {kind: drop, path: other}\n"),),
            "'receivers.files' stands there twice, in line 2 and in line 3.",
            "models/delivery.yaml, line 3",
            ONCE,
        ),
        BadInput(
            "a key of features.yaml stands there twice",
            (families("families:\n  - {name: own.opens, means: opens, measure: count, measure: share}\n"),),
            "'families.0.measure' stands there twice, both times in line 2.",
            "models/features.yaml, line 2",
            ONCE,
        ),
        BadInput(
            "a key of monitoring.yaml stands there twice",
            (whole("models/monitoring.yaml", "every: 28\nevery: 7\n"),),
            "'every' stands there twice, in line 1 and in line 2.",
            "models/monitoring.yaml, line 2",
            ONCE,
        ),
        BadInput(
            "a tab indents",
            (added("stores:\n\twork: results\n"),),
            "The file is not valid YAML (found character '\\t' that cannot start any token).",
            "project.yaml, line 8",
            "A tab stands where YAML wants blanks: indent with blanks only.",
        ),
        BadInput(
            "a bracket is not closed",
            (added("models: [churn\n"),),
            "The file is not valid YAML (expected ',' or ']', but got '<stream end>').",
            "project.yaml, line 8",
            "Close the bracket or brace, and put commas between its values.",
        ),
        BadInput(
            "a quote is not closed",
            (added("currency: 'EUR\n"),),
            "The file is not valid YAML (found unexpected end of stream).",
            "project.yaml, line 8",
            "Close the quote, bracket or brace that was opened.",
        ),
        BadInput(
            "a text holds a colon",
            (added("currency: EUR: euro\n"),),
            "The file is not valid YAML (mapping values are not allowed here).",
            "project.yaml, line 7",
            "Put a text that holds ': ' in quotes, and check the indentation.",
        ),
        BadInput(
            "a key has no colon",
            (added("currency EUR\nstatic: []\n"),),
            "The file is not valid YAML (could not find expected ':').",
            "project.yaml, line 8",
            "Write 'key: value' with a blank behind the colon, and check the line before.",
        ),
        BadInput(
            "a path in double quotes holds backslashes",
            (input_is('  crm: {path: "data\\crm.csv"}\n'),),
            "The file is not valid YAML (found unknown escape character 'c').",
            "project.yaml, line 5",
            "A backslash in double quotes begins an escape: use single quotes, or / in a path.",
        ),
        BadInput(
            "a text begins with a special sign",
            (added("currency: @EUR\n"),),
            "The file is not valid YAML (found character '@' that cannot start any token).",
            "project.yaml, line 7",
            "Put a text that begins with a special sign (@ ` %) in quotes.",
        ),
        BadInput(
            "an indentation is off",
            (added("stores:\n    work: results\n  registry: x\n"),),
            "The file is not valid YAML (expected <block end>, but found '<block mapping start>').",
            "project.yaml, line 9",
            "Check the indentation: keys of one mapping begin in the same column.",
        ),
        BadInput(
            "it is nested two thousand levels deep",
            (added("static: " + "[" * 2000 + "]" * 2000 + "\n"),),
            "It is nested more than 40 levels deep.",
            "project.yaml, line 7",
            "Nothing here needs that.",
        ),
        BadInput(
            "aliases stand for a billion values",
            (
                added(
                    "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: [*d, *d, *d, *d, *d, *d, *d, *d, *d]\n"
                ),
            ),
            "Its aliases (*name) stand for more than 10,000 values.",
            "project.yaml",
            "Write the values out.",
        ),
        BadInput(
            "an alias refers to itself",
            (added("static: &s [*s]\n"),),
            "An alias (*name) refers to what it stands in.",
            "project.yaml, line 7",
            "Write the value out.",
        ),
        BadInput(
            "an alias names nothing",
            (added("static: *attributes\n"),),
            "The file is not valid YAML (found undefined alias 'attributes').",
            "project.yaml, line 7",
            "Define it before with &name, or put a text that begins with * in quotes.",
        ),
        BadInput(
            "a tag asks for an object",
            (added("static: !!python/object/apply:os.getcwd []\n"),),
            "The file is not valid YAML here: tags (! before a value) are not read.",
            "project.yaml, line 7",
            "Write the value alone, in quotes if it begins with '!'.",
        ),
        BadInput(
            "a key is a list",
            (added("? [a, b]\n: c\n"),),
            "A key is a list or a mapping.",
            "project.yaml, line 7",
            "Put a text that begins with [ or { in quotes.",
        ),
        BadInput(
            "there are two documents",
            (added("---\nname: other\n"),),
            "The file is not valid YAML (but found another document).",
            "project.yaml, line 7",
            "Keep one document a file: remove the line '---' in its middle.",
        ),
        BadInput(
            "it is saved as Windows-1252",
            (whole("project.yaml", "name: caf\xe9\n".encode("cp1252")),),
            "The file cannot be read: it is not UTF-8 (the byte 0xe9).",
            "project.yaml, line 1",
            UTF_8,
        ),
        BadInput(
            "it is saved as UTF-16",
            (whole("project.yaml", "name: tiny\n".encode("utf-16")),),
            "The file cannot be read: it is UTF-16, not UTF-8.",
            "project.yaml",
            "Save it as UTF-8.",
        ),
        BadInput(
            "it holds a character that cannot be printed",
            (added("currency: E\x00UR\n"),),
            "The file is not valid YAML (it holds the unprintable character U+0000).",
            "project.yaml, line 7",
            "Remove the character, or save the file as plain UTF-8 text.",
        ),
        BadInput(
            "it is empty",
            (whole("project.yaml", ""),),
            "The file must be a mapping of keys to values.",
            "project.yaml",
            "See docs/specs.md.",
        ),
        BadInput(
            "it is a list",
            (whole("project.yaml", "- name: tiny\n"),),
            "The file must be a mapping of keys to values.",
            "project.yaml",
            "See docs/specs.md.",
        ),
    ),
    "project.yaml": (
        BadInput(
            "a key is misspelt",
            (instead("timezone:", "timezon:"),),
            "'timezon' is not a key that is known here.",
            "project.yaml, line 3",
            "Did you mean 'timezone'?",
        ),
        BadInput(
            "the inputs are missing",
            (whole("project.yaml", "name: tiny\n"),),
            "'inputs' is missing.",
            "project.yaml",
            "Add 'inputs:'.",
        ),
        BadInput(
            "the name holds a blank",
            (instead("name: tiny", "name: my project"),),
            "'name' cannot be used: it should match pattern '^[A-Za-z0-9][A-Za-z0-9_\\-]*$' (it says 'my project')",
            "project.yaml, line 1",
            CORRECT,
        ),
        BadInput(
            "the time zone is misspelt",
            (instead("timezone: UTC", "timezone: Europe/Berln"),),
            "'timezone' cannot be used: there is no time zone 'Europe/Berln'. Did you mean 'Europe/Berlin'? (it says 'Europe/Berln')",
            "project.yaml, line 3",
            CORRECT,
        ),
        BadInput(
            "the data end on a day that is none",
            (instead("data_through: 2024-06-30", "data_through: 2024-02-30"),),
            "'data_through' cannot be used: no calendar has this day (it says '2024-02-30')",
            "project.yaml, line 2",
            CORRECT,
        ),
        BadInput(
            "the data end in the last year there is",
            (instead("data_through: 2024-06-30", "data_through: 9999-12-31"),),
            "'data_through' cannot be used: days from 1970-01-01 to 2199-12-31 can be reckoned with (it says '9999-12-31')",
            "project.yaml, line 2",
            CORRECT,
        ),
        BadInput(
            "the end of the data is a number",
            (instead("data_through: 2024-06-30", "data_through: 20240630"),),
            "'data_through' cannot be used: write the date as YYYY-MM-DD (it says 20240630)",
            "project.yaml, line 2",
            CORRECT,
        ),
        BadInput(
            "the end of the data is a time",
            (instead("data_through: 2024-06-30", "data_through: 2024-06-30 12:00"),),
            "'data_through' cannot be used: a day must stand there, without a time (it says '2024-06-30 12:00')",
            "project.yaml, line 2",
            CORRECT,
        ),
        BadInput(
            "a format of times holds an unknown letter",
            (added("time_formats: ['%Q %']\n"),),
            "'time_formats' cannot be used: '%Q %' holds '%Q', which stands for no part of a time",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "a format of times ends in a percent sign",
            (added("time_formats: ['%d/%m/%Y %']\n"),),
            "'time_formats' cannot be used: '%d/%m/%Y %' ends in '%'; a letter must follow, as in %d/%m/%Y",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "a format of times is Java's",
            (added("time_formats: [dd/MM/yyyy]\n"),),
            "'time_formats' cannot be used: 'dd/MM/yyyy' names no year; write a format such as %d/%m/%Y or %Y-%m-%d %H:%M",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "a format of times names no year",
            (added("time_formats: ['%d.%m.']\n"),),
            "'time_formats' cannot be used: '%d.%m.' names no year; write a format such as %d/%m/%Y or %Y-%m-%d %H:%M",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "a time is declared static",
            (added("static: [created_at]\n"),),
            "'static' cannot be used: 'created_at' is no attribute of an account that a model could use",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "the key is declared static",
            (added("static: [account_id]\n"),),
            "'static' cannot be used: 'account_id' is no attribute of an account that a model could use",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "an attribute is declared static twice",
            (added("static: [segment, segment]\n"),),
            "'static' cannot be used: 'segment' stands there twice",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "a static attribute is misspelt",
            (added("static: [segmnt]\n"),),
            "The project declares 'segmnt' static, but table accounts has no such column.",
            "project.yaml, static:",
            "Did you mean 'segment'?",
        ),
        BadInput(
            "a model stands there twice",
            (added("models: [churn, churn]\n"),),
            "'models' cannot be used: 'churn' stands there twice",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "a model is misspelt",
            (added("models: [chrun]\n"),),
            "There is no model named 'chrun'.",
            "project.yaml, models:",
            "Did you mean 'churn'?",
        ),
        BadInput(
            "there are no models",
            (added("models: []\n"),),
            "'models' cannot be used: it should have at least 1 item, not 0",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "a list is a word",
            (added("models: churn\n"),),
            "'models' cannot be used: a list must stand there, as in [one, other] (it says 'churn')",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "checks are about no table",
            (added("checks: {acounts: {future: warn}}\n"),),
            "'checks' cannot be used: there is no contract table 'acounts'. Did you mean 'accounts'?",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "a check is misspelt",
            (added("checks: {accounts: {futur: warn}}\n"),),
            "'checks' cannot be used: there is no check 'futur'. Did you mean 'future'?",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "a check does what there is not",
            (added("checks: {accounts: {future: ignore}}\n"),),
            "'checks.accounts.future' cannot be used: it should be 'quarantine' or 'warn' (it says 'ignore')",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "a break is misspelt",
            (added("watch: {usage_events: {ded: hold}}\n"),),
            "'watch.usage_events.ded' cannot be used: it should be 'dead', 'emptied', 'shrunk', 'fall', 'rise', 'renamed', 'stopped', 'new_event', 'duplicates', 'values', 'nulls', 'columns', 'ids', 'aside' or 'late' (it says 'ded')",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "a region is no country",
            (added("region: XX\n"),),
            "'region' cannot be used: there is no country 'XX' (an ISO code: DE, or US-CA for a part of one). What exists: 'AD', 'AE', 'AF', 'AG', 'AI', 'AL', 'AM', 'AO', 'AQ', 'AR', 'AS', 'AT' and 239 more. (it says 'XX')",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "an event is renamed to itself",
            (added("renamed_events: {open: open}\n"),),
            "'renamed_events' cannot be used: 'open' is renamed to itself",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "a core event stands there twice",
            (added("core_events: [open, open]\n"),),
            "'core_events' cannot be used: 'open' stands there twice",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "a schedule has four fields",
            (added("schedules: {score: {cron: '0 5 * *'}}\n"),),
            "'schedules.score.cron' cannot be used: this is no cron line of five fields (minute, hour, day, month and weekday are wanted) (it says '0 5 * *')",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "a schedule has two clocks",
            (added("schedules: {score: {cron: '0 5 * * *', every_seconds: 60}}\n"),),
            "'schedules.score' cannot be used: give either 'cron' or 'every_seconds'",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "scores are kept for a week",
            (added("retention: {scores_days: 7}\n"),),
            "'retention.scores_days' cannot be used: it should be greater than or equal to 90 (it says 7)",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "scores are kept for ever and a day",
            (added("retention: {scores_days: 99999999999999999999}\n"),),
            "'retention.scores_days' cannot be used: it should be less than or equal to 36525 (it says '99999999999999999999')",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "an engine is misspelt",
            (added("engine: duckbd\n"),),
            "'engine' cannot be used: it should be 'duckdb', 'spark' or 'postgres' (it says 'duckbd')",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "a number is infinite",
            (added("schedules: {score: {timeout_minutes: .inf}}\n"),),
            "'schedules.score.timeout_minutes' cannot be used: the number must be finite (it says inf)",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "nothing stands under stores",
            (added("stores: {work: }\n"),),
            "'stores.work' cannot be used: a text must stand there; put it in quotes (nothing stands there)",
            "project.yaml, line 7",
            CORRECT,
        ),
    ),
    "Stores and secrets": (
        BadInput(
            "stores is an address",
            (added('stores: "postgresql://ada:hunter2@db.example/churn"\n'),),
            "'stores' cannot be used: keys and values must stand under it (an address, which may hold a password, stands there)",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "the store is of an unknown kind",
            (added("stores: {operational: 'mysql://ada:hunter2@db.example/churn'}\n"),),
            "The operational store cannot be a mysql database.",
            "project.yaml, stores: operational",
            "Use sqlite:///… or postgresql://….",
            command=("queue",),
        ),
        BadInput(
            "the store is no address",
            (added("stores: {operational: results.db}\n"),),
            "The operational store cannot be opened: what is declared is no address of a database.",
            "project.yaml, stores: operational",
            "Use sqlite:///… or postgresql://…, or leave it out for a file in the project's own folder.",
            command=("queue",),
        ),
        BadInput(
            "the store's variable is not set",
            (added("stores: {operational: '${NOT_SET_ANYWHERE}'}\n"),),
            "The environment variable NOT_SET_ANYWHERE is not set.",
            "project.yaml, stores: operational",
            "Set it: export NOT_SET_ANYWHERE=…",
            command=("queue",),
        ),
        BadInput(
            "a database is declared as a file",
            (input_is("  crm: {path: 'postgresql://ada:hunter2@db.example/crm'}\n"),),
            "The … of input 'crm' is …",
            "project.yaml, inputs: crm",
        ),
        BadInput(
            "a database is declared without a table",
            (input_is("  crm: {database: 'postgresql://ada:hunter2@db.example/crm'}\n"),),
            "'inputs.crm' cannot be used: 'database' (a URL) and 'table' go together",
            "project.yaml, line 5",
            CORRECT,
        ),
        BadInput(
            "an address stands where an input must",
            (input_is("  crm: 'postgresql://ada:hunter2@db.example/crm'\n"),),
            "'inputs.crm' cannot be used: keys and values must stand under it (an address, which may hold a password, stands there)",
            "project.yaml, line 5",
            CORRECT,
        ),
        BadInput(
            "an address is the name of an input",
            (input_is("  'postgresql://ada:hunter2@db.example/crm': {table: crm}\n"),),
            "'inputs.postgresql://***@db.example/crm' cannot be used: a name here has small letters, digits and _ only, and begins with a letter (an address, which may hold a password, stands there)",
            "project.yaml, line 5 (and 1 more to mend)",
            CORRECT,
        ),
        BadInput(
            "a database is of an unknown kind",
            (input_is("  crm: {database: 'postgrsql://ada:hunter2@db.example/crm', table: crm}\n"),),
            "The database of input 'crm' is of a kind that is not known here.",
            "project.yaml, inputs: crm",
            "Its URL begins with postgresql://, mysql+pymysql://, sqlite:/// …; other kinds need the package with their "
            "dialect of SQLAlchemy.",
        ),
        BadInput(
            "a database's variable is not set",
            (input_is("  crm: {database: '${NOT_SET_ANYWHERE}', table: crm}\n"),),
            "The environment variable NOT_SET_ANYWHERE is not set.",
            "project.yaml, inputs: crm",
            "Set it: export NOT_SET_ANYWHERE=…",
        ),
        BadInput(
            "a secret stands in delivery.yaml",
            (delivery("receivers:\n  hook: {kind: webhook, url: 'https://x.example', secret: hunter2}\n"),),
            "'receivers' cannot be used: 'secret' of receiver 'hook' is a secret: keep all of it in an environment variable and write secret: ${NAME}",
            "models/delivery.yaml, line 1",
            CORRECT,
        ),
        BadInput(
            "half of a secret stands in delivery.yaml",
            (delivery("receivers:\n  hook: {kind: webhook, url: 'https://x.example', secret: 'hunter2${HOME}'}\n"),),
            "'receivers' cannot be used: 'secret' of receiver 'hook' is a secret: keep all of it in an environment variable and write secret: ${NAME}",
            "models/delivery.yaml, line 1",
            CORRECT,
        ),
        BadInput(
            "a receiver's address holds a password",
            (
                delivery(
                    "receivers:\n  hook: {kind: webhook, url: 'https://ada:hunter2@x.example', secret: '${HOOK}'}\n"
                ),
            ),
            "'receivers' cannot be used: 'url' of receiver 'hook' must hold no user name and no password",
            "models/delivery.yaml, line 1",
            CORRECT,
        ),
        BadInput(
            "a database's server is away",
            (input_is("  crm: {database: 'postgresql+psycopg://ada:hunter2@127.0.0.1:1/crm', table: crm}\n"),),
            "The database of input 'crm' does not answer.",
            "project.yaml, inputs: crm",
            "Look whether it is running and can be reached from here under that name and port, and run it again: what was not "
            "written whole was not written.",
            code=75,
        ),
        BadInput(
            "the store's server is away",
            (added("stores: {operational: 'postgresql://ada:hunter2@127.0.0.1:1/churn'}\n"),),
            "The operational store does not answer.",
            "project.yaml, stores: operational",
            "Look whether it is running and can be reached from here under that name and port, and run it again: what was not "
            "written whole was not written.",
            command=("queue",),
            code=75,
        ),
        BadInput(
            "results have no folder of their own",
            (added("stores: {work: ''}\n"),),
            "'stores.work' cannot be used: results need a folder of their own, as in .churnml (it says '')",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "results shall lie where a file is",
            (added("stores: {work: data/crm.csv}\n"),),
            "The folder for results cannot be written.",
            "data/crm.csv",
            "Make it writable, or set stores: work: in project.yaml. (File exists)",
        ),
    ),
    "Inputs": (
        BadInput(
            "the file is not there",
            (input_is("  crm: {path: data/customers.csv}\n"),),
            "The file of input 'crm' is not there.",
            "project.yaml, inputs: crm: path: data/customers.csv",
            "Correct the path (it is relative to the project folder), or put the file there.",
        ),
        BadInput(
            "no file matches",
            (input_is("  crm: {path: data/crm/*.csv}\n"),),
            "No file matches the path of input 'crm'.",
            "project.yaml, inputs: crm: path: data/crm/*.csv",
            "Correct the path (it is relative to the project folder), or put the file there.",
        ),
        BadInput(
            "a file and a database",
            (input_is("  crm: {path: data/crm.csv, database: 'sqlite:///x.db', table: crm}\n"),),
            "'inputs.crm' cannot be used: give either 'path' (a file) or 'database' with 'table'",
            "project.yaml, line 5",
            CORRECT,
        ),
        BadInput(
            "a database grows by file",
            (input_is("  crm: {database: 'sqlite:///x.db', table: crm, grows: by_file}\n"),),
            "'inputs.crm' cannot be used: 'grows: by_file' is for files, not for a database",
            "project.yaml, line 5",
            CORRECT,
        ),
        BadInput(
            "a delimiter has two letters",
            (input_is("  crm: {path: data/crm.csv, delimiter: ';;'}\n"),),
            "'inputs.crm.delimiter' cannot be used: a delimiter is one character; a tab is written as \\t (it says ';;')",
            "project.yaml, line 5",
            CORRECT,
        ),
        BadInput(
            "an encoding is unknown",
            (input_is("  crm: {path: data/crm.csv, encoding: klingon}\n"),),
            "'inputs.crm.encoding' cannot be used: there is no encoding 'klingon'; usual ones are utf-8, utf-16, "
            "windows-1252 and shift_jis (it says 'klingon')",
            "project.yaml, line 5",
            CORRECT,
        ),
        BadInput(
            "the file is empty",
            (crm(""),),
            "The file of input 'crm' is empty; it does not even have a header.",
            "data/crm.csv",
            "Export it again with its column names in the first line.",
        ),
        BadInput(
            "the file has a header only",
            (crm("account_id,created_at,segment\n"),),
            "Table accounts has no rows.",
            "sources/accounts.sql",
            "Check the input file and the SELECT's WHERE.",
        ),
        BadInput(
            "the file is no Parquet",
            (input_is("  crm: {path: data/crm.csv, format: parquet}\n"),),
            "Input 'crm' cannot be read as Parquet.",
            "data/crm.csv",
            "Declare 'format: csv' if it is one. (Invalid Input Error: No magic bytes found at end of file 'data/crm.csv')",
        ),
        BadInput(
            "a path is too long",
            (input_is(f"  crm: {{path: {'x' * 400}}}\n"),),
            "The path of input 'crm' cannot be followed (File name too long).",
            "project.yaml, inputs: crm: path:",
            "Correct the path (it is relative to the project folder).",
        ),
        BadInput(
            "a pattern is none",
            (input_is("  crm: {path: data/a**b.csv}\n"),),
            "The path of input 'crm' cannot be followed (…).",
            "project.yaml, inputs: crm: path:",
            "Correct the path (it is relative to the project folder).",
        ),
        BadInput(
            "a path holds a zero byte",
            (input_is('  crm: {path: "data\\0.csv"}\n'),),
            "The file is not valid YAML here: a text holds a zero byte.",
            "project.yaml, line 5",
            "Remove the \\0.",
        ),
    ),
    "sources/*.sql": (
        BadInput(
            "a required column is missing",
            (source("SELECT account_id FROM crm\n"),),
            "Table accounts lacks its required column 'created_at' (when it became known to us).",
            "sources/accounts.sql",
            "Select it, for instance as '… AS created_at'. What exists: 'account_id'.",
        ),
        BadInput(
            "a column is misspelt",
            (source("SELECT acount_id AS account_id, created_at FROM crm\n"),),
            "The inputs have no column 'acount_id'.",
            "sources/accounts.sql",
            "Did you mean 'account_id'?",
        ),
        BadInput(
            "an input is misspelt",
            (source("SELECT * FROM crn\n"),),
            "There is no input named 'crn'.",
            "sources/accounts.sql",
            "Did you mean 'crm'? Inputs are declared in project.yaml.",
        ),
        BadInput(
            "it is no SQL",
            (source("SELEC * FROM crm\n"),),
            "This is not valid SQL.",
            "sources/accounts.sql",
            'Parser Error: syntax error at or near "SELEC"',
        ),
        BadInput(
            "it is two statements",
            (source("SELECT * FROM crm; DROP TABLE crm\n"),),
            "A source must be one SELECT.",
            "sources/accounts.sql",
            "Write a single SELECT over the declared inputs.",
        ),
        BadInput(
            "it changes something",
            (source("DELETE FROM crm\n"),),
            "A source must be one SELECT.",
            "sources/accounts.sql",
            "Write a single SELECT over the declared inputs.",
        ),
        BadInput(
            "it reads a file that is no input",
            (source("SELECT * FROM read_csv('/etc/hosts')\n"),),
            "The source cannot be run.",
            "sources/accounts.sql",
            'Permission Error: Cannot access file "/etc/hosts" - file system operations are disabled by configuration',
        ),
        BadInput(
            "it is saved as Windows-1252",
            (source("SELECT * FROM crm -- caf\xe9\n".encode("cp1252")),),
            "The file cannot be read: it is not UTF-8 (the byte 0xe9).",
            "sources/accounts.sql, line 1",
            UTF_8,
        ),
        BadInput(
            "it is named after no table",
            (source("SELECT * FROM crm\n", "acounts"),),
            "There is no contract table named 'acounts'.",
            "sources/acounts.sql",
            "Did you mean 'accounts'?",
        ),
        BadInput(
            "there are no accounts",
            (gone("sources/accounts.sql"),),
            "The project does not say where its accounts come from.",
            "sources/accounts.sql",
            "Write one SELECT over your inputs that gives account_id and created_at; 'churnml init' writes an example.",
        ),
    ),
    "True probabilities": (
        BadInput(
            "the file is not there",
            (added("truth: truth/probabilities.parquet\n"),),
            "There is no file 'truth/probabilities.parquet'.",
            "project.yaml, truth:",
            TRUTH,
            kept=THE_TABLES,
        ),
        BadInput(
            "the file is another one",
            (added("truth: data/crm.csv\n"),),
            "'data/crm.csv' is no Parquet file with the columns account_id and as_of.",
            "project.yaml, truth:",
            TRUTH,
            kept=THE_TABLES,
        ),
    ),
    "Python features": (
        BadInput(
            "the file is not there",
            (added("python_features: own.py\n"),),
            "The project's file of Python features is not there.",
            "own.py",
            PYTHON,
        ),
        BadInput(
            "the path leads to no Python file",
            (added("python_features: own.txt\n"),),
            "'python_features' cannot be used: it should match pattern '^[A-Za-z0-9_\\-./]+\\.py$' (it says 'own.txt')",
            "project.yaml, line 7",
            CORRECT,
        ),
        BadInput(
            "it ends the program",
            python("import sys\nsys.exit(3)\n"),
            "The project's file of Python features cannot be run (SystemExit: 3).",
            "own.py, line 2",
            PYTHON,
        ),
        BadInput(
            "it fails",
            python("import no_such_module\n"),
            "The project's file of Python features cannot be run (ModuleNotFoundError: No module named 'no_such_module').",
            "own.py, line 1",
            PYTHON,
        ),
        BadInput(
            "it is no Python",
            python("def families(:\n"),
            "The project's file of Python features cannot be run (SyntaxError: invalid syntax (own.py, line 1)).",
            "own.py, line 1",
            PYTHON,
        ),
        BadInput(
            "it lists nothing",
            python("FAMILIES = None\n"),
            "The file does not list its families in FAMILIES.",
            "own.py",
            PYTHON,
        ),
        BadInput(
            "a family fails",
            python(
                "from churnml.features import Family\nFAMILIES = [Family('own.x', 'usage_events', 'x', lambda wish: 1 / 0)]\n"
            ),
            "The features of family 'own.x' cannot be made (ZeroDivisionError: division by zero).",
            "own.py, line 2",
            PYTHON,
        ),
        BadInput(
            "a family has the name of one of ours",
            python(
                "from churnml.features import Family\nFAMILIES = [Family('usage.events', 'usage_events', 'x', lambda wish: ())]\n"
            ),
            "There is a feature family 'usage.events' in the catalogue already.",
            "own.py",
            "Give yours another name.",
        ),
    ),
    "models/*.yaml": (
        BadInput(
            "a key is misspelt",
            (model("contract, horizn: 91"),),
            "'label.horizn' is not a key that is known here.",
            "models/churn/spec.yaml, line 3",
            "Did you mean 'horizon'?",
        ),
        BadInput(
            "a model's label is of no kind",
            (model("chrun"),),
            "'label.kind' cannot be used: it should be 'contract', 'lapse', 'event', 'upsell' or 'contraction' (it says 'chrun')",
            "models/churn/spec.yaml, line 3",
            CORRECT,
        ),
        BadInput(
            "a label by events says how long activity counts",
            (model("event, active_within: 30"),),
            "'label' cannot be used: 'active_within' is not for a label of kind 'event' (only for lapse)",
            "models/churn/spec.yaml, line 3",
            CORRECT,
        ),
        BadInput(
            "a label by contract waits for late rows",
            (model("contract, settle: 5"),),
            "'label' cannot be used: 'settle' is not for a label of kind 'contract' (only for lapse, event, contraction)",
            "models/churn/spec.yaml, line 3",
            CORRECT,
        ),
        BadInput(
            "a label by lapse has a grace period",
            (model("lapse, grace: 30"),),
            "'label' cannot be used: 'grace' is not for a label of kind 'lapse' (only for contract)",
            "models/churn/spec.yaml, line 3",
            CORRECT,
        ),
        BadInput(
            "upsell is not said",
            (model("upsell"),),
            "'label' cannot be used: an upsell label needs mrr_up_by, seats_up_by, plans or starts_paying",
            "models/churn/spec.yaml, line 3",
            CORRECT,
        ),
        BadInput(
            "upsell is infinite",
            (model("upsell, mrr_up_by: .inf"),),
            "'label.mrr_up_by' cannot be used: the number must be finite (it says inf)",
            "models/churn/spec.yaml, line 3",
            CORRECT,
        ),
        BadInput(
            "a horizon is a word",
            (model("contract, horizon: soon"),),
            "'label.horizon' cannot be used: a whole number must stand there (it says 'soon')",
            "models/churn/spec.yaml, line 3",
            CORRECT,
        ),
        BadInput(
            "a table that the label needs is missing",
            (model("event"),),
            "A label of kind 'event' needs the table churn_events, which the project does not have.",
            "models/churn/spec.yaml",
            "Write sources/churn_events.sql, or declare another kind of label.",
            kept=THE_TABLES,
        ),
        BadInput(
            "a family of features is misspelt",
            (model(families="subscription.*"),),
            "There is no feature family named 'subscription.*'.",
            "models/churn/spec.yaml",
            "Did you mean 'subscriptions.*'?",
        ),
        BadInput(
            "the model calls itself otherwise",
            (
                whole(
                    "models/churn/spec.yaml",
                    SPEC.format(label="contract", families="subscriptions.*").replace("name: churn", "name: leaving"),
                ),
            ),
            "The declaration of model 'churn' calls itself 'leaving'.",
            "models/churn/spec.yaml",
            "Set name: churn.",
        ),
        BadInput(
            "a weight is infinite",
            (health("weight: 1, means", "weight: .inf, means"),),
            "'dimensions.money.weight' cannot be used: the number must be finite (it says inf)",
            "models/health.yaml, line 2",
            CORRECT,
        ),
        BadInput(
            "a weight is no number",
            (health("weight: 1, means", "weight: .nan, means"),),
            "'dimensions.money.weight' cannot be used: the number must be finite (it says nan)",
            "models/health.yaml, line 2",
            CORRECT,
        ),
        BadInput(
            "weights whose sum is infinite",
            (whole("models/health.yaml", HEALTH.replace("weight: 1,", "weight: 1e308,")),),
            "'dimensions.money.weight' cannot be used: it should be less than or equal to 1000000 (it says '1e308')",
            "models/health.yaml, line 2 (and 1 more to mend)",
            CORRECT,
        ),
        BadInput(
            "a weight is zero",
            (health("weight: 1, means", "weight: 0, means"),),
            "'dimensions.money.weight' cannot be used: it should be greater than or equal to 0.000001 (it says 0)",
            "models/health.yaml, line 2",
            CORRECT,
        ),
        BadInput(
            "a feature of the score is misspelt",
            (
                health("subscription_mrr", "subscription_mmr"),
                whole("models/playbooks.yaml", PLAYBOOKS.replace("at_risk", "bad")),
            ),
            "There is no feature named 'subscription_mmr'.",
            "models/health.yaml, dimension 'money'",
            "Did you mean 'subscription_mrr'?",
            kept=THE_TABLES,
        ),
        BadInput(
            "the bands leave a hole",
            (health("at_least: 0}", "at_least: 10}"),),
            "'bands' cannot be used: bands go from best to worst, and the last starts at 0",
            "models/health.yaml, line 4",
            CORRECT,
        ),
        BadInput(
            "a rule names a band that is not there",
            (playbooks("at_risk", "at_rsk"),),
            "There is no band named 'at_rsk'.",
            "models/playbooks.yaml, playbook 'call', enter, column 9",
            "Did you mean 'at_risk'?",
        ),
        BadInput(
            "a rule names what is not known",
            (playbooks("band == 'at_risk'", "helth < 3"),),
            "There is no fact named 'helth'.",
            "models/playbooks.yaml, playbook 'call', enter, column 1",
            "Did you mean 'health'?",
        ),
        BadInput(
            "a rule is not finished",
            (playbooks("band == 'at_risk'", "health <"),),
            "The rule cannot be read: a fact, a number or a text is missing at the end.",
            "models/playbooks.yaml, playbook 'call', enter, column 9",
            "docs/playbooks.md shows all that may stand in a rule.",
        ),
        BadInput(
            "a rule can never hold",
            (playbooks("band == 'at_risk'", "health > 80 and health < 20"),),
            "The rule can never hold: health > 80 and health < 20",
            "models/playbooks.yaml, playbook 'call', enter",
            "Its conditions exclude each other. Correct the one that is not meant.",
        ),
        BadInput(
            "a playbook has no name",
            (playbooks("name: call, ", ""),),
            "'playbooks.0.name' is missing.",
            "models/playbooks.yaml, line 2 (and 1 more to mend)",
            "Add 'name:'.",
        ),
        BadInput(
            "a cost is infinite",
            (playbooks("do: [call]", "do: [call], cost: .inf"),),
            "'playbooks.0.cost' cannot be used: the number must be finite (it says inf)",
            "models/playbooks.yaml, line 2 (and 1 more to mend)",
            CORRECT,
        ),
        BadInput(
            "somebody stands in who is not there",
            (team("people:\n  ada: {stand_in: boo}\n  bob: {}\n"),),
            "The file cannot be used as it is: 'boo', who stands in for 'ada', is not among the people. Did you mean 'bob'?",
            "models/team.yaml",
            CORRECT,
        ),
        BadInput(
            "somebody is away backwards",
            (team("people:\n  ada: {away: [{from: 2024-07-02, to: 2024-07-01}]}\n"),),
            "'people.ada.away.0' cannot be used: 'from' is after 'to'",
            "models/team.yaml, line 2",
            CORRECT,
        ),
        BadInput(
            "a holiday is no day",
            (team("holidays: [2023-02-29]\n"),),
            "'holidays.0' cannot be used: no calendar has this day (it says '2023-02-29')",
            "models/team.yaml, line 1",
            CORRECT,
        ),
        BadInput(
            "a receiver is of no kind",
            (delivery("receivers:\n  hook: {kind: webhok}\n"),),
            "'receivers' cannot be used: receiver 'hook' has no known kind. Did you mean 'webhook'?",
            "models/delivery.yaml, line 1",
            CORRECT,
        ),
        BadInput(
            "a receiver asks for a playbook that is not there",
            (delivery("receivers:\n  files: {kind: drop, path: out, when: {playbooks: [cal]}}\n"),),
            "There is no playbook named 'cal'.",
            "models/delivery.yaml, receivers: files: when: playbooks:",
            "What exists: 'in_trouble', 'ready_to_grow', 'rescue_before_renewal', 'unhappy_with_support', 'usage_is_fading'.",
        ),
        BadInput(
            "the base of retention is misspelt",
            (whole("models/metrics.yaml", "denominator: renewal_due\n"),),
            "'denominator' cannot be used: it should be 'opening_mrr' or 'renewals_due' (it says 'renewal_due')",
            "models/metrics.yaml, line 1",
            CORRECT,
        ),
        BadInput(
            "the fiscal year is declared a second time",
            (whole("models/metrics.yaml", "fiscal_year_starts: 4\n"),),
            "The file cannot be used as it is: fiscal_year_starts stands in project.yaml, for the calendar and the metrics alike",
            "models/metrics.yaml",
            CORRECT,
        ),
        BadInput(
            "a trigger has two bounds",
            (whole("models/monitoring.yaml", "triggers: [{figure: score_drift, above: 1, below: 2}]\n"),),
            "'triggers.0' cannot be used: give either 'above' or 'below'",
            "models/monitoring.yaml, line 1",
            CORRECT,
        ),
        BadInput(
            "a trigger's figure is misspelt",
            (whole("models/monitoring.yaml", "triggers: [{figure: scor_drift, above: 1}]\n"),),
            "'triggers.0.figure' cannot be used: it should be 'score_drift', 'feature_drift', 'expected_roc_auc', 'expected_average_precision', 'expected_precision_at_capacity', 'realised_roc_auc', 'realised_average_precision', 'realised_brier', 'realised_log_loss', 'realised_calibration_error', 'realised_seen_over_said', 'realised_calibration_slo… (it says 'scor_drift')",
            "models/monitoring.yaml, line 1",
            CORRECT,
        ),
        BadInput(
            "a family of one's own has no such measure",
            (families("families:\n  - {name: own.opens, means: opens, measure: cnt}\n"),),
            "'families.0' cannot be used: usage_events has no measure 'cnt'. Did you mean 'count'?",
            "models/features.yaml, line 2 (and 1 more to mend)",
            CORRECT,
        ),
        BadInput(
            "a family of one's own has the name of one of ours",
            (families("families:\n  - {name: usage.events, means: opens, measure: count}\n"),),
            "'families' cannot be used: there is a family 'usage.events' in the catalogue already; give yours another name",
            "models/features.yaml, line 1",
            CORRECT,
        ),
    ),
    "Rows that are set aside": (
        BadInput(
            "an id is missing",
            (crm(CRM_HEAD + "A1,2023-01-05,smb\n,2023-02-01,mid\n"), MAY_LOSE),
            kept="accounts: 1 kept, 1 set aside as missing; subscriptions: 1 kept, 1 set aside as unknown_account",
            code=0,
        ),
        BadInput(
            "an id stands there twice",
            (crm(CRM_HEAD + "A1,2023-01-05,smb\nA2,2023-02-01,mid\nA2,2023-03-01,mid\n"), MAY_LOSE),
            kept="accounts: 2 kept, 1 set aside as duplicate; subscriptions: 2 kept",
            code=0,
        ),
        BadInput(
            "a date is a word",
            (crm(CRM_HEAD + "A1,2023-01-05,smb\nA2,soon,mid\n"), MAY_LOSE),
            kept="accounts: 1 kept, 1 set aside as unreadable; subscriptions: 1 kept, 1 set aside as unknown_account",
            code=0,
        ),
        BadInput(
            "an account is of the future",
            (crm(CRM_HEAD + "A1,2023-01-05,smb\nA2,2031-01-01,mid\n"), MAY_LOSE),
            kept="accounts: 1 kept, 1 set aside as future; subscriptions: 1 kept, 1 set aside as unknown_account",
            code=0,
        ),
        BadInput(
            "a line has a field too many",
            (crm(CRM_HEAD + "A1,2023-01-05,smb\nA2,2023-02-01,mid,x\n"), MAY_LOSE),
            kept="accounts: 1 kept, 1 set aside as malformed_line; subscriptions: 1 kept, 1 set aside as unknown_account",
            code=0,
        ),
        BadInput(
            "no row can be kept",
            (crm(CRM_HEAD + "A1,soon,smb\n"),),
            "Every row of table accounts was set aside: 1 × unreadable (created_at 'soon', row 1).",
            "sources/accounts.sql",
            "Mend the rows, declare time_formats: if dates cannot be read, let a check warn under checks:, or declare how much "
            "may_lose: in project.yaml.",
        ),
        BadInput(
            "a contract is of an account that is not there",
            (deals(DEALS_HEAD + "A1,S1,2023-01-05,,100\nZ9,S9,2023-01-05,,100\n"), MAY_LOSE),
            kept="accounts: 2 kept; subscriptions: 1 kept, 1 set aside as unknown_account",
            code=0,
        ),
        BadInput(
            "half of the contracts are of accounts that are not there",
            (deals(DEALS_HEAD + "A1,S1,2023-01-05,,100\nZ9,S9,2023-01-05,,100\n"),),
            "1 of 2 contracts lose rows (50.0%; 5.0% may): 1 × unknown_account (…row 2).",
            "sources/subscriptions.sql",
            "declare how much may_lose: in project.yaml.",
        ),
        BadInput(
            "no contract is of an account that is there",
            (deals(DEALS_HEAD + "Z8,S8,2023-01-05,,100\nZ9,S9,2023-01-05,,100\n"),),
            "No account_id of subscriptions is among the accounts: 2 × unknown_account (…).",
            "sources/subscriptions.sql",
            "declare how much may_lose: in project.yaml.",
        ),
        BadInput(
            "no contract is of an account that is there, in any currency",
            (
                deals("account_id,subscription_id,starts_at,mrr,currency\nZ8,S8,2023-01-05,100,EUR\n"),
                added("currency: EUR\n"),
            ),
            "No account_id of subscriptions is among the accounts: 1 × unknown_account (…).",
            "sources/subscriptions.sql",
            "declare how much may_lose: in project.yaml.",
        ),
        BadInput(
            "a contract ends before it starts",
            (deals(DEALS_HEAD + "A1,S1,2023-01-05,,100\nA2,S2,2023-05-01,2023-04-01,100\n"), MAY_LOSE),
            kept="accounts: 2 kept; subscriptions: 1 kept, 1 set aside as end_before_start",
            code=0,
        ),
        BadInput(
            "a price is below zero",
            (deals(DEALS_HEAD + "A1,S1,2023-01-05,,100\nA2,S2,2023-05-01,,-100\n"), MAY_LOSE),
            kept="accounts: 2 kept; subscriptions: 1 kept, 1 set aside as negative_mrr",
            code=0,
        ),
        BadInput(
            "a price is a word",
            (deals(DEALS_HEAD + "A1,S1,2023-01-05,,100\nA2,S2,2023-05-01,,lots\n"), MAY_LOSE),
            kept="accounts: 2 kept; subscriptions: 1 kept, 1 set aside as unreadable",
            code=0,
        ),
    ),
    "The command line": (
        BadInput(
            "a date is written otherwise",
            (),
            "'31.12.2023' is not a date.",
            "--as-of",
            "Write it as YYYY-MM-DD, for instance 2026-01-31.",
            command=("features", "--as-of", "31.12.2023", "--out", "f.csv"),
        ),
        BadInput(
            "a date is not in the calendar",
            (),
            "'2023-02-29' is not a date.",
            "--as-of",
            "Write it as YYYY-MM-DD, for instance 2026-01-31.",
            command=("features", "--as-of", "2023-02-29", "--out", "f.csv"),
        ),
        BadInput(
            "a date is too far away",
            (),
            "9999-12-31 cannot be reckoned with.",
            "--as-of",
            "Name a day from 1970-01-01 to 2199-12-31.",
            command=("features", "--as-of", "9999-12-31", "--out", "f.csv"),
        ),
        BadInput(
            "a date lies after the data",
            (),
            "Features as of 2025-01-01 cannot be known: the data end with 2024-06-30.",
            "",
            "Ask for 2024-07-01 or earlier.",
            command=("features", "--as-of", "2025-01-01", "--out", "f.csv"),
            kept=THE_TABLES,
        ),
        BadInput(
            "features shall go into a folder that is not there",
            (),
            "The folder of the output is not there.",
            "nowhere",
            "Make it, or correct --out.",
            command=("features", "--as-of", "2024-01-01", "--out", "nowhere/f.csv"),
        ),
        BadInput(
            "features shall become a spreadsheet",
            (),
            "The output must be a .parquet or .csv file.",
            "f.xlsx",
            "Name it so.",
            command=("features", "--as-of", "2024-01-01", "--out", "f.xlsx"),
        ),
        BadInput(
            "features shall go nowhere",
            (),
            "There is no file to write to.",
            "--out",
            "Give --out FILE, or --sql.",
            command=("features", "--as-of", "2024-01-01"),
        ),
        BadInput(
            "a model is misspelt",
            (),
            "There is no model named 'chrun'.",
            "project.yaml, models:",
            "Did you mean 'churn'?",
            command=("features", "--as-of", "2024-01-01", "--out", "f.csv", "--model", "chrun"),
            kept=THE_TABLES,
        ),
        BadInput(
            "a command is misspelt", (), "No such command 'chek'. Did you mean 'check'?", "", "", command=("chek",)
        ),
        BadInput(
            "an option is misspelt",
            (),
            "No such option: --jsn (Possible options: --json)",
            "",
            "",
            command=("check", "--jsn"),
        ),
        BadInput(
            "a project is begun where one is",
            (),
            "There is a project here already.",
            "project.yaml",
            "Name another folder.",
            command=("init", FOLDER),
        ),
        BadInput(
            "the list before anything was scored",
            (),
            "Nothing was scored yet.",
            "",
            "Run 'churnml run' or 'churnml score' first.",
            command=("queue",),
        ),
        BadInput(
            "an account before anything was scored",
            (),
            "Nothing was scored yet.",
            "",
            "Run 'churnml run' or 'churnml score' first.",
            command=("explain", "A1"),
        ),
        BadInput(
            "a folder that is not there",
            (),
            "The project folder is not there.",
            "nowhere",
            "Correct --project.",
            command=("check", "--project", "nowhere"),
        ),
        BadInput(
            "a folder that is no project",
            (),
            "There is no project.yaml here, so this is not a project.",
            "data",
            "Run 'churnml init' for an empty project, 'churnml simulate --out DIR' for one to try, or name another folder with --project.",
            command=("check", "--project", f"{FOLDER}/data"),
        ),
        BadInput(
            "the name of a folder is too long",
            (),
            "The project folder cannot be looked into (File name too long).",
            "xxx",
            "Correct --project.",
            command=("check", "--project", "x" * 300),
        ),
        BadInput(
            "the path of a folder holds a zero byte",
            (),
            "Invalid value for '--project': …embedded null byte",
            command=("check", "--project", "nowhere\0"),
        ),
    ),
}
