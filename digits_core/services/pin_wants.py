"""Services on pins of answers that are no labels: numbers that must be near enough, pictures that must be alike."""

import base64
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from digits_core.data import pictures
from digits_core.errors import BadData, DigitsError, InvalidOptions, NotFound, Problem
from digits_core.infer.client import InferenceClient
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.model import Kind
from digits_core.modelstore.pins import Pins
from digits_core.modelstore.publish import MADE
from digits_core.services.access import authorize
from digits_core.services.jobs import of_kind
from digits_core.services.pins import Image, picture_problems, pinnable, unreadable
from digits_core.services.team import gate, team_store
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
LIKE = 30.0
"""PSNR in dB from which two pictures look alike."""


def pin_values(workspace: Workspace, user: str, name: str, images: Sequence[Image], values: Sequence[Json]
               ) -> list[Json]:
    """Pin pictures of which every new version must tell ``values``: [{"label", "value", "within"}], in own units.

    Raises InvalidOptions when that cannot be.
    """
    authorize(user, "create")
    store, model = pinnable(workspace, name, "values")
    found = Pins(store, name)
    problems = picture_problems(found, model, images) + _value_problems(model, values)
    if problems:
        raise InvalidOptions(problems)
    wanted = [{"label": str(row["label"]), "value": float(row["value"]), "within": float(row["within"])}
              for row in values]
    return [found.add_picture(Path(text).name, data, user, {"values": wanted}) for text, data in images]


def _value_problems(model: ModelFolder, values: Sequence[Json]) -> list[Problem]:
    labels = [str(row.get("label", "")) for row in values]
    found = [] if values else [Problem("values", "At least one number is needed.")]
    found += [Problem("values", f"The model tells {', '.join(model.labels)}, not {label[:60]!r}.")
              for label in labels if label not in model.labels]
    if len(set(labels)) < len(labels):
        found.append(Problem("values", "One number for each name."))
    for row in values:
        value, within = row.get("value"), row.get("within")
        if not (_number(value) and _number(within) and within >= 0):  # type: ignore[operator]
            found.append(Problem("values", f"{str(row.get('label'))[:60]} needs a number, and how far it may be off."))
    return found


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def pin_target(workspace: Workspace, user: str, name: str, image: Image, target: Image | None = None,
               psnr: float = LIKE) -> Json:
    """Pin a picture of which every new version must make ``target``, with a PSNR of so many dB at least.

    Without a target it is what the newest version makes of it now. Raises InvalidOptions when that cannot be.
    """
    authorize(user, "create")
    store, model = pinnable(workspace, name, "target")
    found = Pins(store, name)
    problems = picture_problems(found, model, [image])
    if target and (problem := unreadable(model, target)):
        problems.append(Problem("target", problem))
    if not 0 < psnr <= 100:
        problems.append(Problem("psnr", "A PSNR of more than 0 and at most 100 dB is needed."))
    if problems:
        raise InvalidOptions(problems)
    wanted = {"psnr": psnr, "target": Path(target[0]).name[:200] if target else ""}
    data = target[1] if target else _made(said(workspace, name, image))
    return found.add_picture(Path(image[0]).name, image[1], user, wanted, data)


def _made(answer: Json) -> bytes:
    return base64.b64decode(answer.get("array") or answer["picture"])


def said(workspace: Workspace, name: str, image: Image) -> Json:
    """What the newest version says of a picture now. Raises BadData when its training is not here, or it cannot."""
    version = team_store(workspace).newest(name)
    try:
        options = of_kind(workspace, str(version.info.get("publication", "")), Kind.PUBLISH).job.options
        of_kind(workspace, str(options["model"]), Kind.MODEL, Kind.PRETRAINED)
        [answer] = InferenceClient(workspace.settings).classify(
            str(options["model"]), str(options["checkpoint_file"]), [image], 5)
    except DigitsError as error:
        raise BadData(f"Version {version.number} of {name} cannot be asked here, so say yourself what is wanted: "
                      f"{error}") from None
    if "error" in answer:
        raise BadData(f"{image[0]} {answer['error']}.")
    return answer


def wanted_picture(workspace: Workspace, name: str, pin_id: str) -> bytes:
    """The picture that a pin wants, as PNG in its own size. Raises NotFound."""
    store = team_store(workspace)
    newest, found = store.newest(name), Pins(store, name)
    pin = found.find(pin_id)
    if "psnr" not in pin or not found.target(pin).is_file():
        raise NotFound("This pin wants no picture.")
    model = ModelFolder.read(store.folder(name, newest.number))
    return pictures.image_png(model.shown(found.target(pin).read_bytes(), str(pin["target"] or "answer")))


def made_picture(workspace: Workspace, job_id: str, pin_id: str) -> bytes:
    """The picture that came where a pin wanted another one, as PNG. Raises NotFound."""
    folder = of_kind(workspace, job_id, Kind.PUBLISH).folder.path
    for row in gate(workspace, job_id):
        if row["pin"]["id"] == pin_id and row.get("made"):
            path = folder / MADE / Path(str(row["made"])).name
            if path.is_file():
                return path.read_bytes()
    raise NotFound("There is no such picture.")
