"""The worker that turns weights that torchvision publishes into a model of the store."""

import shutil
import time
from pathlib import Path
from typing import Any

import safetensors.torch
from torchvision.models import ResNet18_Weights

from digits_core import files
from digits_core.errors import BadData, DigitsError
from digits_core.infer.model_files import Preprocessing, sha256_of
from digits_core.jobs.context import Context
from digits_core.modelstore import shelf
from digits_core.modelstore.archive import WEIGHTS
from digits_core.modelstore.layout import settle
from digits_core.modelstore.state_dict import channels_and_classes, convert, fitted, renamed, sketch
from digits_core.networks.torchvision_data import PublishedWeights, find_published
from digits_core.safe.download import safe_download
from digits_core.safe.fetch import Times
from digits_core.settings import Settings

Json = dict[str, Any]
IMAGENET = 1000
LONGEST_S = 12 * 3600


def run(context: Context) -> Json:
    """Get, read, check and lay out the weights that the job asks for; returns the model's key figures."""
    folder = context.folder.path
    unpacked = folder / ".unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir()
    try:
        summary = _fetched(context, unpacked)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    shutil.rmtree(folder / "upload", ignore_errors=True)
    return summary


def _fetched(context: Context, unpacked: Path) -> Json:
    options, settings = context.job.options, Settings.load()
    weights = find_published(str(options["network"]), str(options["weights"]))
    path = _obtain(context, settings, weights)
    preprocessing = of_published(weights)
    metrics = {"val/accuracy": weights.accuracy, "val/top5": weights.top5}
    return install(context, unpacked, path, weights.network, preprocessing, None, metrics, weights.url)


def of_published(weights: PublishedWeights) -> Preprocessing:
    """How torchvision prepares a picture: resized by its short side, the middle of it, ImageNet's mean and spread."""
    crop = weights.crop if weights.crop < weights.resize else None
    return Preprocessing(v=1, channels="color", width=weights.resize, height=weights.resize, resize_mode="crop",
                         crop=crop, mean="pixel", mean_pixel=[round(255 * value, 4) for value in weights.mean],
                         std_pixel=[round(255 * value, 4) for value in weights.std])


def _obtain(context: Context, settings: Settings, weights: PublishedWeights) -> Path:
    """The file, from this server's folder or from the internet, with the right checksum."""
    path = shelf.folder(settings) / weights.file
    if path.is_file():
        context.log(f"{path} is taken")
        context.progress(0.0, "Checking", unit="files")
        digest = sha256_of(path)
    else:
        path, digest = _download(context, settings, weights)
    if not digest.startswith(weights.sha256):
        if path.is_relative_to(context.folder.path):
            path.unlink()
        raise BadData(f"{path.name} is not the file that was published: its SHA-256 is {digest[:16]}..., and "
                      f"{weights.sha256}... is expected. Remove {path}, or get it from another place, then resume.")
    return path


def _download(context: Context, settings: Settings, weights: PublishedWeights) -> tuple[Path, str]:
    url = shelf.address(settings, weights)
    if not url:
        raise BadData(f"{weights.file} is not on this server, and DIGITS_WEIGHTS_URL forbids downloads. "
                      f"{shelf.advice(settings, weights)}")
    upload = context.folder.path / "upload"
    upload.mkdir(exist_ok=True)
    limit = int(weights.bytes * 1.1) + 1_000_000
    if files.free_bytes(upload) < 3 * limit:
        raise files.DiskFull(f"{weights.file} needs {3 * limit / 1e6:.0f} MB while it is installed, and "
                             f"{files.free_bytes(upload) / 1e6:.0f} MB are free.")
    context.log(f"downloading {url}")
    start = time.monotonic()

    def watch(size: int) -> None:
        context.check_stop()
        context.progress(min(0.75, 0.75 * size / weights.bytes), "Downloading",
                         size / 1e6 / max(1e-3, time.monotonic() - start), "MB")

    try:
        digest = safe_download(url, upload / weights.file, shelf.hosts(settings), limit, Times(10, 60, LONGEST_S), 4,
                               watch, keep=True)
    except DigitsError as error:
        raise BadData(f"{str(error).rstrip('.')}. Resume goes on where it stopped. Without a way to the internet: "
                      f"{shelf.advice(settings, weights)}") from None
    return upload / weights.file, digest


def install(context: Context, unpacked: Path, source: Path, network: str, preprocessing: Preprocessing,
            labels: tuple[str, ...] | None, metrics: dict[str, float], origin: str) -> Json:
    """Lay a file of weights of a known network out in ``unpacked``, and install it as the job's model.

    Channels and classes are those of the weights; ``labels`` None: ImageNet's, else numbers. Raises BadData with the
    tensors that do not fit.
    """
    context.progress(0.75, "Reading the weights", unit="files")
    tensors = convert(source, unpacked / ".tensors")
    side = (preprocessing.crop or preprocessing.height, preprocessing.crop or preprocessing.width)
    tensors = renamed(tensors, sketch(network, (3, *side), IMAGENET).state_dict())
    channels, classes = channels_and_classes(sketch(network, (3, *side), IMAGENET), tensors)
    shape = (_pictures(channels), *side)
    try:
        tensors = fitted(tensors, sketch(network, shape, classes).state_dict(), source.name)
    except BadData as error:
        raise BadData(f"{error} The network was made for pictures of {side[1]} x {side[0]}: perhaps the weights are "
                      "for another size, or for another network.") from None
    (unpacked / ".tensors").unlink()
    safetensors.torch.save_file(tensors, unpacked / WEIGHTS)
    _describe(unpacked, network, shape, classes, preprocessing, labels)
    del tensors
    return settle(context, unpacked, {"v": 1, "name": origin[:5000]}, metrics=metrics)


def _pictures(channels: int) -> int:
    if channels not in (1, 3):
        raise BadData(f"The weights take pictures of {channels} channels; grey (1) and colour (3) can be prepared.")
    return channels


def _describe(folder: Path, network: str, shape: tuple[int, int, int], classes: int, preprocessing: Preprocessing,
              labels: tuple[str, ...] | None) -> None:
    """The small files of a model folder."""
    if labels is None:
        labels = tuple(ResNet18_Weights.DEFAULT.meta["categories"]) if classes == IMAGENET else tuple(
            str(number) for number in range(classes))
    if len(labels) != classes:
        raise BadData(f"The labels file has {len(labels)} names, and the weights are for {classes} classes.")
    if shape[0] == 1:
        grey = {name: [sum(getattr(preprocessing, name)) / 3] for name in ("mean_pixel", "std_pixel")}
        preprocessing = preprocessing.model_copy(update={"channels": "gray", **grey})
    files.write_atomic(folder / "network.json", {"v": 1, "network": network, "task": "classification",
                                                 "input_shape": list(shape), "classes": classes, "parameters": 0})
    files.write_atomic(folder / "labels.txt", "".join(f"{label}\n" for label in labels))
    files.write_atomic(folder / "preprocessing.json", preprocessing.model_dump(mode="json"))
