"""Who was forgotten, so that reading the company's tables again does not bring them back.

``forgotten.yaml`` in the project folder holds a digest for each, made with a key. A digest is
``sha256(key|sha256(key|kind|name))``: the inner hash takes a name of any length, the outer one keeps anybody from
going on with it (the nested construction of Bellare, Canetti and Krawczyk, 1996, "Keying hash functions for message
authentication"). Both engines that read tables can compute it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import yaml

from churnml.specs.forgotten import ForgottenSpec
from churnml.specs.reading import read_spec

FORGOTTEN_FILE = "forgotten.yaml"
HEAD = (
    "# Written by 'churnml forget': digests of accounts and users whose rows are set aside at every reading.\n"
    "# Every copy of this project needs this file; without it their rows come back.\n"
)
Forgettable = Literal["account", "user"]
# From a text with ``${NAME}`` and where it stands to the text.
Filled = Callable[[str, str], str]
# What may stand between the fields of a line that is no row.
BETWEEN_FIELDS = re.compile(r"[,;|\t\"'\r\n]+")


@dataclass(frozen=True)
class Suppression:
    """Who was forgotten.

    Args:
        key: what the digests are made with; empty while nobody was forgotten.
        accounts, users: their digests.
        written_key: the key as the file holds it: itself, or ``${NAME}``.
    """

    key: str = ""
    accounts: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    written_key: str = ""

    def __bool__(self) -> bool:
        return bool(self.accounts or self.users)

    def digest(self, kind: Forgettable, name: str) -> str:
        """The digest of an account's or a user's id."""
        inner = hashlib.sha256(f"{self.key}|{kind}|{name}".encode()).hexdigest()
        return hashlib.sha256(f"{self.key}|{inner}".encode()).hexdigest()

    def holds(self, kind: Forgettable, name: str) -> bool:
        """Whether one was forgotten."""
        return self.digest(kind, name) in (self.accounts if kind == "account" else self.users)

    def stands_in(self, line: str) -> bool:
        """Whether a field of a line that could not be read is the id of somebody forgotten."""
        fields = {field.strip() for field in BETWEEN_FIELDS.split(line)}
        return any(self.holds(kind, field) for field in fields if field for kind in ("account", "user"))

    def fingerprint(self) -> str:
        """Names what is suppressed."""
        return hashlib.sha256("\n".join([self.key, *sorted(self.accounts | self.users)]).encode()).hexdigest()[:20]

    def with_one_more(self, kind: Forgettable, name: str) -> Suppression:
        """With another one who was forgotten."""
        keyed = self if self.key else _new_key()
        digest = keyed.digest(kind, name)
        if kind == "account":
            return replace(keyed, accounts=keyed.accounts | {digest})
        return replace(keyed, users=keyed.users | {digest})


def _new_key() -> Suppression:
    key = secrets.token_hex(32)
    return Suppression(key, written_key=key)


def read_suppression(root: Path, fill: Filled) -> Suppression:
    """Who was forgotten in the project at ``root``; raises SpecError, ProjectError.

    ``fill`` replaces the environment's variables in a text, told where it stands.
    """
    path = root / FORGOTTEN_FILE
    if not path.is_file():
        return Suppression()
    spec = read_spec(ForgottenSpec, path)
    key = fill(spec.key, f"{path}, key:")
    return Suppression(key, frozenset(spec.accounts), frozenset(spec.users), spec.key)


def write_suppression(root: Path, suppression: Suppression) -> Path:
    """Writes ``forgotten.yaml``, whole or not at all."""
    path, aside = root / FORGOTTEN_FILE, root / f".{FORGOTTEN_FILE}"
    content: dict[str, str | list[str]] = {"key": suppression.written_key}
    for name, digests in (("accounts", suppression.accounts), ("users", suppression.users)):
        if digests:
            content[name] = sorted(digests)
    aside.write_text(HEAD + yaml.safe_dump(content, sort_keys=False), "utf-8")
    aside.replace(path)
    return path
