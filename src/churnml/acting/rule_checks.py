"""What is wrong with the declared playbooks before any account is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from churnml.acting.facts import Fact
from churnml.acting.rules import Rule, parse_rule
from churnml.specs.playbooks import Playbook, PlaybooksSpec


@dataclass(frozen=True)
class PlaybookRules:
    """A playbook with its rules read.

    Args:
        playbook: which.
        enter, exit: its rules; no exit rule is None.
    """

    playbook: Playbook
    enter: Rule
    exit: Rule | None


@dataclass(frozen=True)
class Rules:
    """All rules of a project, read.

    Args:
        playbooks: in the order declared.
        trouble: who is left alone by playbooks that want to grow.
    """

    playbooks: tuple[PlaybookRules, ...]
    trouble: Rule

    @property
    def all(self) -> tuple[Rule, ...]:
        """Every one of them."""
        enters = [rules.enter for rules in self.playbooks]
        return (*enters, *(rules.exit for rules in self.playbooks if rules.exit is not None), self.trouble)


def read_rules(spec: PlaybooksSpec, where: str, known: Mapping[str, Fact] | None = None) -> Rules:
    """The rules of ``spec``; raises SpecError or UnknownNameError (see :func:`churnml.acting.rules.parse_rule`).

    Args:
        spec: the declared playbooks.
        where: their file, for errors.
        known: the facts there are; None where they were checked before.
    """

    def rule(text: str, playbook: Playbook, key: str) -> Rule:
        return parse_rule(text, f"{where}, playbook '{playbook.name}', {key}", known)

    read = tuple(
        PlaybookRules(
            playbook,
            rule(playbook.enter, playbook, "enter"),
            None if playbook.exit is None else rule(playbook.exit, playbook, "exit"),
        )
        for playbook in spec.playbooks
    )
    # the rule that stands where none is declared names a band of the default health.yaml
    declared = "trouble" in spec.model_fields_set
    return Rules(read, parse_rule(spec.trouble, f"{where}, trouble", known if declared else None))
