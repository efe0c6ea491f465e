"""Reads YAML that somebody else wrote: plain values only, no aliases (a kilobyte of them can mean gigabytes)."""

import re
from typing import Any

import yaml

from digits_core.errors import InvalidOptions, Problem

Json = dict[str, Any]
LONGEST, MOST, DEEPEST = 1_000_000, 20_000, 50
"""Characters, values, and values in each other. PyYAML is slow, and the server has other things to do."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without aliases and without repeated names."""

    count = depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse a reference to an earlier part, and more than anybody writes."""
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "references (*name) are not allowed here",
                                              self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        self.count, self.depth = self.count + 1, self.depth + 1
        if self.count > MOST or self.depth > DEEPEST:
            raise yaml.composer.ComposerError(
                None, None, f"a recipe has at most {MOST:,} values, {DEEPEST} of them in each other",
                self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Refuse a name that stands there twice."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key.value, str) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands there twice",
                                                        key.start_mark)
            seen.add(key.value if isinstance(key.value, str) else "")
        return super().construct_mapping(node, deep)


def load(text: str) -> tuple[Json, dict[str, int]]:
    """The mapping in a YAML text, and the line (from 1) of every field by its path (``jobs.0.options.width``).

    Raises InvalidOptions with the line that is wrong.
    """
    if len(text) > LONGEST:
        raise InvalidOptions([Problem("", f"The file is longer than {LONGEST:,} characters.")])
    if odd := _Loader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, odd.start()) + 1
        raise InvalidOptions([Problem("", f"Line {line}: the character U+{ord(odd.group()):04X} is not YAML.")])
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        lines: dict[str, int] = {}
        if node is not None:
            _note(node, "", lines)
        value = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"Line {mark.line + 1}: " if mark else ""
        raise InvalidOptions([Problem("", f"{where}{error.problem or 'this is not YAML'}.")]) from None
    except (yaml.YAMLError, ValueError, RecursionError, LookupError, AttributeError, TypeError) as error:
        # the last ones are PyYAML's own mistakes with values such as `!!int ""`
        raise InvalidOptions([Problem("", f"This is not YAML: {str(error)[:200] or 'it is too deep'}.")]) from None
    if not isinstance(value, dict):
        raise InvalidOptions([Problem("", "A recipe begins with 'digits_recipe: 1'.")])
    return value, lines


def _note(node: Any, place: str, lines: dict[str, int]) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    dot = "." if place else ""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[f"{place}{dot}{key.value}"] = key.start_mark.line + 1
            _note(value, f"{place}{dot}{key.value}", lines)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _note(value, f"{place}{dot}{number}", lines)


def said(problem: Problem, file: str) -> str:
    """A problem of a recipe as a line for people.

    >>> said(Problem("jobs.0.kind", "Line 7: There is no such kind."), "pets.yaml")
    'pets.yaml: jobs[0].kind (line 7): There is no such kind.'
    """
    line, number, words = re.fullmatch(r"(?s)(?:(Line (\d+)): )?(.*)", problem.message).groups()  # type: ignore[union-attr]
    key = re.sub(r"\.(\d+)", r"[\1]", problem.field)
    where = " ".join(filter(None, [key, line and (f"(line {number})" if key else f"line {number}")]))
    return ": ".join(filter(None, [file, where, words]))
