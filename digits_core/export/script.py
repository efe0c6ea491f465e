"""The script of an archive: of predict.py beside this file the lines that one model needs, with its own numbers.

A line there may end in "#:" and words; it is kept where all of them are true of the model, and a whole function if the
words stand behind its ``def``. Words in capitals stand for numbers of the model.
"""

import re
from pathlib import Path
from typing import Any

from digits_core.data.pictures import PAD, padding
from digits_core.data.planes import ALL
from digits_core.data.texts import TEXT
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.signature import signature
from digits_core.networks import LATENT
from digits_core.tasks import task

SOURCE = Path(__file__).with_name("predict.py")
TAG, APART = "  #: ", "\n\n\n"
READ = {TEXT: "text", ALL: "all"}
EVEN = ("crop", "fill", "half")
CALLED = {"digits_core.infer.answers:LabelSet": "set", "probabilities": "label", "picture": "made"}
"""What an answer is called there, by its answerer or its output; others by the name of that."""
PLACED, DRAWN, KEPT = {"mask", "boxes"}, {"made", "code"}, {"set", "embedding"}
NAMED = ({"label"}, {"set"}, {"mask"}, {"boxes"}, {"values"}, {"code", "classes"}, {"embedding", "reference"})
"""Answers that tell labels."""


def script(model: ModelFolder) -> str:
    """predict.py for a model."""
    facts, numbers = _facts(model), _numbers(model)
    blocks = (_kept(block.splitlines(), facts) for block in SOURCE.read_text().split(APART))
    return re.sub(rf"\b({'|'.join(numbers)})\b", lambda word: numbers[word[0]], APART.join(filter(None, blocks))) + "\n"


def _kept(lines: list[str], facts: set[str]) -> str:
    """What is left of a function, or of the lines above all: empty, if its first line does not hold."""
    parts = [line.partition(TAG) for line in lines]
    true = [set(words.split()) <= facts for _, _, words in parts]
    return "\n".join(text for (text, *_), holds in zip(parts, true, strict=True) if holds) if true[0] else ""


def _facts(model: ModelFolder) -> set[str]:
    steps, output = model.preprocessing, signature(model).output.name
    told = CALLED.get(task(model.network.task).answerer) or CALLED.get(output, output)
    mode, _, canvas = steps.resize_mode.partition(" ") if steps.channels != TEXT else ("",) * 3
    facts = {
        told: True, READ.get(steps.channels, "picture"): True, steps.channels: True, mode: True,
        "placed": told in PLACED, "nowhere": told not in PLACED, "drawn": told in DRAWN,
        "words": told not in PLACED | DRAWN, "canvas": canvas, "own": not canvas, "cut": steps.crop,
        "fitted": mode != "squash", "even": mode in EVEN, "noise": mode in EVEN[1:],
        "classes": model.network.outputs > LATENT, "unnamed": model.network.outputs <= LATENT,
        "reference": model.reference and told in KEPT, "alone": not model.reference}
    found = {name for name, holds in facts.items() if holds}
    return found | ({"named"} if any(needs <= found for needs in NAMED) else set())


def _numbers(model: ModelFolder) -> dict[str, str]:
    """The source of each."""
    steps, network = model.preprocessing, model.network
    room = padding(steps.resize_mode, steps.width, steps.height) if steps.resize_mode.startswith(PAD) else (0, 0)
    low, high = steps.span or (0.0, 255.0)
    values: dict[str, Any] = {
        "WIDTH": steps.width, "HEIGHT": steps.height, "ROOM_X": room[0], "ROOM_Y": room[1],
        "CUT_X": (steps.width - (steps.crop or 0)) // 2, "CUT_Y": (steps.height - (steps.crop or 0)) // 2,
        "LOW": low, "SPAN": high - low, "OUTPUTS": network.outputs, "SHAPE": network.input_shape,
        "CHARACTERS": str(steps.details.get("alphabet", ""))}
    return {**{name: repr(value) for name, value in values.items()}, "PORT": signature(model).input.name}
