"""A checkpoint, loaded and ready: pixels in, answers out.

Legend of shapes: B batch, C channels, H height, W width, K classes.
"""

import hashlib
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from digits_core.data.planes import least_spread
from digits_core.errors import BadData, DigitsError, NotAllowed
from digits_core.infer.answers import Answerer, Found
from digits_core.infer.embedding import tap
from digits_core.infer.model_files import CheckpointFile
from digits_core.infer.model_folder import ModelFolder
from digits_core.networks.build import build_network
from digits_core.tasks import task

GPU_BATCH = 32
"""On a GPU every batch is filled up to this size: kernels are chosen by batch size, and with them the last digit."""

Pixels = np.ndarray[Any, np.dtype[Any]]


class Predictor:
    """One model at one checkpoint. Safe to use from several threads at once."""

    def __init__(self, model: ModelFolder, row: CheckpointFile, device: str = "cpu", user_code: bool = False) -> None:
        """Raises BadData unless the weights are whole (sha256) and fit the network exactly.

        A custom network is loaded where its code may run only (``user_code``), else NotAllowed is raised.
        """
        if model.source and not user_code:
            raise NotAllowed("This model brings its own code; it runs in a process of its own only.")
        self.model, self.row, self.device = model.at(row), row, torch.device(device)
        tensors = read_weights(model.weights(row), row.sha256, row.bytes)
        self.network = load_network(model, tensors, row.file).eval().to(self.device)
        self.last_input = tap(self.network)
        kind = task(model.network.task)
        self.answerer: Answerer = resolve_name(kind.answerer)()
        self.embeds = kind.embeds
        self.batch_size = GPU_BATCH if self.device.type == "cuda" else 1
        mean, std = normalisation(model)
        self.mean, self.std = mean.to(self.device), std.to(self.device)

    def predict(self, pictures: list[Pixels]) -> list[Found]:
        """What the task's answerer makes of prepared pictures (C, H, W): of a classifier, probabilities (K,) of each.

        A picture's numbers do not depend on its neighbours: one by one on a CPU, in batches of one size on a GPU, where
        pictures that keep their own size go one by one too.
        """
        usual = all(picture.shape == self.model.network.input_shape for picture in pictures)
        size = self.batch_size if usual else 1
        found = [array for at in range(0, len(pictures), size) for array in self._batch(pictures[at:at + size], size)]
        if not all(np.isfinite(array).all() for array in found):
            raise BadData(f"The weights of epoch {self.row.epoch:g} give values that are not numbers (NaN). "
                          "Choose an earlier checkpoint.")
        return found

    @torch.inference_mode()
    def _batch(self, pictures: list[Pixels], size: int) -> list[Found]:
        filled = pictures + [pictures[0]] * (size - len(pictures))
        pixels_BCHW = torch.from_numpy(np.stack(filled)).to(self.device).float()
        return self.answerer.finish(self.network((pixels_BCHW - self.mean) / self.std))[:len(pictures)]


def normalisation(model: ModelFolder) -> tuple[Tensor, Tensor]:
    """What is subtracted and what divides, both broadcastable to (C, H, W), on the scale 0..255."""
    steps = model.preprocessing
    channels = model.network.input_shape[0]
    std = torch.tensor(steps.std_pixel or [1.0] * channels).clamp(min=least_spread(steps.channels)).view(-1, 1, 1)
    image = model.mean_image()
    if image is not None:
        return torch.from_numpy(np.ascontiguousarray(image)), std
    values = steps.mean_pixel if steps.mean == "pixel" else [0.0] * channels
    return torch.tensor(values).view(-1, 1, 1), std


def read_weights(path: Path, sha256: str, size: int) -> dict[str, Tensor]:
    """The tensors of a safetensors file whose checksum is known. Raises BadData; never runs anything from the file."""
    if not path.is_file():
        raise BadData(f"The weights {path.name} are missing. Choose another checkpoint.")
    if path.stat().st_size != size:
        raise BadData(f"The weights {path.name} are {path.stat().st_size} bytes long instead of {size}: the file was "
                      "cut or changed. Choose another checkpoint.")
    content = path.read_bytes()  # read once: what was summed is what is loaded
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BadData(f"The weights {path.name} have changed since they were saved (wrong sha256): the disk or "
                      "somebody altered them. Choose another checkpoint.")
    try:
        return safetensors.torch.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise BadData(f"The weights {path.name} are not a safetensors file: {error}.") from error


def load_network(model: ModelFolder, tensors: dict[str, Tensor], name: str) -> nn.Module:
    """The network of ``model``, with exactly these weights. Runs the source of a custom network.

    Names, shapes and types are compared before anything of the network's size is allocated.
    """
    file = model.network

    def build() -> nn.Module:
        return build_network(file.network, file.input_shape, file.outputs or file.classes, model.source, file.values)

    try:
        with torch.device("cpu" if model.source else "meta"):  # a user's code may look at its weights
            wanted = build().state_dict()
    except DigitsError:
        raise
    except Exception as error:
        raise BadData(f"The network {file.network!r} cannot be built for pictures of {file.input_shape} and "
                      f"{file.outputs or file.classes} outputs: {str(error)[:200]}") from error
    problems = mismatches(wanted, tensors)
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise BadData(f"The weights {name} do not fit the network {file.network}: {'; '.join(problems[:5])}{more}.")
    network = build()
    network.load_state_dict(tensors, strict=True)
    return network


def mismatches(wanted: dict[str, Tensor], found: dict[str, Tensor]) -> list[str]:
    """What is missing, too much, or of another shape or type."""
    problems = [f"{name} is missing" for name in sorted(wanted.keys() - found.keys())]
    problems += [f"{name[:80]} is not part of it" for name in sorted(found.keys() - wanted.keys())]
    for name in sorted(wanted.keys() & found.keys()):
        if wanted[name].shape != found[name].shape:
            problems.append(f"{name} is {tuple(found[name].shape)} instead of {tuple(wanted[name].shape)}")
        elif wanted[name].dtype != found[name].dtype:
            problems.append(f"{name} holds {found[name].dtype} instead of {wanted[name].dtype}")
    return problems


def set_up_torch() -> None:
    """The same numbers every time: full float32, one thread a picture, fixed kernels."""
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
