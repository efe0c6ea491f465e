"""A model that an ``info.json`` of DIGITS describes, its files beside it: ours, or one that Caffe trained.

The keys are those of digits_core.services.info; of files that info.json does not name, preprocessing.json and
network.py are taken where they lie beside it under these names.
"""

import re
from pathlib import Path
from typing import Any

import safetensors.torch

from digits_core import files
from digits_core.errors import BadData
from digits_core.infer.model_files import NetworkFile, Preprocessing, read_part
from digits_core.jobs.context import Context
from digits_core.modelstore import caffe_model
from digits_core.modelstore.archive import WEIGHTS
from digits_core.modelstore.digits_info import DigitsInfo, read
from digits_core.modelstore.layout import settle
from digits_core.modelstore.state_dict import convert
from digits_core.networks.custom import CUSTOM, FILE

Json = dict[str, Any]


def install(context: Context, folder: Path, info: Json) -> Json:
    """Lay out the model in ``folder`` as this job's own; returns network, classes, parameters, epoch and size.

    The files in ``folder`` are used up; give a copy. A custom network needs the job's option ``allow_code``. Raises
    BadData with what is wrong, and nothing is installed then.
    """
    found = read(info, folder)
    work = folder / ".model"
    work.mkdir()
    if found.framework == "caffe":
        context.progress(0.4, "Reading the files of Caffe", unit="files")
        caffe_model.lay_out(found, work, context.job.task)
        return settle(context, work, found.origin)
    return _ours(context, folder, work, found)


def _ours(context: Context, folder: Path, work: Path, info: DigitsInfo) -> Json:
    network = read_part(info.model, NetworkFile)
    if network.network == CUSTOM and not context.job.options.get("allow_code"):
        raise BadData("The model brings its own Python code (a custom network). Import it again and allow that, if "
                      "you trust whoever made it.")
    files.write_atomic(work / "network.json", network.model_dump(mode="json"))
    _take(info.labels, work / "labels.txt")
    _take(info.mean, work / "mean.npy")
    _take(folder / FILE, work / FILE)
    _take(folder / "preprocessing.json", work / "preprocessing.json")
    if not (work / "preprocessing.json").exists():
        files.write_atomic(work / "preprocessing.json", _preprocessing(info, network).model_dump(mode="json"))
    context.progress(0.5, "Reading the weights", unit="files")
    safetensors.torch.save_file(convert(info.snapshot, folder / ".tensors"), work / WEIGHTS)
    epoch = re.search(r"epoch_(\d{1,6}(?:\.\d{1,3})?)", info.snapshot.name)
    return settle(context, work, info.origin, float(epoch[1]) if epoch else 0.0)


def _take(source: Path | None, target: Path) -> None:
    if source is not None and source.is_file():
        source.rename(target)


def _preprocessing(info: DigitsInfo, network: NetworkFile) -> Preprocessing:
    """How pictures are brought to the network, from the few words of info.json."""
    channels, height, width = network.input_shape
    crop = height if (info.height, info.width) != (height, width) else None
    if info.mean_subtraction == "pixel":
        raise BadData("info.json says that the mean pixel is subtracted, but not which: preprocessing.json is missing.")
    return Preprocessing(v=1, channels="gray" if channels == 1 else "color", width=info.width, height=info.height,
                         resize_mode=info.resize_mode, crop=crop,
                         mean="image" if info.mean and info.mean_subtraction != "none" else "none")
