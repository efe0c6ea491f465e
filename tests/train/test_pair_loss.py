"""Losses of pairs against values worked out by hand."""

import math

import pytest
import torch
from torch.nn import functional

from digits_core.networks.build import build_network
from digits_core.tasks.similarity import ModelOptions
from digits_core.train.embedder import Embedder, gallery
from digits_core.train.hardware import Hardware
from digits_core.train.pair_loss import contrastive, ntxent

RIGHT, UP = [1.0, 0.0], [0.0, 1.0]


def test_contrastive_counts_squared_distances_and_squared_shortfalls() -> None:
    embedding, label = torch.tensor([RIGHT, UP, RIGHT]), torch.tensor([0, 0, 1])
    # one pair of a class at a squared distance of 2; two others, 0 and sqrt(2) apart, of which one is too near by 1
    assert float(contrastive(embedding, label, 1.0)) == pytest.approx((2 + 1 / 2) / 2, abs=1e-5)


def test_ntxent_is_the_cross_entropy_of_finding_ones_own() -> None:
    embedding, label = torch.tensor([RIGHT, RIGHT, UP]), torch.tensor([0, 0, 1])
    assert float(ntxent(embedding, label, 0.5)) == pytest.approx(math.log1p(math.exp(-2)), rel=1e-5)


@pytest.mark.parametrize("loss", [contrastive, ntxent])
@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 1, 2, 3], [0, 0, 1, 1]])
def test_any_batch_gives_a_finite_loss_and_slope(loss, labels: list[int]) -> None:
    raw = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    loss(functional.normalize(raw), torch.tensor(labels), 0.7).backward()
    assert raw.grad is not None and bool(raw.grad.isfinite().all())


@pytest.mark.parametrize("loss", [contrastive, ntxent])
def test_a_few_steps_pull_classes_together(loss) -> None:
    raw = torch.randn(8, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    label = torch.arange(8) % 2
    solver = torch.optim.SGD([raw], 0.5)
    for _ in range(200):
        solver.zero_grad()
        loss(functional.normalize(raw), label, 0.5).backward()
        solver.step()
    made = functional.normalize(raw.detach())
    assert float(torch.cdist(made[::2], made[::2]).max()) < float(torch.cdist(made[::2], made[1::2]).min())


def test_the_gallery_takes_as_many_of_each_class() -> None:
    labels = torch.tensor([0] * 50 + [1] * 3 + [2] * 20).numpy()
    places = gallery(labels, 15)
    assert [int((labels[places] == k).sum()) for k in range(3)] == [6, 3, 6]
    assert len(gallery(labels, 1000)) == 73


def test_small_distances_are_told_apart_in_half_precision_too() -> None:
    torch.manual_seed(0)
    made = Embedder(build_network("lenet", (1, 16, 16), 4), 4, ModelOptions(), Hardware(torch.device("cpu")))
    near, label = functional.normalize(torch.tensor([[1.0, 0.02, 0, 0], [1.0, 0, 0.02, 0]])), torch.tensor([0, 0])
    with torch.autocast("cpu", torch.bfloat16):
        assert float(made._loss(near, label)) == pytest.approx(float((near[0] - near[1]).square().sum()) / 2, rel=1e-3)
