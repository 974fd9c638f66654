"""What the command line prints: plain text for people, from the same data that ``--json`` gives."""

from __future__ import annotations

import datetime as dt
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from churnml.adapters.project import Project
from churnml.adapters.warehouse import Ingested

QUEUE_SHOWN = 10
FIGURE_NAMES = {
    "roc_auc": "ROC AUC",
    "average_precision": "avg precision",
    "brier": "Brier",
    "log_loss": "log loss",
    "calibration_error": "calibration err",
}
CAPACITY_NAMES = {
    "precision_at_capacity": "precision",
    "lift_at_capacity": "lift",
    "caught_at_capacity": "caught",
    "mrr_caught_at_capacity": "MRR caught",
    "profit_at_capacity": "profit",
}
RIVAL_NAMES = {
    "recency": "recency",
    "logistic_regression": "logistic regression",
    "base_rate": "base rate",
    "health": "health, no model",
    "champion": "champion before",
    "best_possible": "true probabilities",
}


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Rows as aligned text."""
    widths = [max(_width(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = [
            " " * (widths[i] - _width(cell)) + cell if i in right else cell + " " * (widths[i] - _width(cell))
            for i, cell in enumerate(row)
        ]
        return ("  " + "  ".join(cells)).rstrip()

    return [line(header), "  " + "  ".join("-" * width for width in widths), *(line(row) for row in rows)]


def _width(text: str) -> int:
    """Columns a text takes on a terminal; Japanese letters take two."""
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def printable(text: Any) -> str:
    """A user's text without what would steer the terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in str(text))


def figure(found: Mapping[str, float | None] | None) -> str:
    """0.812 [0.780, 0.842]"""
    if not found or found["value"] is None:
        return "–"
    if found["low"] is None or found["high"] is None:
        return f"{found['value']:.3f}"
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.1f} %"


def money(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


# ---------------------------------------------------------------- check


def check_data(project: Project, ingested: Ingested) -> dict[str, Any]:
    """What ``churnml check --json`` prints."""
    return {
        "project": project.name,
        "data_through": str(ingested.data_through),
        "rows": dict(ingested.rows),
        "quarantined": {name: dict(reasons) for name, reasons in ingested.quarantined.items()},
        "warned": {name: dict(reasons) for name, reasons in ingested.warned.items()},
        "quarantine_table": str((ingested.path / "quarantine.parquet").relative_to(project.work.parent)),
    }


def check_text(project: Project, ingested: Ingested) -> str:
    """What ``churnml check`` prints."""
    rows = [
        [
            name,
            f"{kept:,}",
            f"{sum(ingested.quarantined.get(name, {}).values()):,}",
            f"{sum(ingested.warned.get(name, {}).values()):,}",
        ]
        for name, kept in ingested.rows.items()
    ]
    lines = [f"{project.name}: data through {ingested.data_through}", ""]
    lines += table(["table", "kept", "set aside", "warnings"], rows, right=(1, 2, 3))
    lines += data_lines(ingested.quarantined, ingested.warned)
    where = (ingested.path / "quarantine.parquet").relative_to(project.work.parent)
    lines += ["", f"  What was set aside, with its reason and source row: {where}"]
    return "\n".join(lines)


def data_lines(quarantined: Mapping[str, Mapping[str, int]], warned: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Each reason a row was set aside or warned about, with its count."""
    rows = [[name, reason, f"{n:,}", "set aside"] for name, of in quarantined.items() for reason, n in of.items()]
    rows += [[name, reason, f"{n:,}", "kept"] for name, of in warned.items() for reason, n in of.items()]
    return ["", *table(["table", "reason", "rows", "what was done"], rows, right=(2,))] if rows else []


# ---------------------------------------------------------------- models


def model_text(name: str, model: Mapping[str, Any]) -> str:
    """A model's figures beside its rivals."""
    verdict, trained = "PROMOTED" if model["promoted"] else "NOT PROMOTED", model["trained_on"]
    lines = [
        f"{name}, version {model['version']}: {verdict}",
        f"  because {model['because']}",
        f"  judged at {model['cutoff']}: {model['positives']:,} of {model['rows']:,} accounts positive",
        f"  trained on {trained['rows']:,} earlier snapshots, {trained['positives']:,} of them positive",
        "",
    ]
    who: dict[str, Any] = {"model": {key: model[key] for key in FIGURE_NAMES}}
    rivals = ("recency", "logistic_regression", "base_rate", "health")
    who |= {RIVAL_NAMES[key]: model["rivals"][key] for key in rivals if model["rivals"].get(key)}
    who |= {RIVAL_NAMES[key]: model[key] for key in ("champion", "best_possible") if key in model}
    rows = [[label, *(figure((found or {}).get(key)) for key in FIGURE_NAMES)] for label, found in who.items()]
    lines += table(["95 % intervals", *FIGURE_NAMES.values()], rows)
    if _value(model.get("roc_auc")) is not None and _value((model.get("best_possible") or {}).get("roc_auc")):
        lines += ["", f"  {_of_the_possible(model)}"]
    lines += _calibration_lines(model)
    if model.get("later"):
        lines += ["", *_later_lines(model["later"])]
    if model.get("decision"):
        lines += _capacity_lines(model["decision"], who | {"model": model["at_capacity"]})
    if model.get("when"):
        lines += ["", *_when_judged(model["when"])]
    return "\n".join([*lines, *_slice_lines(model.get("slices", []))])


def _later_lines(later: Mapping[str, Any]) -> list[str]:
    """Whether order and calibration held in the second, later period."""
    model = later["figures"]["model"]
    return [
        f"  In a second, later period, at {later['cutoff']} ({later['positives']:,} of {later['rows']:,} positive): "
        f"ROC AUC {figure(model['roc_auc'])},",
        f"  log loss {figure(model['log_loss'])}, positives seen per positive said {figure(model['seen_over_said'])}",
    ]


def _value(found: Mapping[str, Any] | None) -> float | None:
    return None if found is None else found["value"]


def _calibration_lines(model: Mapping[str, Any]) -> list[str]:
    """Whether the probabilities hold, and what the Brier score is made of."""
    said = model.get("calibration") or {}
    if not said.get("seen_over_said"):
        return []
    chance = model.get("calibration_error_by_chance")
    parts = " + ".join(f"{part} {_short(said[f'brier_{part}'])}" for part in ("reliability", "uncertainty"))
    return [
        "",
        f"  positives seen per positive said {figure(said['seen_over_said'])}, slope of the log-odds "
        f"{figure(said['calibration_slope'])}, intercept {figure(said['calibration_intercept'])} "
        "(1, 1 and 0 where the probabilities hold)",
        f"  calibration error {figure(model['calibration_error'])}"
        + ("" if chance is None else f"; probabilities that hold exactly would show {chance:.3f} on so many accounts"),
        f"  Brier {_short(model['brier'])} = {parts} − resolution {_short(said['brier_resolution'])}",
    ]


def _short(found: Mapping[str, float | None] | None) -> str:
    value = _value(found)
    return "–" if value is None else f"{value:.4f}"


def _capacity_lines(decision: Mapping[str, Any], who: Mapping[str, Any]) -> list[str]:
    """What the first accounts of the list hold, as many as the team can contact."""
    header = f"first {decision['contacted']:,.0f} accounts ({percent(decision['share'])})"
    rows = []
    for label, found in who.items():
        known = {name: (found or {}).get(name) for name in CAPACITY_NAMES}
        rows.append([label, *(_at_capacity(name, of) for name, of in known.items())])
    return [
        "",
        *table([header, *CAPACITY_NAMES.values()], rows),
        f"  profit: {percent(decision['saved_share'])} of a true positive's MRR over {decision['months']} months, "
        f"less {decision['contact_cost']:,.0f} a contact",
    ]


def _at_capacity(name: str, found: Mapping[str, float | None] | None) -> str:
    if name != "profit_at_capacity":
        return figure(found)
    if not found or None in found.values():
        return money(_value(found))
    return f"{money(found['value'])} [{money(found['low'])}, {money(found['high'])}]"


def _slice_lines(slices: Sequence[Mapping[str, Any]]) -> list[str]:
    """The model part by part."""
    if not slices:
        return []
    rows = [
        [
            part["by"],
            printable(part["part"]),
            f"{part['rows']:,}",
            f"{part['positives']:,}",
            percent(part["said"]),
            f"{percent(part['seen'])} [{percent(part['low'])}, {percent(part['high'])}]",
            "too small to say" if part["too_small"] else figure(part["roc_auc"]),
        ]
        for part in slices
    ]
    return ["", *table(["by", "part", "accounts", "positive", "said", "seen", "ROC AUC"], rows, right=(2, 3, 4))]


def origin_text(model: Mapping[str, Any]) -> str:
    """Whether a version is in office, and what it was made with and from."""
    made = ", ".join(f"{name} {version}" for name, version in model["made_with"].items())
    office = "champion now" if model["in_office"] else "not in office"
    return f"  {office}; made with {made}, from data {model['data_fingerprint']}"


def _when_judged(when: Mapping[str, Any]) -> list[str]:
    """How well the curves tell who leaves when, beside the same probabilities spread evenly over time."""
    here, ahead = (when[key][who]["concordance"] for key, who in (("figures", "curve"), ("ahead", "classifier")))
    return [
        f"  When they leave: of two accounts the curves name the one that leaves first in {figure(here)},",
        f"  ahead of the same probabilities spread evenly by {figure(ahead)}; {when['leavings']:,} leavings in "
        f"{when['last']} days",
    ]


def _of_the_possible(model: Mapping[str, Any]) -> str:
    best, here = model["best_possible"]["roc_auc"]["value"], model["roc_auc"]["value"]
    share = (here - 0.5) / (best - 0.5)
    return (
        f"ROC AUC {here:.3f}, where the true probabilities reach {best:.3f}: "
        f"{share * 100:.0f} % of what can be known above chance"
    )


def versions_text(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """What ``churnml models list`` prints."""
    rows = [
        [
            name,
            v["version"],
            " ".join(alias for alias in ("champion", "challenger") if v[alias]),
            v["created"],
            printable(v["verdict"]),
        ]
        for name, versions in found.items()
        for v in versions
    ]
    if not rows:
        return "No model was trained yet; run 'churnml train'."
    return "\n".join(table(["model", "version", "alias", "registered", "verdict"], rows))


def history_text(found: Mapping[str, Any]) -> str:
    """What ``churnml models history`` prints."""
    rows = [
        [
            t["version"],
            _moment(t["since"]),
            "in office" if t["in_office"] else _moment(t["until"]),
            t["how"] + (f", {printable(t['by'])}" if t["by"] else ""),
            printable(t["why"]),
        ]
        for t in found["champions"]
    ]
    lines = [f"{found['model']}: who was champion (UTC)", ""]
    lines += table(["version", "from", "to", "how", "why"], rows) if rows else ["  nobody yet"]
    refused = [[e["version"], _moment(e["at"]), printable(e["why"])] for e in found["refused"]]
    if refused:
        lines += ["", "challengers that did not become champion", ""]
        lines += table(["version", "when", "why not"], refused)
    return "\n".join(lines)


def _moment(at: str | None) -> str:
    return at[:16].replace("T", " ") if at else "not recorded"


def appointed_text(name: str, found: Mapping[str, Any]) -> str:
    """What ``churnml models promote`` and ``rollback`` print."""
    if found["before"] == found["version"]:
        return f"Version {found['version']} of '{name}' is champion already; nothing was changed."
    before = f" It takes the place of version {found['before']}." if found["before"] else ""
    lines = [
        f"Version {found['version']} of '{name}' is champion now, by hand.{before}",
        f"  Its verdict was: {printable(found['verdict'])}",
    ]
    return "\n".join([*lines, *([f"  Mind: {printable(found['unchecked'])}"] if found["unchecked"] else [])])


def comparison_text(found: Mapping[str, Any]) -> str:
    """What ``churnml models compare`` prints."""
    first, second = found["versions"]
    header = ["95 % intervals", *FIGURE_NAMES.values()]
    rows = [[f"version {v}", *(figure(found["figures"][v].get(key)) for key in FIGURE_NAMES)] for v in (first, second)]
    if found["measured"]:
        lines = [
            f"{found['model']}, versions {first} and {second}, measured on the same rows of {found['cutoff']}: "
            f"{found['positives']:,} of {found['rows']:,} accounts positive"
        ]
        rows.append([f"{second} ahead by", *(_signed(found["ahead"].get(key)) for key in FIGURE_NAMES)])
    else:
        lines = [
            f"{found['model']}, versions {first} and {second}, as recorded when each was judged "
            f"(at {found['cutoff'][first]} and at {found['cutoff'][second]})",
            f"  not measured again: {printable(found['why_not'])}",
        ]
    lines += ["", *table(header, rows)]
    if found["measured"]:
        lines += [
            "",
            "  Ahead is paired, and better is positive; an interval across zero says neither is shown better.",
        ]
    return "\n".join([*lines, *(f"  MIND: {printable(warning)}" for warning in found["warnings"])])


def _signed(found: Mapping[str, float | None] | None) -> str:
    if not found or found["value"] is None:
        return "–"
    if found["low"] is None or found["high"] is None:
        return f"{found['value']:+.3f}"
    return f"{found['value']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]"


# ---------------------------------------------------------------- run


def run_text(project: Project, found: Mapping[str, Any], queue: Sequence[Mapping[str, Any]]) -> str:
    """What ``churnml run`` and ``churnml score`` print."""
    lines = [
        f"{found['project']} as of {found['as_of']}: {found['accounts_scored']:,} accounts scored",
        f"  MRR {money(found['mrr'])}, expected at risk {money(found['mrr_at_risk'])}",
    ]
    if found["leaving"]["accounts"]:
        lines.append(
            f"  {found['leaving']['accounts']:,} more have given notice (MRR {money(found['leaving']['mrr'])}): "
            "nothing is left to predict, so they are not scored"
        )
    risk = project.health.risk.model
    for name, by in found["scored_by"].items():
        if by["health_only"]:
            lines.append(
                f"  No '{name}' model is in office: none was shown to beat the base rate, so no '{name}' "
                "probabilities are given" + (" and health dimensions stand alone." if name == risk else ".")
            )
        else:
            lines.append(f"  '{name}' probabilities by version {by['version']} (champion)")
    reasons = data_lines(found["quarantined"], found["warned"])
    lines += ["", "DATA", *(reasons or ["", "  every row could be used"])]
    for name, model in found["models"].items():
        lines += ["", f"MODEL {model_text(name, model)}"]
    bands = [[band, f"{n:,}", percent(n / found["accounts_scored"])] for band, n in sorted(found["bands"].items())]
    lines += ["", "HEALTH BY BAND", "", *table(["band", "accounts", "share"], bands, right=(1, 2))]
    total = sum(found["decisions"].values())
    lines += ["", f"QUEUE: {total:,} decisions, the first {len(queue)}", "", *queue_lines(queue)]
    lines += ["", "WHERE IT LIES", *_places(project, found)]
    return "\n".join(lines)


def _places(project: Project, found: Mapping[str, Any]) -> list[str]:
    root = "" if str(project.root) == "." else f" --project {shlex.quote(str(project.root))}"
    lines = []
    if "report" in found:
        lines.append(f"  report   {found['report']}  (open it in a browser; it needs no network)")
    if not project.spec.stores.operational:
        lines.append(f"  scores   {project.work / 'churnml.db'}")
    churnml = _command("churnml")
    lines.append(f"  look up  {churnml} queue{root}    {churnml} explain ACCOUNT{root}")
    if project.registry_is_local:
        store = shlex.quote(f"sqlite:///{project.work / 'mlflow.db'}")
        lines.append(f"  MLflow   {_command('mlflow')} ui --backend-store-uri {store}  (then http://127.0.0.1:5000)")
    return lines


def _command(name: str) -> str:
    """How a command is typed here: by its name, or by its path where the environment is not activated."""
    beside = Path(sys.executable).with_name(name)
    if shutil.which(name) or not beside.exists():
        return name
    return shlex.quote(os.path.relpath(beside))


# ---------------------------------------------------------------- queue and explain


def queue_text(day: dt.date, queue: Sequence[Mapping[str, Any]]) -> str:
    """What ``churnml queue`` prints."""
    if not queue:
        return f"{day}: no account is in the queue."
    return "\n".join([f"{day}: {len(queue):,} decisions", "", *queue_lines(queue)])


def queue_lines(queue: Sequence[Mapping[str, Any]]) -> list[str]:
    """A few lines a decision: who, what, by when, worth how much, why."""
    lines: list[str] = []
    for decision in queue:
        chance = _chance(decision)
        lines.append(
            f"  {decision['place']:>3}. {printable(decision['account_id'])}  {decision['title']}  "
            f"→ {printable(decision['owner'])} by {decision['due']}"
        )
        lines.append(
            f"       health {_number(decision['health'])} ({decision['band']}){chance}, MRR {money(decision['mrr'])}"
            + ("" if decision["value"] is None else f", worth {money(decision['value'])} a month")
        )
        reasons = decision["growth_reasons"] if decision["goal"] == "grow" else decision["reasons"]
        lines += [f"       · {printable(reason['sentence'])}" for reason in reasons] or [
            "       · no single reason stands out"
        ]
    return lines or ["  nobody needs attention today"]


def _chance(decision: Mapping[str, Any]) -> str:
    grow = decision["goal"] == "grow"
    value = decision["upsell_probability"] if grow else decision["churn_probability"]
    return "" if value is None else f", {'upsell' if grow else 'churn'} {percent(value)}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f}"


def account_text(found: Mapping[str, Any]) -> str:
    """What ``churnml explain`` prints."""
    lines = [
        f"{printable(found['account_id'])} as of {found['as_of']}",
        f"  health {_number(found['health'])} ({found['band']}), {percent(found['coverage'])} of the weight known",
        f"  churn {percent(found['churn_probability'])}, upsell {percent(found['upsell_probability'])}",
        f"  MRR {money(found['mrr'])}, at risk {money(found['mrr_at_risk'])}",
        f"  owner {printable(found['owner_id'] or '–')}",
        *_when_lines(found),
        "",
        *table(
            ["dimension", "0–100"],
            [[name, _number(value)] for name, value in found["dimensions"].items()],
            right=(1,),
        ),
        "",
        "  why",
        *([f"  · {printable(r['sentence'])}" for r in found["reasons"]] or ["  · no single reason stands out"]),
    ]
    if found["growth_reasons"]:
        lines += [
            "",
            "  what speaks for growth",
            *(f"  · {printable(r['sentence'])}" for r in found["growth_reasons"]),
        ]
    decision = found["decision"]
    if decision:
        lines += [
            "",
            f"  {decision['title']} → {printable(decision['owner'])} by {decision['due']} "
            f"(playbook {decision['playbook']}: {'; '.join(decision['because'])})",
            *(f"    {i}. {step}" for i, step in enumerate(decision["steps"], start=1)),
        ]
    if len(found["history"]) > 1:
        rows = [
            [str(h["as_of"]), _number(h["health"]), h["band"], percent(h["churn_probability"])]
            for h in found["history"]
        ]
        lines += ["", *table(["as of", "health", "band", "churn"], rows, right=(1, 3))]
    return "\n".join(lines)


BARS = "▁▂▃▄▅▆▇█"


def _when_lines(found: Mapping[str, Any]) -> list[str]:
    """When an account may leave: in words, and a bar a period as high as its chance of leaving in it."""
    within, likely, left_by = (found.get(key) for key in ("leave_within", "likely_period", "left_by"))
    if not within or not likely or not left_by:
        return []
    said = ", ".join(f"{days} days {percent(p)}" for days, p in within.items() if p is not None)
    left = [0.0, *left_by["left"]]
    days = [0, *left_by["days"]]
    daily = [(b - a) / (d - c) for a, b, c, d in zip(left, left[1:], days, days[1:], strict=False)]
    most = max(daily) or 1.0
    bar = "".join(BARS[round(each / most * (len(BARS) - 1))] for each in daily)
    return [
        f"  leaves within {said}",
        f"  if it leaves, most likely from {likely['from']} to {likely['to']} ({percent(likely['probability'])})",
        f"  {bar}  {days[-1]} days from {found['as_of']}",
    ]


# ---------------------------------------------------------------- audit

# How rows of a contract table are called.
ROWS_OF = {"usage_events": "events", "support_tickets": "tickets", "churn_events": "leavings"}
SEVERITY_MARKS = {"leak": "LEAK", "void": "VOID", "warning": "warning", "ok": "note"}
FEATURES_NAMED = 8


def audit_text(found: Mapping[str, Any]) -> str:
    """What ``churnml audit`` prints."""
    proof = found["features"]
    lines = [
        f"{printable(found['project'])}: audit of data through {found['data_through']}",
        "",
        f"  {len(proof['features'])} features and {_populations(len(found['labels']))}, built from the "
        "facts as they are,",
        "  without what nobody knew before the cutoff, and with that come out otherwise and rows made up besides:",
        "",
        *_tried_lines(proof["tried"], "not known then"),
        "",
        *_control_lines(proof),
        "",
    ]
    for label in found["labels"]:
        lines += [
            f"  label of {printable(label['model'])}, from the facts as they are, and as they were or could have been "
            "once it was settled:",
            "",
            *_tried_lines(label["tried"], "later than settled"),
            "",
            f"  Control: facts changed inside its window changed {label['changed']:,} labels.",
            "",
        ]
    marks = [f"  {SEVERITY_MARKS[f['severity']]}: {_of_model(f)}{printable(f['sentence'])}" for f in found["findings"]]
    worst = "Nothing looks past its cutoff." if found["passed"] else "The audit failed."
    return "\n".join([*lines, *marks, *([""] if marks else []), f"  {worst}"])


def _populations(models: int) -> str:
    return "the population of one model" if models == 1 else f"the populations of {models} models"


def _of_model(finding: Mapping[str, Any]) -> str:
    return f"[{printable(finding['model'])}] " if finding["model"] else ""


def _tried_lines(tried: Sequence[Mapping[str, Any]], removed: str) -> list[str]:
    rows = [[str(t["as_of"]), f"{t['rows']:,}", _rows(t["removed"]), _rows(t["added"])] for t in tried]
    return table(["cutoff", "snapshots", removed, "made up"], rows, right=(1,)) if rows else ["  no cutoff"]


def _rows(counts: Mapping[str, int]) -> str:
    said = [f"{count:,} {ROWS_OF.get(name, name)}" for name, count in counts.items() if count]
    return ", ".join(said) or "nothing"


def _control_lines(proof: Mapping[str, Any]) -> list[str]:
    of = len(proof["features"]) - len(proof["static"])
    by_source = ", ".join(f"{len(names)} that read {source}" for source, names in proof["moved"].items())
    moved = of - len(proof["unmoved"])
    lines = [
        f"  Control: the made-up rows, known one day before the cutoff, moved {moved} of {of} features:",
        f"  {by_source or 'none of them from a table'}, and those made of them.",
    ]
    if proof["unmoved"]:
        lines.append(f"  Not moved, so nothing is proved of: {_some(proof['unmoved'])}.")
    if proof["static"]:
        lines.append(f"  What an account simply is, no row moves: {_some(proof['static'])}.")
    if proof["placed"]:
        lines.append(f"  As good as what they place: {_some(proof['placed'])}.")
    caught = [name.replace("_", " ") for name, was in proof["canaries"].items() if was]
    missed = [name.replace("_", " ") for name, was in proof["canaries"].items() if not was]
    lines.append(f"  Canaries: {len(caught)} of {len(caught) + len(missed)} planted features that leak were caught:")
    lines.append(f"  {', '.join(caught) or 'none'}.")
    return [*lines, *([f"  Missed: {', '.join(missed)}."] if missed else [])]


def _some(names: Sequence[str]) -> str:
    more = len(names) - FEATURES_NAMED
    return ", ".join(printable(name) for name in names[:FEATURES_NAMED]) + (f" and {more} more" if more > 0 else "")
