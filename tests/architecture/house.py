"""What the code of a room looks like: names, sizes and types that no linter of ours knows.

``python -m tests.architecture.house [PATH …]`` lists what is broken, a line each; ``make lint`` runs it.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (ROOT / "src/churnml", ROOT / "pipelines")
LINES_A_FILE = 500
LINES_A_FUNCTION = 60
# Each of them stands for JSON, or for a library without types.
ANY_SIGNATURES = 120
# Names that say that something was said or found, and not what it is.
REFUSED = frozenset({"said", "found"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """A file, parsed."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))


def sources(paths: tuple[Path, ...] = ROOMS) -> list[Source]:
    """Every Python file under ``paths``, in order of their names."""
    files = sorted(file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py")))
    return [Source(file, text := file.read_text("utf-8"), ast.parse(text)) for file in files]


def names(source: Source) -> Iterator[tuple[str, int]]:
    """Every name a file gives to something, with the line."""
    for node in ast.walk(source.tree):
        if isinstance(node, Function | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname, node.lineno
        elif (isinstance(node, ast.ExceptHandler) and node.name) or (
            isinstance(node, ast.MatchAs | ast.MatchStar) and node.name
        ):
            yield node.name, node.lineno


def refused_names(source: Source) -> list[str]:
    return [
        f"{source.name}:{line} '{name}' says nothing of what it is"
        for name, line in names(source)
        if name.strip("_") in REFUSED
    ]


def classes_with_one_name(given: list[Source]) -> list[str]:
    where: dict[str, list[str]] = defaultdict(list)
    for source in given:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef):
                where[node.name].append(source.name)
    return [f"class {name} stands in {', '.join(files)}" for name, files in where.items() if files[1:]]


def mentions_any(node: ast.expr | None) -> bool:
    return node is not None and any(isinstance(part, ast.Name) and part.id == "Any" for part in ast.walk(node))


def signatures_with_any(source: Source) -> list[str]:
    """The functions that take or return ``Any``."""
    untyped = []
    for function in source.functions():
        takes = function.args
        arguments = [*takes.posonlyargs, *takes.args, *takes.kwonlyargs, takes.vararg, takes.kwarg]
        if mentions_any(function.returns) or any(a is not None and mentions_any(a.annotation) for a in arguments):
            untyped.append(f"{source.name}:{function.lineno} {function.name}")
    return untyped


def too_long(source: Source) -> list[str]:
    lines = source.text.count("\n")
    broken = [f"{source.name} has {lines} lines"] if lines > LINES_A_FILE else []
    for function in source.functions():
        size = (function.end_lineno or function.lineno) - function.lineno + 1
        if size > LINES_A_FUNCTION:
            broken.append(f"{source.name}:{function.lineno} {function.name} has {size} lines")
    return broken


def main(arguments: list[str]) -> int:
    """Prints what is broken; 1 when anything is."""
    given = sources(tuple(Path(argument).resolve() for argument in arguments) or ROOMS)
    broken = [line for source in given for line in (*refused_names(source), *too_long(source))]
    broken += classes_with_one_name(given)
    untyped = [line for source in given for line in signatures_with_any(source)]
    if len(untyped) > ANY_SIGNATURES:
        broken += [f"{len(untyped)} signatures with Any, {ANY_SIGNATURES} are allowed", *untyped]
    sys.stdout.write("".join(f"{line}\n" for line in broken))
    if not arguments:
        counts = Counter(line.split(":")[0] for line in untyped)
        sys.stdout.write(f"{len(untyped)} signatures with Any in {len(counts)} files\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
