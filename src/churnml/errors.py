"""The mistakes a user can make, each composed from facts: what is wrong, where, how to mend it.

Every class here ends the command line with exit code 1 and its one message, but for what is outside and did not
answer: trying again may help there, so it ends with exit code 75 (EX_TEMPFAIL of sysexits.h). Anything else that
escapes is a bug of ours and ends it with exit code 2.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# What stands between :// and @ in an address, however little it was escaped; and password=… of a connection's options.
_WHO = re.compile(r"(?<=://)[^\s'\"<>]*(?=@)")
_HARMLESS_WHO = re.compile(r"[^:@/]*(:(\$\{\w+\})+)?")
_OPTION = re.compile(
    r"\b(passw(?:or)?d|pwd|secret|token|api_?key|access_?key|signature)=(?!\$\{)[^\s&;,'\"]+", re.IGNORECASE
)


def without_secrets(text: str) -> str:
    """``text`` with the passwords of addresses and connections left out: a user alone, or ``${NAME}``, is none."""
    if "://" not in text and "=" not in text:
        return text
    hidden = _WHO.sub(lambda who: who[0] if _HARMLESS_WHO.fullmatch(who[0]) else "***", text)
    return _OPTION.sub(r"\1=***", hidden)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name a person most likely meant by ``name``, or None when none is close."""
    folded = {candidate.casefold(): candidate for candidate in sorted(known)}
    matches = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.55)
    return folded[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A remedy sentence: the nearest match if there is one, else the (short) list of what exists."""
    names = sorted(set(known))
    match = nearest(name, names)
    if match is not None:
        return f"Did you mean '{match}'?"
    if not names:
        return "There is nothing to choose from."
    shown = ", ".join(f"'{candidate}'" for candidate in names[:12])
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"What exists: {shown}{more}."


class ChurnmlError(Exception):
    """A mistake the user can mend.

    Args:
        what: what is wrong, one sentence; of it and the others, passwords in addresses are left out.
        where: the file, table, column or row it is wrong in.
        remedy: what to do about it.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = without_secrets(what), without_secrets(where), without_secrets(remedy)
        super().__init__(str(self))

    def __reduce__(self) -> tuple[object, ...]:
        # from one process to another as it is, whatever else its class is made from
        return _again, (type(self), self.what, self.where, self.remedy)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where:  {self.where}")
        if self.remedy:
            lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)


def _again(kind: type[ChurnmlError], what: str, where: str, remedy: str) -> ChurnmlError:
    problem = kind.__new__(kind)
    ChurnmlError.__init__(problem, what, where=where, remedy=remedy)
    return problem


class ProjectError(ChurnmlError):
    """The project folder, its ``project.yaml`` or a store it names cannot be used."""


class SpecError(ChurnmlError):
    """A YAML declaration says something that cannot be read as meant."""


class SourceError(ChurnmlError):
    """An input file or a ``sources/*.sql`` cannot be read."""


class ContractError(ChurnmlError):
    """A contract table is missing, empty, or lacks a column."""


class UnknownNameError(ChurnmlError):
    """A name (feature, column, model, playbook, account …) that nothing answers to."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, where: str = "") -> None:
        self.kind, self.name = kind, name
        super().__init__(f"There is no {kind} named '{name}'.", where=where, remedy=did_you_mean(name, known))


class NotScoredError(ChurnmlError):
    """An account that is known, but was not scored on a date: it was not eligible then."""


class UnavailableError(ChurnmlError):
    """Something outside (a store, a database, a registry, a disk) did not answer or is taken: try again later."""


class DataBreakError(ChurnmlError):
    """The data broke in a way that ends the run, as declared, or before there was anything that could stand."""


class TooLittleDataError(ChurnmlError):
    """There is not enough history, or not enough outcomes, to do what was asked."""


class RegistryError(ChurnmlError):
    """The model registry has no such model, or what it holds does not fit."""


class AuditError(ChurnmlError):
    """A feature or a label looks past its cutoff, or the audit cannot tell."""


class OverrideError(ChurnmlError):
    """An override of a health score that cannot stand as it is said."""
