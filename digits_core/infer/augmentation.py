"""Pictures as a training would see them, made by the training's own code inside the inference process."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import torch

from digits_core.data.pictures import to_png
from digits_core.jobs.store import JobStore
from digits_core.options import check
from digits_core.tasks import model_task
from digits_core.train.augment import Transform
from digits_core.train.augment_options import MixOptions
from digits_core.train.dataset import Dataset, Preprocessing
from digits_core.train.mixing import mixed
from digits_core.train.options import TrainOptions

Json = dict[str, Any]
PICTURES, VARIANTS = 4, 4


def preview(jobs_dir: Path, dataset: str, options: Json, seed: int) -> list[str]:
    """Sixteen PNGs as base64: four training pictures, each in four variants, picture by picture."""
    view = JobStore(jobs_dir).get(dataset)
    kind = model_task(view.job.task, options["task"])
    pixels = sixteen(Dataset.read(view.folder), check(kind.model_options, options), seed)
    return [base64.b64encode(to_png(picture)).decode() for picture in pixels]


def sixteen(data: Dataset, options: TrainOptions, seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The pixels of the preview, uint8 (16, C, H, W); ``seed`` chooses pictures and what happens to them."""
    chosen = np.random.default_rng(seed).choice(data.entries["train"], PICTURES, data.entries["train"] < PICTURES)
    pixels, target = data.records("train").batch([int(place) for place in chosen for _ in range(VARIANTS)], data.target)
    transform = Transform(Preprocessing.of(data, options), options, torch.device("cpu"))
    shown = transform.pixels(torch.from_numpy(pixels), torch.from_numpy(target), seed)[0].float()
    pairs = mixed(shown, options, seed) if isinstance(options, MixOptions) else None
    return (shown if pairs is None else pairs.image_BCHW).round().clamp(0, 255).to(torch.uint8).numpy()
