"""Services on augmentation: what training pictures become, made by the code of the training itself."""

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image

from digits_core.errors import DigitsError, InvalidOptions, Problem
from digits_core.infer.client import InferenceClient
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.options import check
from digits_core.services.access import authorize
from digits_core.services.datasets import manifest
from digits_core.services.jobs import of_kind
from digits_core.services.workspace import Workspace
from digits_core.tasks import model_task
from digits_core.train.options import TrainOptions

Json = dict[str, Any]
SMALLEST_SIDE = 96


def augmentation_preview(workspace: Workspace, user: str, dataset_id: str, options: Json, seed: int = 0) -> list[bytes]:
    """Sixteen PNGs: four training pictures of the dataset, each in four variants, picture by picture.

    ``options`` are those of a training; ``seed`` chooses the pictures and what happens to them. Raises
    InvalidOptions when they do not suit the dataset.
    """
    view = of_kind(workspace, dataset_id, Kind.DATASET)
    authorize(user, "predict", view)
    manifest(view)  # says it when there is none yet
    checked = check(model_task(view.job.task, str(options.get("task") or "")).model_options, options)
    problems = suiting(view, checked)
    if problems:
        raise InvalidOptions(problems)
    return InferenceClient(workspace.settings).augment(view.id, checked.model_dump(mode="json"), seed)


def suiting(view: JobView, options: TrainOptions) -> list[Problem]:
    """What is wrong between augmentation and the pictures of a dataset, which may still be on its way."""
    asked = view.job.options
    try:
        channels, height, width = manifest(view)["shape"]
    except (DigitsError, KeyError, TypeError, ValueError):
        channels = 3 if asked.get("channels") == "color" else 1
        height, width = asked.get("height"), asked.get("width")
    problems = _unsuited(view.job.task, options, (channels, height, width))
    if options.hsv and channels != 3:
        problems.append(Problem("hsv", "Shifting colours needs colour pictures; this dataset is grey."))
    if options.turns in ("rot90", "rotall") and options.crop is None and height != width:
        problems.append(Problem("turns", f"Turning by 90 degrees needs square pictures; these are {width} x {height}. "
                                         "Set a crop size, or choose 0 and 180 degrees."))
    return problems


def _unsuited(dataset_task: str, options: TrainOptions, shape: tuple[Any, Any, Any]) -> list[Problem]:
    """Pictures that are too small or too large for what is to be learned, or have too many channels."""
    kind, (channels, height, width) = model_task(dataset_task, options.task), shape
    if kind.maker and channels not in (1, 3):
        return [Problem("dataset", f"{kind.title} makes grey or colour pictures; these have {channels} channels.")]
    least, most = kind.sides
    found = (options.crop, options.crop) if options.crop else (width, height)
    if any(isinstance(side, int) and not least <= side <= most for side in found):
        where = "crop" if options.crop else "dataset"
        return [Problem(where, f"{kind.title} takes pictures of {least} to {most} pixels a side; these are {found[0]} "
                               f"x {found[1]}. Make the dataset in another size, or set a crop size.")]
    return []


def sheet(pngs: Sequence[bytes], columns: int = 4, gap: int = 4) -> bytes:
    """One PNG with all pictures in rows, small ones enlarged."""
    pictures = [Image.open(io.BytesIO(png)).convert("RGB") for png in pngs]
    width, height = pictures[0].size
    times = max(1, -(-SMALLEST_SIDE // max(width, height)))
    width, height = width * times, height * times
    rows = -(-len(pictures) // columns)
    page = Image.new("RGB", (columns * (width + gap) - gap, rows * (height + gap) - gap), "white")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        page.paste(picture.resize((width, height), Image.Resampling.NEAREST),
                   (column * (width + gap), row * (height + gap)))
    target = io.BytesIO()
    page.save(target, "PNG")
    return target.getvalue()
