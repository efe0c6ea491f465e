"""Services on models that make pictures: what they made while they learned, and what they make now."""

import base64
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from digits_core.data.reader import read_samples
from digits_core.errors import BadData, DigitsError, InvalidOptions, NotFound, Problem
from digits_core.infer.client import InferenceClient
from digits_core.infer.making import MakeOptions
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.networks import LATENT
from digits_core.options import check
from digits_core.services.access import authorize
from digits_core.services.jobs import of_kind
from digits_core.services.models import find_checkpoint
from digits_core.services.workspace import Workspace
from digits_core.tasks import task
from digits_core.views import Panel, from_json

Json = dict[str, Any]
Image = tuple[str, bytes]
SAMPLE = re.compile(r"epoch_(\d{4,}\.\d{6})\.png")


def samples(view: JobView) -> list[float]:
    """The epochs after which a model left a sheet of pictures it made, in order; none for models that make none."""
    names = (SAMPLE.fullmatch(path.name) for path in view.folder.samples.glob("epoch_*.png"))
    return sorted(float(name.group(1)) for name in names if name)


def sample(workspace: Workspace, model_id: str, epoch: str = "last") -> bytes:
    """The sheet (PNG) after an epoch, or "last". Raises NotFound with the epochs there are."""
    view = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED)
    known = {f"{found:g}": found for found in samples(view)}
    chosen = known.get(epoch if epoch != "last" else next(reversed(known), ""))
    with suppress(OSError):  # removed while we look
        if chosen is not None:
            return (view.folder.samples / f"epoch_{chosen:011.6f}.png").read_bytes()
    raise NotFound(f"'{view.name}' left no samples of epoch {epoch[:20]}; there are {', '.join(known) or 'none'}.")


def can_make(view: JobView) -> bool:
    """Whether a model makes pictures."""
    return bool(task(view.job.task).maker)


def knows_classes(workspace: Workspace, model_id: str) -> bool:
    """Whether a generator can be asked for a class."""
    return ModelFolder.read(workspace.store.folder(model_id).path).network.outputs > LATENT


def make(workspace: Workspace, user: str, model_id: str, options: Json, images: Sequence[Image] = (),
         checkpoint: str = "best") -> list[Panel]:
    """Pictures that a generator makes, see MakeOptions; from ``images`` where some are given.

    Raises InvalidOptions with every problem at its field.
    """
    view = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED)
    authorize(user, "predict", view)
    if not can_make(view):
        raise BadData(f"'{view.name}' makes no pictures: it was trained for {task(view.job.task).title.lower()}.")
    checked, model = check(MakeOptions, options), ModelFolder.read(view.folder.path)
    if problems := checked.fitting(model.labels, model.network.outputs, len(images)):
        raise InvalidOptions(problems)
    examples = [_examples(workspace, view, model.labels.index(label), checked.count) for label in checked.examples()]
    panels = InferenceClient(workspace.settings).make(
        view.id, str(find_checkpoint(view, checkpoint)["file"]), [*images, *(one for part in examples for one in part)],
        {"options": checked.model_dump(mode="json"), "examples": [len(part) for part in examples]})
    return [from_json(panel) for panel in panels]


def _examples(workspace: Workspace, view: JobView, label: int, count: int) -> list[Image]:
    """The first training pictures of a class, as they are in the dataset that the model learned from."""
    try:
        dataset = of_kind(workspace, str(view.job.options.get("dataset")), Kind.DATASET)
        found = read_samples(dataset.folder.path / "train.lmdb", label, limit=count)["items"]
    except DigitsError as error:
        raise InvalidOptions([Problem("plus", f"The model's dataset is needed for this: {error}")]) from None
    return [(str(item["path"]), base64.b64decode(item["png"])) for item in found]
