"""A project's own feature families in Python, for what ``models/features.yaml`` cannot say.

The file is code of the project's, run with the rights of whoever runs churnml, and only when ``project.yaml``
names it. A registered model never holds or runs it: what is stored are names and numbers.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from churnml.errors import SpecError
from churnml.features import Family, Feature, Wish

NAME = "FAMILIES"
REMEDY = "docs/features.md, 'Features of your own', shows a whole example."


def families_in(path: Path) -> list[Family]:
    """The families that the file at ``path`` lists in ``FAMILIES``; raises SpecError."""
    if not path.is_file():
        raise SpecError("The project's file of Python features is not there.", where=str(path), remedy=REMEDY)
    name = f"_churnml_project_{path.stem}"
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # sys.exit() in it is a mistake as any other: it must not end the run
        raise SpecError(
            f"The project's file of Python features cannot be run ({type(problem).__name__}: {problem}).",
            where=f"{path}{_line(problem, path)}",
            remedy=REMEDY,
        ) from None
    families = getattr(module, NAME, None)
    if not isinstance(families, list | tuple) or not all(isinstance(family, Family) for family in families):
        raise SpecError(f"The file does not list its families in {NAME}.", where=str(path), remedy=REMEDY)
    return [replace(family, features=_watched(family, path)) for family in families]


def _watched(family: Family, path: Path) -> Callable[[Wish], tuple[Feature, ...]]:
    """The features of a family of the project's; what goes wrong in making them is told as a mistake in its file."""

    def features(wish: Wish) -> tuple[Feature, ...]:
        try:
            made = tuple(family.features(wish))
        except Exception as problem:
            raise SpecError(
                f"The features of family '{family.name}' cannot be made ({type(problem).__name__}: {problem}).",
                where=f"{path}{_line(problem, path)}",
                remedy=REMEDY,
            ) from None
        if not all(isinstance(feature, Feature) for feature in made):
            raise SpecError(f"What family '{family.name}' makes are not all features.", where=str(path), remedy=REMEDY)
        return made

    return features


def _line(problem: BaseException, path: Path) -> str:
    """Where in the file it went wrong, as ``, line 12``."""
    if isinstance(problem, SyntaxError) and problem.lineno:
        return f", line {problem.lineno}"
    line, trace = 0, problem.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f", line {line}" if line else ""
