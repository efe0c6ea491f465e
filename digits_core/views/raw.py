"""Raw data: an answer as programs get it, from every task."""

import json
from typing import Any

from PIL import Image

from digits_core.options import Options, option
from digits_core.views import Panel, Text

TITLE = "Raw data"
Json = dict[str, Any]


class ViewOptions(Options):
    """How much is shown."""

    length: int = option(120, title="Longest text", group="View", ge=10, le=1_000_000,
                         help="Characters of one value; pictures in base64 are long.")


def panels(image: Image.Image, answer: Json, options: ViewOptions) -> list[Panel]:
    """The answer's own JSON."""
    return [Text(json.dumps(_cut(answer, options.length), indent=1, ensure_ascii=False))]


def _cut(value: Any, length: int) -> Any:
    if isinstance(value, str) and len(value) > length:
        return f"{value[:length]}… ({len(value):,} characters)"
    if isinstance(value, dict):
        return {key: _cut(part, length) for key, part in value.items()}
    return [_cut(part, length) for part in value] if isinstance(value, list) else value
