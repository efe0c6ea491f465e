"""A model that Caffe trained, laid out as one of ours: network, weights, labels, and how pictures are prepared."""

from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from digits_core import files
from digits_core.errors import BadData
from digits_core.infer.model_files import Preprocessing, read_labels, read_mean
from digits_core.jobs import child
from digits_core.modelstore.archive import WEIGHTS
from digits_core.modelstore.digits_info import DigitsInfo
from digits_core.modelstore.state_dict import WITHIN_S, fitted
from digits_core.networks import graph
from digits_core.networks.build import build_network

Json = dict[str, Any]


def lay_out(info: DigitsInfo, work: Path, task: str) -> None:
    """Write network.json, labels.txt, preprocessing.json, mean.npy and the weights into ``work``.

    Raises BadData with all layers that cannot be taken over, or with what does not fit.
    """
    found = _ask(info, work)
    channels, height, width = map(int, found["sides"])
    known, shape = graph.read(found["graph"]), (channels, height, width)
    if known.dense != (task == "segmentation"):
        raise BadData("This network answers for every pixel: upload its files as segmentation." if known.dense else
                      "This network gives one answer a picture: upload its files as classification.")
    labels = _labels(info, known.classes)
    with torch.device("meta"):
        own = build_network(graph.CAFFE, shape, known.classes, values=found["graph"]).state_dict()
    tensors = fitted(safetensors.torch.load_file(work / ".tensors"), own, info.snapshot.name)
    safetensors.torch.save_file(tensors, work / WEIGHTS)
    (work / ".tensors").unlink()
    files.write_atomic(work / "network.json", {"v": 1, "network": graph.CAFFE, "task": task, "values": found["graph"],
                                               "input_shape": list(shape), "classes": known.classes})
    files.write_atomic(work / "labels.txt", "".join(f"{label}\n" for label in labels))
    preprocessing = _preprocessing(info, found, work)
    files.write_atomic(work / "preprocessing.json", preprocessing.model_dump(mode="json"))


def _ask(info: DigitsInfo, work: Path) -> Json:
    """What the reader in its own process makes of the files."""
    question = {"definition": str(info.model), "weights": str(info.snapshot), "target": str(work / ".tensors"),
                "mean": str(info.mean or ""), "mean_target": str(work / "mean.npy"),
                "sides": [info.channels, info.height, info.width]}
    try:
        answer = child.ask("digits_core.modelstore.caffe", question, WITHIN_S, [], user_code=True)
    except child.NoAnswer as error:
        raise BadData(f"The files of Caffe could not be read: {error}.") from None
    if "error" in answer:
        raise BadData(str(answer["error"]))
    return answer


def _labels(info: DigitsInfo, classes: int) -> list[str]:
    if info.labels is None:
        return [str(number) for number in range(classes)]
    labels = [label.strip() for label in read_labels(info.labels)]
    while labels and not labels[-1]:
        labels.pop()
    if len(labels) != classes:
        raise BadData(f"The labels file has {len(labels)} names, and the network gives {classes} answers.")
    return labels


def _preprocessing(info: DigitsInfo, found: Json, work: Path) -> Preprocessing:
    """How pictures were prepared: resized, cropped in the middle, the mean subtracted."""
    channels, height, width = found["sides"]
    size, crop = (info.height, info.width), None
    if not info.height:
        size = (found["mean"][1], found["mean"][2]) if found["mean"] else (height, width)
    if size != (height, width):
        if height == width <= min(size):
            crop = height
        else:  # a picture of another form goes in whole
            size = (height, width)
    mean, values = _mean(info, found, work, (channels, *size))
    return Preprocessing(v=1, channels="gray" if channels == 1 else "color", width=size[1], height=size[0],
                         resize_mode=info.resize_mode, crop=crop, mean=mean, mean_pixel=values)


def _mean(info: DigitsInfo, found: Json, work: Path, shape: tuple[int, ...]) -> tuple[Any, list[float]]:
    """What is subtracted, and of a mean pixel its values; ``shape`` is that of a picture before the crop."""
    wanted, path = info.mean_subtraction, work / "mean.npy"
    if wanted == "none":
        path.unlink(missing_ok=True)
        return "none", []
    if not path.exists():
        means = [float(value) for value in found["means"]] * (shape[0] if len(found["means"]) == 1 else 1)
        if means or wanted == "auto":
            return ("pixel", means) if means else ("none", [])
        raise BadData(f"The mean ({wanted}) is subtracted from pictures, and there is no mean file.")
    sides = tuple(found["mean"])
    if sides[0] != shape[0] or (wanted == "image" and sides != shape):
        raise BadData(f"The mean is {' x '.join(map(str, sides))}, and pictures are {' x '.join(map(str, shape))} "
                      "(channels, height, width). Give the size of the pictures before the crop.")
    if wanted == "image" or (wanted == "auto" and sides == shape):
        return "image", []
    pixel = read_mean(path, sides).astype(np.float64).mean((1, 2))
    path.unlink()
    return "pixel", [round(float(value), 4) for value in pixel]
