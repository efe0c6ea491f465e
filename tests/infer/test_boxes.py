"""Boxes come back in the pixels of the picture that was asked about, however it became the network's input."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from digits_core.data.boxselect import Row
from digits_core.data.detection import placed
from digits_core.data.pictures import prepare, to_png
from digits_core.infer.answers import Asked, Boxes
from digits_core.infer.model_files import NetworkFile, Preprocessing
from digits_core.infer.model_folder import ModelFolder

LABELS = ("cat", "dog")


def folder(mode: str, width: int = 64, height: int = 48, crop: int | None = None) -> ModelFolder:
    network = NetworkFile(v=1, network="detectnet_small", task="detection", classes=2,
                          input_shape=(1, crop or height, crop or width))
    steps = Preprocessing(v=1, channels="gray", width=width, height=height, resize_mode=mode, crop=crop)
    return ModelFolder(Path("nowhere"), network, LABELS, steps)


@pytest.mark.parametrize("mode", ["squash", "fill", "crop", "half", "pad", "pad 100x90"])
@pytest.mark.parametrize("size", [(64, 48), (50, 40), (30, 44), (200, 90)])
def test_a_box_of_the_dataset_is_answered_as_it_was_in_its_source(mode: str, size: tuple[int, int]) -> None:
    model = folder(mode)
    edges = [0.4 * size[0], 0.35 * size[1], 0.6 * size[0], 0.7 * size[1]]
    stored = placed([Row("dog", *edges, False)], LABELS, size, 64, 48, mode)
    answer = Boxes().words(np.concatenate([stored[:, :5], [[0.75]]], 1), model, Asked("a.png", size, 5))
    assert answer["labels"] == ["cat", "dog"]
    (row,) = answer["boxes"]
    assert (row["label"], row["score"]) == ("dog", 0.75)
    assert row["box"] == pytest.approx(edges, abs=1e-2)


def test_boxes_end_at_the_edges_of_the_picture_and_those_outside_are_left_out() -> None:
    found = np.array([[0, -5, 3, 20, 99, 0.9], [1, 60, 44, 64, 48, 0.8]], np.float32)
    answer = Boxes().words(found, folder("pad"), Asked("a.png", (40, 30), 5))
    assert answer["boxes"] == [{"label": "cat", "score": pytest.approx(0.9), "box": [0, 3, 20, 30]}]


def test_a_crop_moves_boxes_back() -> None:
    found = np.array([[0, 10, 10, 20, 20, 0.9]], np.float32)
    answer = Boxes().words(found, folder("squash", crop=40), Asked("a.png", (64, 48), 5))
    assert answer["boxes"][0]["box"] == pytest.approx([22, 14, 32, 24])


@pytest.mark.parametrize("mode", ["squash", "fill", "crop", "half", "pad", "pad 100x90"])
def test_a_picture_out_of_a_dataset_is_asked_about_as_it_is(mode: str) -> None:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 255, (40, 50), np.uint8))
    pixels = prepare(image, "gray", 64, 48, mode)
    model = folder(mode)
    again = model.prepare(to_png(pixels), "a.png")
    assert np.array_equal(again.pixels, pixels)
    assert model.placement(again.size) == (1, 1, 0, 0)


def test_outputs_become_arrays_of_any_length() -> None:
    found = Boxes().finish([torch.zeros(3, 6), torch.zeros(0, 6)])
    assert [array.shape for array in found] == [(3, 6), (0, 6)]
    assert Boxes().words(found[1], folder("pad"), Asked("a.png", (5, 5), 5)) == {"boxes": [], "labels": ["cat", "dog"]}
