"""Which id names the account: found by holding the ids of one system against those of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from churnml.adapters.connectors.staging import FilledTable, value
from churnml.adapters.warehouse.looking import InputsSeen
from churnml.adapters.warehouse.reading import identifier, quoted

# Domains that name no company.
FREE_MAIL = ("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "yahoo.com", "icloud.com", "proton.me")
DOMAIN = "_domain"
ACCOUNT_MAP = "account_map"


@dataclass(frozen=True)
class AccountKey:
    """A column whose values may name accounts, and the SQL that gives them over the input's own columns."""

    column: str
    sql: str

    @property
    def spoken(self) -> str:
        return f"the domain in {self.column.removesuffix(DOMAIN)}" if self.column.endswith(DOMAIN) else self.column


@dataclass(frozen=True)
class MappedSystem:
    """How the ids of one system's table become account ids.

    Args:
        system: its name.
        table: with its ``account_key`` filled in.
        ctes: what stands before it in the SQL.
        note: a sentence on it.
        matched, of: how many different ids there are, and how many of them are known accounts.
        unmatched: (id, name) of the rest.
    """

    system: str
    table: FilledTable
    ctes: str
    note: str
    matched: int = 0
    of: int = 0
    unmatched: tuple[tuple[str, str], ...] = ()


def keys_of(table: FilledTable) -> list[AccountKey]:
    """The keys of a table that its input has, the likeliest first."""
    keys = []
    for name in table.declared.spec.account_keys:
        own = any(c.declared.name == name for c in table.columns)
        column = name if own else name.removesuffix(DOMAIN)
        there = next((c for c in table.columns if c.declared.name == column and c.origin is not None), None)
        if there is None:
            continue
        sql = value(there, table.types)
        if column != name:
            free = ", ".join(quoted(one) for one in FREE_MAIL)
            domain = f"lower(regexp_extract({sql}, '([^@/\\s\"]+\\.[A-Za-z]+)[^@]*$', 1))"
            sql = f"CASE WHEN {domain} NOT IN ('', {free}) THEN {domain} END"
        keys.append(AccountKey(name, sql))
    return keys


@dataclass(frozen=True)
class Anchor:
    """The table that names the accounts.

    Args:
        system: its system.
        table: the table, its ``account_key`` filled in.
        key: the key that was chosen.
        values: key → its different values in the data; empty where there are no data yet.
        note: a sentence on the choice.
    """

    system: str
    table: FilledTable
    key: AccountKey
    keys: tuple[AccountKey, ...]
    values: Mapping[str, frozenset[str]]
    note: str


def anchor_of(
    system: str, table: FilledTable, used: frozenset[str], others: Sequence[frozenset[str]], seen: InputsSeen | None
) -> Anchor:
    """Chooses the key that usage knows, else the one that the other systems know, else the system's own id."""
    keys = tuple(keys_of(table))
    values = {key.column: seen.distinct(table.input, key.sql) if seen else frozenset() for key in keys}
    own = next(key for key in keys if key.column == table.declared.spec.key)

    def known(key: AccountKey) -> tuple[int, int]:
        # a domain or a name may lead to an account, but is its id only where usage says so
        leads = () if key.column.endswith(DOMAIN) or key.column == "name" else others
        return len(values[key.column] & used), sum(len(values[key.column] & other) for other in leads)

    best = max(keys, key=known)
    chosen = best if any(known(best)) else own
    fallback = f"{quoted(system + ' ')} || {own.sql}" if chosen is not own else ""
    sql = f"coalesce({chosen.sql}, {fallback})" if fallback else chosen.sql
    by_usage, by_others = known(chosen)
    why = "the ids that usage has" if by_usage else "the ids that the other systems have" if by_others else ""
    spoken = chosen.spoken if chosen.column != table.declared.spec.key else f"the {system} {table.declared.name} id"
    origin = table.origin_of(chosen.column)
    at = f" ({origin})" if origin is not None and chosen.column not in (str(origin), own.column) else ""
    note = f"account_id is {spoken}{at}{': ' + why if why else ''}. To change it, change account_key below."
    return Anchor(system, replace(table, account_key=sql), chosen, keys, values, note)


def mapped_to(
    anchor: Anchor, system: str, table: FilledTable, seen: InputsSeen | None, *, with_map: bool
) -> MappedSystem:
    """Fills in the account key of another system's table, by the pair of keys that have most values in common."""
    keys = keys_of(table)
    own = identifier_sql(table)
    values = {key.column: seen.distinct(table.input, key.sql) if seen else frozenset() for key in keys}
    pairs = [
        (len(values[key.column] & anchor.values[to.column]), to is anchor.key, -place, key, to)
        for place, key in enumerate(keys)
        for to in anchor.keys
    ]
    common, _, _, key, to = max(pairs, key=lambda pair: pair[:3])
    ctes, tries = "", []
    if with_map:
        ctes += (
            "-- your own list of which id is which account\n"
            "mapped AS (\n    SELECT id AS mapped_id, account_id AS mapped_account\n"
            f"    FROM {ACCOUNT_MAP}\n    WHERE system = {quoted(system)} AND nullif(account_id, '') IS NOT NULL\n),\n"
        )
        tries.append(f"(SELECT min(m.mapped_account) FROM mapped AS m WHERE m.mapped_id = {own})")
    if common and to is not anchor.key:
        ctes += (
            f"-- {to.spoken} of {anchor.system} → account; one that several accounts share names none\n"
            f"account_keys AS (\n    SELECT {to.sql} AS known_key, min({anchor.table.account_key}) AS known_account\n"
            f"    FROM {identifier(anchor.table.input)}\n    GROUP BY known_key\n"
            f"    HAVING count(DISTINCT {anchor.table.account_key}) = 1\n),\n"
        )
        tries.append(f"(SELECT k.known_account FROM account_keys AS k WHERE k.known_key = {key.sql})")
    elif common or seen is None:
        tries.append(key.sql)
    tries.append(f"{quoted(system + ' ')} || {own}")
    sql = f"coalesce({', '.join(tries)})"
    of = values[key.column]
    note = (
        f"{system} {table.declared.name} → account by {key.spoken} = {to.spoken} of {anchor.system}"
        if common or seen is None
        else f"nothing in {system} {table.declared.name} names an account of {anchor.system}"
    )
    rest = _unmatched(table, key, anchor.values[to.column], seen) if seen else ()
    return MappedSystem(system, replace(table, account_key=sql), ctes, note, common, len(of), rest)


def identifier_sql(table: FilledTable) -> str:
    """SQL for a table's own key, as text."""
    column = next(c for c in table.columns if c.declared.name == table.declared.spec.key)
    return value(column, table.types)


def _unmatched(
    table: FilledTable, key: AccountKey, known: frozenset[str], seen: InputsSeen
) -> tuple[tuple[str, str], ...]:
    """(id, name) of the rows whose key is none of the accounts', in order of their ids."""
    name = next((c for c in table.columns if c.declared.name == "name" and c.origin is not None), None)
    named = value(name, table.types) if name else "''"
    rows = seen.rows(f"SELECT DISTINCT {identifier_sql(table)}, {named}, {key.sql} FROM {identifier(table.input)}")
    return tuple(sorted((str(row[0]), str(row[1] or "")) for row in rows if row[0] and row[2] not in known))
