"""YAML as people mean it: each key once, each word as it stands there, no file that swells as it is read.

YAML 1.1 would read ``NO`` as false, ``00123`` as the number 83 and ``12:30`` as 750, let the last of two equal keys
win, and build a billion values from ten lines. Here numbers are decimal, true and false are the only truth values,
and dates stay text until the key they stand under asks for a date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

DEEPEST = 40
# What aliases may add to what the file itself says.
MOST_REPEATED = 10_000
PLAIN_TAGS = (None, "!", "tag:yaml.org,2002:str")
MERGE_TAG = "tag:yaml.org,2002:merge"
# Words of PyYAML's messages → what to do.
REMEDIES: Mapping[str, str] = {
    "'\\t'": "A tab stands where YAML wants blanks: indent with blanks only.",
    "mapping values are not allowed here": "Put a text that holds ': ' in quotes, and check the indentation.",
    "could not find expected ':'": "Write 'key: value' with a blank behind the colon, and check the line before.",
    "unknown escape character": "A backslash in double quotes begins an escape: use single quotes, or / in a path.",
    "that cannot start any token": "Put a text that begins with a special sign (@ ` %) in quotes.",
    "expected ',' or": "Close the bracket or brace, and put commas between its values.",
    "unexpected end of stream": "Close the quote, bracket or brace that was opened.",
    "expected <block end>": "Check the indentation: keys of one mapping begin in the same column.",
    "undefined alias": "Define it before with &name, or put a text that begins with * in quotes.",
    "another document": "Keep one document a file: remove the line '---' in its middle.",
}


class YamlTextError(ValueError):
    """A text that is no YAML, or not plainly so: ``what``, the ``line`` counted from 1 (or None) and the ``remedy``."""

    def __init__(self, what: str, line: int | None, remedy: str) -> None:
        super().__init__(what)
        self.what, self.line, self.remedy = what, line, remedy


@dataclass(frozen=True)
class YamlText:
    """What a YAML text says.

    Attributes:
        value: mappings, lists and scalars.
        root: the same with the places it stands in; None for an empty text.
    """

    value: object
    root: yaml.Node | None

    def line_of(self, path: Sequence[int | str]) -> int | None:
        """The line, counted from 1, of what is at ``path``, or of as much of it as is there."""
        node, line = self.root, None
        for step in path:
            inside = None if node is None else _inside(node, step)
            if inside is not None:  # else a step that names no key: which choice of several was tried
                line, node = inside[0].start_mark.line + 1, inside[1]
        return line


def read_yaml(text: str) -> YamlText:
    """What ``text`` says; raises YamlTextError."""
    try:
        loader = _PlainLoader(text)
        root = loader.get_single_node()
        if root is None:
            return YamlText(None, None)
        _must_not_swell(root)
        _must_have_each_key_once(root, ())
        return YamlText(loader.construct_document(root), root)
    except yaml.reader.ReaderError as problem:
        raise _unprintable(text, problem) from None
    except yaml.MarkedYAMLError as problem:
        raise _no_yaml(problem) from None


class _PlainLoader(yaml.SafeLoader):
    """PyYAML's loader with the scalars of YAML 1.2 and without tags."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as PyYAML has it

    def __init__(self, stream: str) -> None:
        self._depth = 0
        super().__init__(stream)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if self._depth >= DEEPEST:
            raise YamlTextError(f"It is nested more than {DEEPEST} levels deep.", line, "Nothing here needs that.")
        if getattr(event, "tag", None) not in PLAIN_TAGS:
            raise YamlTextError(
                "The file is not valid YAML here: tags (! before a value) are not read.",
                line,
                "Write the value alone, in quotes if it begins with '!'.",
            )
        if "\0" in (getattr(event, "value", None) or ""):  # written as an escape
            raise YamlTextError("The file is not valid YAML here: a text holds a zero byte.", line, "Remove the \\0.")
        self._depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    # longer ones, and those that begin with a zero, are names rather than numbers
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
     "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):  # fmt: skip
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first))


def _inside(node: yaml.Node, step: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    """Where a key or a place of a list stands, and what it has."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _must_not_swell(root: yaml.Node) -> None:
    """Refuses what refers to itself, and what becomes far larger than it stands there."""
    sizes: dict[int, int] = {}
    above: set[int] = set()

    def size_of(node: yaml.Node) -> int:
        if id(node) in above:
            raise YamlTextError("An alias (*name) refers to what it stands in.", _line(node), "Write the value out.")
        if id(node) not in sizes:
            above.add(id(node))
            sizes[id(node)] = 1 + sum(map(size_of, _children(node)))
            above.discard(id(node))
        return sizes[id(node)]

    if size_of(root) - len(sizes) > MOST_REPEATED:
        raise YamlTextError(
            f"Its aliases (*name) stand for more than {MOST_REPEATED:,} values.", None, "Write the values out."
        )


def _must_have_each_key_once(node: yaml.Node, path: tuple[str, ...]) -> None:
    seen: dict[str, int] = {}
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if not isinstance(key, yaml.ScalarNode):
            raise YamlTextError(
                "A key is a list or a mapping.", _line(key), "Put a text that begins with [ or { in quotes."
            )
        # blanks around a name are no part of it, and 7 and '7' are one name
        name = key.value.strip()
        whole = ".".join([*path, name])
        if name in seen:
            first, second = seen[name], _line(key)
            lines = f"both times in line {first}" if first == second else f"in line {first} and in line {second}"
            raise YamlTextError(
                f"'{whole}' stands there twice, {lines}.",
                _line(key),
                "Keep one of them; the other would be passed over.",
            )
        seen[name] = _line(key)
        _must_have_each_key_once(value, (*path, name))
    for place, value in enumerate(node.value if isinstance(node, yaml.SequenceNode) else ()):
        _must_have_each_key_once(value, (*path, str(place)))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _no_yaml(problem: yaml.MarkedYAMLError) -> YamlTextError:
    text = " ".join(f"{problem.problem or ''}".split())
    mark = problem.problem_mark or problem.context_mark
    remedy = next((then for words, then in REMEDIES.items() if words in text), "See docs/specs.md.")
    return YamlTextError(f"The file is not valid YAML ({text[:200]}).", mark.line + 1 if mark else None, remedy)


def _unprintable(text: str, problem: yaml.reader.ReaderError) -> YamlTextError:
    line = text.count("\n", 0, problem.position) + 1
    sign = problem.character if isinstance(problem.character, int) else ord(problem.character)
    return YamlTextError(
        f"The file is not valid YAML (it holds the unprintable character U+{sign:04X}).",
        line,
        "Remove the character, or save the file as plain UTF-8 text.",
    )
