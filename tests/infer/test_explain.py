"""Explanations point at the object: drawn shapes on noise, a network that has just learned them."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from digits_core.infer.explain import METHODS, explain, heat
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.predictor import Predictor
from digits_core.jobs.store import JobStore
from tests.infer.model_folders import make_model

SIDE, SIZE = 36, 14
SHAPES = np.zeros((3, SIZE, SIZE), bool)
SHAPES[0, :, 5:9] = SHAPES[0, 5:9] = True  # a cross
SHAPES[1, :3] = SHAPES[1, -3:] = SHAPES[1, :, :3] = SHAPES[1, :, -3:] = True  # a frame
SHAPES[2] = np.abs(np.subtract.outer(np.arange(SIZE), np.arange(SIZE))) < 3  # a diagonal


def shapes(count, seed):
    """Pictures, labels, and where the shape is (top, left)."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 70, (count, 1, SIDE, SIDE), np.uint8)
    truth = np.arange(count) % 2  # 1: nothing is drawn
    which = rng.integers(0, 3, count)
    places = rng.integers(0, SIDE - SIZE + 1, (count, 2))
    for picture, label, shape, (top, left) in zip(pixels, truth, which, places, strict=True):
        picture[0, top:top + SIZE, left:left + SIZE][SHAPES[shape] & (label == 0)] += 170
    return pixels, truth, places


class Small(nn.Module):
    """Three convolutions and a mean over all places: small enough to be trained in a test."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 24, 5, padding=2), nn.ReLU(),
            nn.Conv2d(24, 24, 3, padding=1), nn.ReLU(inplace=True))
        self.last = nn.Linear(24, 2)

    def forward(self, image_BCHW):
        return self.last(self.features(image_BCHW).mean((2, 3)))


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    view = make_model(JobStore(tmp_path_factory.mktemp("shapes") / "jobs"), side=SIDE, mean="pixel",
                      labels=["shape", "nothing"])
    model = ModelFolder.read(view.folder.path)
    made = Predictor(model, model.checkpoint("epoch_0002.000.safetensors"))
    torch.manual_seed(0)
    made.network = Small()
    solver = torch.optim.Adam(made.network.parameters(), 0.004)
    for step in range(60):
        pixels, truth, _ = shapes(24, 10 + step)
        images = (torch.from_numpy(pixels).float() - made.mean) / made.std
        loss = functional.cross_entropy(made.network(images), torch.from_numpy(truth))
        solver.zero_grad()
        loss.backward()
        solver.step()
    solver.zero_grad()
    made.network.eval()
    pixels, truth, _ = shapes(60, 1)
    assert (np.stack(made.predict(list(pixels))).argmax(1) == truth).mean() > 0.9
    return made


@pytest.mark.parametrize(("method", "least"), [("grad-cam", 0.7), ("integrated-gradients", 0.7), ("occlusion", 0.6)])
def test_the_evidence_lies_inside_the_object(predictor, method, least):
    inside = []
    pixels, truth, places = shapes(16, 2)
    for picture, (top, left) in zip(pixels[truth == 0], places[truth == 0], strict=True):
        found = heat(predictor, picture, 0, method)
        box = found[max(0, top - 2):top + SIZE + 2, max(0, left - 2):left + SIZE + 2]
        inside.append(box.sum() / found.sum())
    assert np.mean(inside) > least, inside


def test_explanations_are_pictures_and_leave_the_network_as_it_was(predictor):
    picture = shapes(1, 3)[0][0]
    before = predictor.predict([picture])
    assert [row["method"] for row in explain(predictor, picture, 0, list(METHODS))] == list(METHODS)
    assert not any(module._forward_hooks for module in predictor.network.modules())
    assert np.array_equal(predictor.predict([picture]), before)
    assert all(part.grad is None for part in predictor.network.parameters())
