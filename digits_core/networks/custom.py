"""A network that a user wrote, as far as that goes without running it: its text, and the values it is given."""

import ast
import re
from dataclasses import dataclass, field
from typing import Any

from digits_core.errors import BadData

CUSTOM = "custom"
"""The name of such a network among the others."""
ENTRY = "build_network"
FILE = "network.py"
LONGEST = 200_000
"""Characters of source."""
OTHERS = {
    "Caffe (prototxt)": re.compile(r"^\s*(layers?|solver_param|net_param)\s*\{", re.M),
    "Torch7 (Lua)": re.compile(r"^\s*(local\s+\w+|require\s*\(?['\"]\w+|return\s+function\b|function\s+\w+\()", re.M),
    "TensorFlow (DIGITS' UserModel)": re.compile(r"^\s*class\s+UserModel\s*\(\s*Tower", re.M),
}
"""What networks for DIGITS' other frameworks look like."""


@dataclass(frozen=True)
class NetworkParams:
    """What a user's ``build_network(params)`` is given."""

    input_shape: tuple[int, int, int]
    """(channels, height, width) of a picture."""
    classes: int
    options: dict[str, Any] = field(default_factory=dict)
    """The values beside the source: numbers, True or False, or text."""


class BadNetwork(BadData):
    """A custom network does not work; the text names the line of its source where there is one."""


def check_source(source: str) -> None:
    """Raise BadNetwork unless the text is Python that defines ``build_network``. Parses only; nothing is run."""
    if len(source) > LONGEST:
        raise BadNetwork(f"The source is {len(source):,} characters long; at most {LONGEST:,} are taken.")
    if other := next((name for name, pattern in OTHERS.items() if pattern.search(source)), ""):
        raise BadNetwork(f"This is a network for {other}. Here networks are Python for PyTorch: a function "
                         f"{ENTRY}(params) that returns an nn.Module; begin with the source of a standard network.")
    try:
        body = ast.parse(source, FILE).body
    except SyntaxError as error:
        raise BadNetwork(f"line {error.lineno}: {error.msg}.") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise BadNetwork(f"This is not Python source: {error}.") from None
    if not any(isinstance(part, ast.FunctionDef) and part.name == ENTRY for part in body):
        raise BadNetwork(f"There is no function {ENTRY}(params) in it, which returns the network (an nn.Module).")


def parse_values(text: str) -> dict[str, Any]:
    """``width=32, dropout=0.5, norm=true, kind=wide`` as numbers, booleans and text. Raises BadNetwork."""
    found: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.replace("\n", ",").split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not name.isidentifier():
            raise BadNetwork(f"{part[:60]!r} is not name=value.")
        found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
