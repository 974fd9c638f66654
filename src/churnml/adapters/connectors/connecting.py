"""From a folder of a company's tables to the sources over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from churnml.adapters.connectors.accounts import ACCOUNT_MAP, Anchor, MappedSystem, anchor_of, keys_of, mapped_to
from churnml.adapters.connectors.declared import ConnectorTable, Shape, System
from churnml.adapters.connectors.events import UsageTable, may_be_usage, usage_in, usage_sql
from churnml.adapters.connectors.finding import (
    Candidate,
    candidates,
    candidates_of_database,
    is_database,
    named_like,
    shape_of,
    speaks_of,
)
from churnml.adapters.connectors.reading import UnclearTime, absent, expected, filled, lacks, loses
from churnml.adapters.connectors.staging import FilledTable, filled_in, stage
from churnml.adapters.project import Project
from churnml.adapters.warehouse.looking import InputsSeen, look_at_inputs
from churnml.errors import ProjectError
from churnml.specs.inputs import Input
from churnml.specs.project import ProjectSpec

CONTRACT_TABLES = ("accounts", "subscriptions", "support_tickets", "churn_events")


@dataclass(frozen=True)
class ConnectedSources:
    """What is to be written, and what is to be said about it.

    Args:
        inputs: name → input, as project.yaml declares them.
        sources: contract table → its SQL.
        shapes: system → shape.
        account_map: the (system, id, name) that no account is known for; None where no list is needed.
        there: whether there were tables to look at.
        told: what the choices were, and what is missing and what that costs, a sentence each.
        attributes: the attributes that accounts have.
    """

    inputs: Mapping[str, Input]
    sources: Mapping[str, str]
    shapes: Mapping[str, Shape]
    account_map: tuple[tuple[str, str, str], ...] | None
    there: bool
    told: tuple[str, ...]
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class SystemTables:
    """A system's tables as the company has them."""

    system: System
    shape: Shape
    tables: Mapping[str, FilledTable]

    @property
    def customers(self) -> FilledTable | None:
        """The table that names the system's customers, if it is there."""
        return next((self.tables[name] for name in self.system.spec.customers if self.tables[name].is_there), None)

    def gives(self, contract_table: str) -> bool:
        return any(self.tables[name].is_there for name in self.system.spec.gives.get(contract_table, ()))


def connect(root: Path, data: str, systems: Sequence[System], shape: Shape | None) -> ConnectedSources:
    """Looks at the tables under ``data`` and writes the sources of a project in ``root`` over them.

    Raises:
        ProjectError: the tables that are there name no accounts.
        SourceError, UnavailableError: one of them cannot be read.
    """
    matched, usage_like, told = _matched(root, data, systems, shape)
    if not matched:
        return _for_tables_to_come(systems, shape or Shape.FIVETRAN)
    inputs = {name: candidate.declared for name, (_, _, candidate) in matched.items()}
    spec = ProjectSpec(name="connecting", inputs=inputs | usage_like)
    with look_at_inputs(Project(root, spec)) as seen:
        taken, unclear, more = _taken(systems, matched, shape, seen)
        told += more + [_unclear(one) for one in unclear]
        usage, also = _usage(usage_like, seen)
        told += also
        written = _written(taken, usage, seen, told)
    used = {table.input for one in taken for table in one.tables.values() if table.is_there}
    kept = {name: declared for name, declared in inputs.items() if name in used}
    if usage is not None:
        kept[usage.input] = usage_like[usage.input]
    return replace(written, inputs=kept, there=True)


def _candidates(root: Path, data: str) -> list[Candidate]:
    if is_database(data):
        return candidates_of_database(data)
    return candidates(root, Path(data)) if Path(data).is_dir() else []


Matched = dict[str, tuple[System, ConnectorTable, Candidate]]


def _matched(
    root: Path, data: str, systems: Sequence[System], shape: Shape | None
) -> tuple[Matched, dict[str, Input], list[str]]:
    """Input name → the candidate for a system's table; the files that may be usage; what was left."""
    matched: Matched = {}
    usage: dict[str, Input] = {}
    told: list[str] = []
    names = [one.name for one in systems]
    for candidate in _candidates(root, data):
        speaks = speaks_of(candidate, names)
        hits = [
            (one, table)
            for one in systems
            if speaks in (None, one.name)
            for table in one.tables.values()
            if named_like(table, one.name, candidate.words, [shape] if shape else list(Shape))
        ]
        for one, table in hits:
            name = f"{one.name}_{table.name}"
            if name in matched:
                told.append(f"{candidate.place} is not read: {matched[name][2].place} is taken as {name} already")
            else:
                matched[name] = (one, table, candidate)
        if not hits and may_be_usage(candidate.words):
            usage[_free(candidate.words[0], usage)] = candidate.declared
    return matched, usage, told


def _free(word: str, taken: Mapping[str, Input]) -> str:
    """A name for an input of the company's own."""
    name = word if word[:1].isalpha() else f"table_{word}"
    return name if name not in taken else f"{name}_{len(taken)}"


def _taken(
    systems: Sequence[System], matched: Matched, shape: Shape | None, seen: InputsSeen
) -> tuple[list[SystemTables], list[UnclearTime], list[str]]:
    """Each system's tables; an input that lacks what a table must have is not that table."""
    told, unclear, taken = [], [], []
    for one in systems:
        tables: dict[str, FilledTable] = {}
        for name, (owner, table, candidate) in matched.items():
            if owner is not one:
                continue
            written_by = shape or shape_of(list(seen.types(name)), table, candidate.words[0], one)
            as_it_is, doubts = filled(table, name, written_by, seen)
            if missing := lacks(as_it_is):
                told.append(f"{candidate.place} is not read as {one.name} {table.name}: it has no {', '.join(missing)}")
                continue
            tables[table.name] = as_it_is
            unclear += doubts
        system_shape = next((t.shape for t in tables.values()), shape or Shape.FIVETRAN)
        if not tables:
            told.append(f"No table of {one.spec.title} is there: nothing is taken from it")
        every = {name: tables.get(name) or absent(table, system_shape) for name, table in one.tables.items()}
        taken.append(SystemTables(one, system_shape, every))
        if tables:
            gone = [table for name, table in one.tables.items() if name not in tables]
            told += [text for table in gone if (text := loses(one, table)) and _matters(table, tables, system_shape)]
    return taken, unclear, told


def _matters(table: ConnectorTable, tables: Mapping[str, FilledTable], shape: Shape) -> bool:
    """Whether the loss of a table is to be told: not where another one says the same, or the shape does not have it."""
    if table.name in ("price", "subscription_item") and "subscription" in tables:
        inside = tables["subscription"].origin_of("items") or tables["subscription"].origin_of("amount")
        return inside is None and not (table.name == "price" and "plan" in tables)
    return bool(table.names[shape])


def _unclear(one: UnclearTime) -> str:
    return (
        f"{one.input}: the times in {one.column} ({', '.join(one.samples)}) are in no form that is sure: "
        "set it in the SQL (strptime)"
    )


def _usage(usage_like: Mapping[str, Input], seen: InputsSeen) -> tuple[UsageTable | None, list[str]]:
    """The company's usage: the first input whose columns say so."""
    usages = [usage for name in usage_like if (usage := usage_in(name, list(seen.types(name)))) is not None]
    left = [f"{name} may be usage too; it is not read" for name in usage_like if usages[1:] and name != usages[0].input]
    return (usages[0] if usages else None), left


def _written(
    taken: Sequence[SystemTables], usage: UsageTable | None, seen: InputsSeen | None, told: Sequence[str]
) -> ConnectedSources:
    """The sources, once every system's tables are known."""
    anchor, of_anchor = _anchor(taken, usage, seen, told)
    mapped = _mapped(taken, anchor, seen)
    needs_map = [one for one in mapped if seen is not None and one.unmatched]
    if needs_map or (seen is None and mapped):
        mapped = _mapped(taken, anchor, seen, with_map=True)
    rest = tuple((one.system, key, name) for one in needs_map for key, name in one.unmatched)
    sources, lines = {}, list(told)
    lines.insert(0, f"accounts: {of_anchor.system.spec.title}; {anchor.note.split('. To change')[0]}")
    for one in mapped:
        counted = f" ({one.matched:,} of {one.of:,} ids)" if seen is not None else ""
        lines.insert(1, one.note + counted)
    for table in CONTRACT_TABLES:
        owner = of_anchor if table == "accounts" else next((one for one in taken if one.gives(table)), None)
        if owner is not None:
            sources[table] = _rendered(owner, table, anchor, mapped)
            also = [one.system.spec.title for one in taken if one is not owner and one.gives(table)]
            if also and table != "accounts":
                lines.append(f"{table}: from {owner.system.spec.title}; those of {', '.join(also)} are not read")
    if seen is not None and "churn_events" in sources and not seen.has_rows(sources["churn_events"]):
        # a table without rows would look like a feed that broke
        del sources["churn_events"]
        lines.append("churn_events: nobody has left yet, so none is written; subscriptions say who leaves")
    if usage is not None:
        sources["usage_events"] = usage_sql(usage)
        known = seen.distinct(usage.input, usage.account_sql) if seen else frozenset()
        common = f"{len(known & anchor.values[anchor.key.column]):,} of {len(known):,} ids are accounts"
        lines.append(f"usage_events: {usage.input}, account_id from {usage.columns['account_id']} ({common})")
    attributes = tuple(
        c.declared.name
        for c in anchor.table.columns
        if c.origin is not None and c.declared.name in ("segment", "industry", "region", "acquisition_source")
    )
    account_map = rest if needs_map else () if seen is None and mapped else None
    shapes = {one.system.name: one.shape for one in taken}
    return ConnectedSources({}, sources, shapes, account_map, seen is not None, tuple(lines), attributes)


def _anchor(
    taken: Sequence[SystemTables], usage: UsageTable | None, seen: InputsSeen | None, told: Sequence[str]
) -> tuple[Anchor, SystemTables]:
    """Whose customers are the accounts: those of the first system named that has such a table."""
    owner = next((one for one in taken if one.customers is not None and one.gives("accounts")), None)
    if owner is None or owner.customers is None:
        wanted = " or ".join(f"{one.system.name} {one.system.spec.customers[0]}" for one in taken)
        raise ProjectError(
            "None of the tables names the accounts.",
            where="; ".join(one for one in told if "is not read" in one) or "--data",
            remedy=f"Put one of these beside them: {wanted}. Or name another system with --from.",
        )
    used = seen.distinct(usage.input, usage.account_sql) if seen and usage else frozenset()
    others = [
        seen.distinct(table.input, key.sql)
        for one in taken
        if one is not owner and seen is not None
        for table in _naming(one)
        for key in keys_of(table)
    ]
    return anchor_of(owner.system.name, owner.customers, used, others, seen), owner


def _naming(one: SystemTables) -> list[FilledTable]:
    """A system's tables whose rows name accounts."""
    return [table for table in one.tables.values() if table.is_there and keys_of(table)]


def _mapped(
    taken: Sequence[SystemTables], anchor: Anchor, seen: InputsSeen | None, *, with_map: bool = False
) -> list[MappedSystem]:
    """The other systems' naming tables, each with its way to the accounts."""
    return [
        mapped_to(anchor, one.system.name, table, seen, with_map=with_map and table is one.customers)
        for one in taken
        if one.system.name != anchor.system
        for table in ([one.customers] if one.customers is not None else _naming(one))
        if table is not None and keys_of(table)
    ]


def _rendered(owner: SystemTables, contract_table: str, anchor: Anchor, mapped: Sequence[MappedSystem]) -> str:
    """The SQL of a contract table, over what the company has."""
    by_input = {one.table.input: one for one in mapped}
    stages: dict[str, str] = {}
    note = anchor.note
    for name, table in owner.tables.items():
        as_mapped = by_input.get(table.input) if table.is_there else None
        final = anchor.table if table.input == anchor.table.input else as_mapped.table if as_mapped else table
        before = as_mapped.ctes if as_mapped else ""
        note = as_mapped.note + "." if as_mapped else note
        stages[name] = before + stage(final, newest=False)
        stages[f"{name} newest"] = before + stage(final, newest=True)
    head = (
        f"-- Written by churnml init over {owner.system.spec.title} as "
        f"{SPOKEN[owner.shape]}. It is yours: change what is different with you.\n"
        + "".join(f"-- {url}\n" for url in owner.system.spec.documented)
    )
    return head + filled_in(owner.system.template(contract_table), stages, {"account_note": note})


SPOKEN = {Shape.FIVETRAN: "Fivetran lands it", Shape.AIRBYTE: "Airbyte lands it", Shape.CSV: "it exports itself"}


def _for_tables_to_come(systems: Sequence[System], shape: Shape) -> ConnectedSources:
    """Sources over the documented tables: none is there yet."""
    taken, inputs = [], {}
    for one in systems:
        tables = {}
        for name, table in one.tables.items():
            if table.names[shape]:
                inputs[f"{one.name}_{name}"] = Input(path=f"data/{one.name}/{table.names[shape][0]}.csv")
                tables[name] = expected(table, f"{one.name}_{name}", shape)
            else:
                tables[name] = absent(table, shape)
        taken.append(SystemTables(one, shape, tables))
    written = _written(taken, None, None, ())
    return replace(written, inputs=inputs)


__all__ = ["ACCOUNT_MAP", "ConnectedSources", "connect"]
