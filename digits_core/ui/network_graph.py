"""The layers of a network as a drawn graph, in the DOT language that the browser lays out."""

from typing import Any

from digits_core.ui.text import count

Json = dict[str, Any]
KINDS = (("conv", "#dbeafe"), ("linear", "#ede9fe"), ("matmul", "#ede9fe"), ("attention", "#ede9fe"),
         ("pool", "#dcfce7"), ("mean", "#dcfce7"), ("norm", "#fef3c7"), ("add", "#ffe4e6"), ("cat", "#ffe4e6"),
         ("mul", "#ffe4e6"))
"""Colours by what a type's name holds; everything else is grey."""
FOLLOWERS = ("norm", "relu", "swish", "silu", "gelu", "sigmoid", "tanh", "elu", "dropout", "softmax", "identity")
"""Layers that are drawn in the box of the layer before them."""


def dot(rows: list[Json], input_shape: list[int]) -> str:
    """A graph from the picture to the output: a box for each layer together with the small ones that follow it."""
    box = boxes(rows)
    lines = ["digraph {", 'node [shape=box style="rounded,filled" fontname="Source Sans, Arial" fontsize=11 '
             'color="#94a3b8" fontcolor="#111827"]', 'edge [color="#94a3b8" arrowsize=0.6]', 'bgcolor="transparent"',
             f'p [label="picture\\n{_shape(input_shape)}" fillcolor="#ffffff"]']
    for first in sorted(set(box)):
        members = [rows[place] for place, where in enumerate(box) if where == first]
        lines.append(f'n{first} [label="{_label(members)}" fillcolor="{_color(str(members[0]["type"]))}"]')
    edges = {(box[place] if place >= 0 else -1, box[number]) for number, row in enumerate(rows)
             for place in row["inputs"]}
    lines += [f"{'p' if start < 0 else f'n{start}'} -> n{end}" for start, end in sorted(edges) if start != end]
    return "\n".join([*lines, "}"])


def boxes(rows: list[Json]) -> list[int]:
    """For each row the first row of the box it is drawn in."""
    takers = [place for row in rows for place in row["inputs"]]
    box: list[int] = []
    for number, row in enumerate(rows):
        before = row["inputs"][0] if len(row["inputs"]) == 1 else -1
        follows = before >= 0 and takers.count(before) == 1 and _holds(str(row["type"]), FOLLOWERS)
        box.append(box[before] if follows else number)
    return box


def _holds(kind: str, words: tuple[str, ...]) -> bool:
    return any(word in kind.lower() for word in words)


def _label(members: list[Json]) -> str:
    first = members[0]
    names = [_escaped(first["name"])] if first["name"] != first["type"] else []
    parameters = sum(int(row["parameters"]) for row in members)
    said = [_shape(members[-1]["shape"]), *([f"{count(parameters)} parameters"] if parameters else [])]
    return "\\n".join([*names, *(_escaped(row["type"]) for row in members), " · ".join(filter(None, said))])


def _shape(shape: list[int]) -> str:
    return " × ".join(map(str, shape))


def _escaped(text: object) -> str:
    """Names come from a user's source: nothing of them may end the string they stand in."""
    return "".join(letter for letter in str(text)[:60] if letter.isalnum() or letter in "._- ")


def _color(kind: str) -> str:
    return next((color for word, color in KINDS if word in kind.lower()), "#f1f5f9")
