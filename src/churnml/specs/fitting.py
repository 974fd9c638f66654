"""Names that one file uses and another declares."""

from __future__ import annotations

from churnml.errors import UnknownNameError
from churnml.specs.playbooks import PlaybooksSpec
from churnml.specs.team import TeamSpec


def check_team_fits(playbooks: PlaybooksSpec, team: TeamSpec, where: str) -> None:
    """Pools and skills that playbooks hand work to, and playbooks that have a budget, must exist.

    Args:
        playbooks: what hands work out.
        team: who there is.
        where: the file of the team, for errors.

    Raises:
        UnknownNameError: with the nearest name that is declared.
    """
    declared = {"pool": team.pool_names(), "skill": team.skill_names()}
    for playbook in playbooks.playbooks:
        for group in (playbook.owner, playbook.escalate_to or ""):
            kind, _, name = group.partition(":")
            if kind in declared and name not in declared[kind]:
                raise UnknownNameError(kind, name, declared[kind], where=f"{where}, asked for by '{playbook.name}'")
    names = [playbook.name for playbook in playbooks.playbooks]
    for name in team.budgets:
        if name not in names:
            raise UnknownNameError("playbook", name, names, where=f"{where}, budgets:")
