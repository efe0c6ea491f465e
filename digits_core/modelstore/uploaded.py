"""The worker's part of an uploaded model: single files, or an archive of DIGITS."""

import json
import shutil
from pathlib import Path
from typing import Any

import safetensors.torch

from digits_core import files, safe
from digits_core.errors import BadData
from digits_core.infer.model_files import Preprocessing, read_labels, read_source
from digits_core.jobs.context import Context
from digits_core.modelstore import caffe_model, foreign, published
from digits_core.modelstore.archive import WEIGHTS
from digits_core.modelstore.digits_info import DigitsInfo
from digits_core.modelstore.layout import settle
from digits_core.modelstore.state_dict import convert
from digits_core.modelstore.upload_options import CAFFE_ENDING, FILES, SCALES, FilesOptions
from digits_core.networks.custom import CUSTOM, FILE
from digits_core.options import check
from digits_core.settings import Settings

Json = dict[str, Any]
INFO, LARGEST_INFO = "info.json", 1_000_000


def archive(context: Context, unpacked: Path) -> Json | None:
    """Install the model of an unpacked archive of DIGITS; None when it is none (it has no info.json)."""
    found = sorted([*unpacked.glob(INFO), *unpacked.glob(f"*/{INFO}")])
    if not found:
        return None
    try:
        info = json.loads(found[0].read_bytes()) if found[0].stat().st_size <= LARGEST_INFO else None
    except (ValueError, RecursionError):
        info = None
    if not isinstance(info, dict):
        raise BadData("Missing or Incorrect json file: info.json holds no JSON object.")
    return foreign.install(context, found[0].parent, info)


def single_files(context: Context) -> Json:
    """Install the model of the files that the job names; what was uploaded stays until the model is there."""
    folder = context.folder.path
    work, upload = folder / ".unpacked", folder / "upload"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        options, paths = _asked(context, upload)
        summary = (_defined if "definition" in paths else _known)(context, options, paths, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(upload, ignore_errors=True)
    return summary


def _asked(context: Context, upload: Path) -> tuple[FilesOptions, dict[str, Path]]:
    """The options, and where the files are that they name."""
    values, roots = dict(context.job.options["files"]), Settings.load().data_roots
    found = {name: upload / str(values.pop(name)).removeprefix("job:upload/") for name in FILES
             if str(values.get(name, "")).startswith("job:upload/")}
    options = check(FilesOptions, values, roots)
    found |= {name: safe.safe_path(text, roots) for name in FILES if (text := getattr(options, name))}
    for name, path in found.items():
        if not path.is_file():
            raise BadData(f"The uploaded file ({name.replace('_', ' ')}) is gone. Upload the model again.")
    return options, found


def _known(context: Context, options: FilesOptions, paths: dict[str, Path], work: Path) -> Json:
    """Weights of a network that is known here."""
    mean, std = SCALES[options.scale]
    width, height = options.sides
    preprocessing = Preprocessing(v=1, channels="color", width=width, height=height, resize_mode=options.resize_mode,
                                  crop=options.crop, mean="pixel", mean_pixel=mean, std_pixel=std)
    labels = read_labels(paths["labels_file"]) if "labels_file" in paths else None
    return published.install(context, work, paths["file"], options.network, preprocessing, labels, {},
                             context.job.name)


def _defined(context: Context, options: FilesOptions, paths: dict[str, Path], work: Path) -> Json:
    """Weights that come with what builds their network."""
    info = _info(context, options, paths)
    if info.framework == "caffe":
        context.progress(0.3, "Reading the files of Caffe", unit="files")
        caffe_model.lay_out(info, work, context.job.task)
    else:
        _custom(context, options, info, work)
    return settle(context, work, info.origin)


def _info(context: Context, options: FilesOptions, paths: dict[str, Path]) -> DigitsInfo:
    framework = "caffe" if paths["file"].name.lower().endswith(CAFFE_ENDING) else "pytorch"
    return DigitsInfo(framework, paths["file"], paths["definition"], paths.get("labels_file"),
                      paths.get("mean_file"), options.width or 0, options.height or 0,
                      1 if options.image_type == "gray" else 3,
                      options.resize_mode, options.mean, {"v": 1, "name": context.job.name})


def _custom(context: Context, options: FilesOptions, info: DigitsInfo, work: Path) -> None:
    """A network with its own source; whoever made the job has allowed that it runs here."""
    if not context.job.options.get("allow_code"):
        raise BadData("The definition is Python code. Upload it again and allow that it runs, if you trust it.")
    labels = read_labels(info.labels) if info.labels else ()
    side = (options.crop or info.height, options.crop or info.width)
    files.write_atomic(work / "network.json", {
        "v": 1, "network": CUSTOM, "task": context.job.task, "input_shape": [info.channels, *side],
        "classes": len(labels)})
    files.write_atomic(work / FILE, read_source(info.model))
    files.write_atomic(work / "labels.txt", "".join(f"{label}\n" for label in labels))
    mean, std = (values[:info.channels] for values in SCALES[options.scale])
    if info.mean is not None:
        shutil.copyfile(info.mean, work / "mean.npy")
    files.write_atomic(work / "preprocessing.json", Preprocessing(
        v=1, channels=options.image_type, width=info.width, height=info.height, crop=options.crop,
        resize_mode=options.resize_mode, mean="image" if info.mean else "pixel", mean_pixel=[] if info.mean else mean,
        std_pixel=std).model_dump(mode="json"))
    context.progress(0.5, "Reading the weights", unit="files")
    safetensors.torch.save_file(convert(info.snapshot, work / ".tensors"), work / WEIGHTS)
