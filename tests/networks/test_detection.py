"""Networks for detection keep one contract: boxes in the picture's own pixels, classes from 0, ignored ones apart."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from digits_core.networks import NETWORKS, networks_for
from digits_core.networks.build import build_network, count_parameters
from digits_core.networks.detectnet import GOOGLENET, Grid, merged
from digits_core.networks.stages import stages

EVERY = networks_for("detection")
SLOW = {name for name in EVERY if "resnet50" in name}
TRIED = [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in EVERY]
PAD = [-1.0] * 6
BOXES = [[1.0, 4, 6, 30, 28, 0], [0.0, 34, 30, 60, 50, 0], PAD]


def targets(*rows: list[float], count: int = 2) -> Tensor:
    return torch.tensor([list(rows)] * count)


@pytest.fixture(autouse=True)
def same_chance() -> None:
    torch.manual_seed(3)
    torch.set_num_threads(1)


def made(name: str, channels: int = 1, side: int = 64) -> nn.Module:
    return build_network(name, (channels, side, side), 3)


@pytest.mark.parametrize("name", EVERY)
def test_the_list_tells_about_how_many_parameters_there_are(name: str) -> None:
    with torch.device("meta"):
        network = build_network(name, (3, 64, 64), 21)
    assert count_parameters(network) == pytest.approx(NETWORKS[name].parameters, rel=0.15)
    assert len(stages(network)) > 1


@pytest.mark.parametrize("name", TRIED)
@pytest.mark.parametrize(("channels", "size", "count"), [(1, (64, 64), 2), (3, (70, 101), 1), (4, (33, 48), 1)])
def test_losses_in_training_and_boxes_inside_the_picture_else(name: str, channels: int, size: tuple[int, int],
                                                              count: int) -> None:
    network = build_network(name, (channels, *size), 3)
    image = torch.randn(count, channels, *size)
    losses = network.train()(image, targets([1.0, 4, 6, 30, 28, 0], PAD, count=count))
    assert all(loss.shape == () and torch.isfinite(loss) for loss in losses.values())
    sum(losses.values()).backward()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    assert sum(float(gradient.abs().sum()) for gradient in gradients) > 0
    network.eval()
    with torch.no_grad():
        answers = network(image)
    assert len(answers) == count
    for boxes in answers:
        check(boxes, size)


def check(boxes: Tensor, size: tuple[int, int]) -> None:
    assert boxes.shape[1] == 6 and len(boxes) <= 100
    assert torch.equal(boxes[:, 0], boxes[:, 0].round()) and ((boxes[:, 0] >= 0) & (boxes[:, 0] < 3)).all()
    assert (boxes[:, 1:5] >= -1e-3).all()
    assert (boxes[:, [1, 3]] <= size[1] + 1e-3).all() and (boxes[:, [2, 4]] <= size[0] + 1e-3).all()
    assert (boxes[:, 3:5] >= boxes[:, 1:3]).all()
    assert ((boxes[:, 5] >= 0) & (boxes[:, 5] <= 1)).all()
    assert torch.equal(boxes[:, 5], boxes[:, 5].sort(descending=True).values)


@pytest.mark.parametrize("name", TRIED)
def test_ignored_boxes_and_padding_are_no_targets(name: str) -> None:
    network, image = made(name).train(), torch.randn(2, 1, 64, 64)
    network.apply(lambda module: setattr(module, "momentum", 0.0) if isinstance(module, nn.BatchNorm2d) else None)
    nothing = [found(network, image, targets(*rows)) for rows in (
        [PAD, PAD], [[-1.0, 4, 6, 30, 28, 1], PAD], [[2.0, 4, 4, 4, 4, 0], PAD])]
    assert all(torch.isfinite(torch.tensor(list(losses.values()))).all() for losses in nothing)
    if not name.startswith("detectnet"):  # there, what is ignored is no background either
        assert nothing[0] == pytest.approx(nothing[1], rel=1e-4)


def found(network: nn.Module, image: Tensor, target: Tensor) -> dict[str, float]:
    torch.manual_seed(5)
    with torch.no_grad():
        return {name: float(loss) for name, loss in network(image, target).items()}


@pytest.mark.parametrize("name", TRIED)
def test_a_copy_is_independent(name: str) -> None:
    network = made(name).eval()
    other = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        assert any(float(parameter.abs().sum()) > 0 for parameter in other.parameters())
        other(torch.randn(1, 1, 64, 64))


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name == "detectnet_small" else pytest.mark.slow)
                                  for name in EVERY])
def test_two_pictures_are_learned_by_heart(name: str) -> None:
    image = torch.full((2, 1, 96, 96), -1.0)
    image[:, 0, 10:58, 12:60], image[1, 0, 60:92, 60:90] = 1.0, torch.rand(32, 30)
    target = torch.tensor([[[2.0, 12, 10, 60, 58, 0], PAD], [[2.0, 12, 10, 60, 58, 0], [1.0, 60, 60, 90, 92, 0]]])
    network = build_network(name, (1, 96, 96), 3)
    solver = torch.optim.Adam(network.parameters(), 3e-4 if name in SLOW else 2e-3)
    for _ in range(60 if name in SLOW else 90):
        solver.zero_grad()
        sum(network.train()(image, target).values()).backward()
        solver.step()
    settle(network, image)
    with torch.no_grad():
        answers = network(image)
    for boxes, rows in zip(answers, target, strict=True):
        for kind, *edges, _ in rows[rows[:, 0] >= 0].tolist():
            mine = boxes[boxes[:, 0] == kind]
            assert mine[0, 1:5].tolist() == pytest.approx(edges, abs=12), name
            assert float(mine[0, 5]) > 0.3


def settle(network: nn.Module, image: Tensor) -> None:
    """Let the statistics of normalisations be those of these pictures."""
    network.eval()
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for module in norms:
        module.momentum = None
        module.reset_running_stats()
        module.train()
    with torch.no_grad():
        network(image)
    network.eval()


def test_detectnet_has_the_names_of_googlenets_weights() -> None:
    with torch.device("meta"):
        own, theirs = made("detectnet", 3).state_dict(), build_network("googlenet", (3, 224, 224), 1000).state_dict()
    shared = {name for name in own if name in theirs and theirs[name].shape == own[name].shape}
    assert {name for name in own if name.split(".")[0] in GOOGLENET} == shared
    assert len(own) - len(shared) == 4


@pytest.mark.parametrize("name", sorted(SLOW))
def test_torchvisions_detectors_keep_torchvisions_names(name: str) -> None:
    from torchvision.models import detection

    with torch.device("meta"):
        theirs = getattr(detection, name)(weights=None, weights_backbone=None).state_dict()
        own = build_network(name, (3, 64, 64), 90 if name.startswith("faster") else 91).state_dict()
    assert {key: tensor.shape for key, tensor in own.items()} == {key: tensor.shape for key, tensor in theirs.items()}


@pytest.mark.parametrize("name", EVERY)
def test_the_published_weights_of_its_body_find_their_places(name: str) -> None:
    body = NETWORKS[name].body
    if not body:
        return
    with torch.device("meta"):
        weights, network = build_network(body, (3, 224, 224), 1000).state_dict(), made(name, 3)
    own = network.state_dict()
    found = network.adopt(weights) if hasattr(network, "adopt") else weights
    fitting = [key for key, tensor in own.items() if key in found and found[key].shape == tensor.shape]
    unused = [key for key in found if key not in own and not key.startswith(("fc.", "aux"))]
    assert unused == []
    # SSDlite's last block is narrower than MobileNet's
    assert len(fitting) >= 0.8 * len([key for key in weights if not key.startswith(("fc.", "aux", "classifier."))])
    if hasattr(network, "adopt"):
        assert network.adopt(own) == own


def grid(*rows: list[float], classes: int = 2, cells: tuple[int, int] = (8, 8), stride: int = 4) -> Grid:
    return Grid(torch.tensor([list(rows)]), classes, torch.Size(cells), stride)


def test_the_grid_covers_the_middle_of_a_box() -> None:
    made = grid([1.0, 0, 0, 32, 16, 0], PAD)
    assert made.coverage_BKHW[0, 0].sum() == 0
    y, x = torch.nonzero(made.coverage_BKHW[0, 1]).T
    assert (y.tolist(), x.tolist()) == ([1, 1, 1, 1, 2, 2, 2, 2], [2, 3, 4, 5, 2, 3, 4, 5])
    assert made.edges_B4HW[0, :, 1, 2].tolist() == [0, 0, 32, 16]
    assert made.size_B4HW[0, :, 1, 2].tolist() == [32, 16, 32, 16]
    assert float(made.weight_BHW.sum()) == pytest.approx(1)
    assert int(made.count) == 1


@pytest.mark.parametrize("box", [[5.0, 5, 6, 6], [0.0, 0, 3, 2], [29.0, 30, 32, 32], [7.9, 7.9, 8.1, 8.1]])
def test_every_box_is_seen_by_a_cell_however_small(box: list[float]) -> None:
    made = grid([0.0, *box, 0])
    assert made.coverage_BKHW.sum() >= 1
    assert float(made.weight_BHW.sum()) == pytest.approx(1)


def test_of_two_boxes_over_each_other_the_smaller_one_owns_the_cells() -> None:
    made = grid([0.0, 0, 0, 32, 32, 0], [1.0, 12, 12, 20, 20, 0])
    assert made.edges_B4HW[0, :, 3, 3].tolist() == [12, 12, 20, 20]
    assert made.coverage_BKHW[0, :, 3, 3].tolist() == [1, 1]
    assert made.edges_B4HW[0, :, 2, 2].tolist() == [0, 0, 32, 32]


@pytest.mark.parametrize(("kind", "silent"), [(1.0, [False, True]), (-1.0, [True, True])])
def test_cells_of_ignored_boxes_teach_nothing_to_their_class(kind: float, silent: list[bool]) -> None:
    made = grid([kind, 0, 0, 16, 16, 1], [0.0, 20, 20, 30, 30, 0])
    assert made.coverage_BKHW[:, 1].sum() == 0
    assert (made.counts_BKHW[0, :, 1, 1] == 0).tolist() == silent
    assert (made.counts_BKHW[0, :, 6, 6] == 1).all()


def test_cells_that_say_the_same_become_one_box() -> None:
    box = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [40, 40, 60, 60], [0, 0, 10, 10]])
    made = merged(box, torch.tensor([0.9, 0.3, 0.8, 0.7]), torch.tensor([1, 1, 1, 0]), 0.5)
    assert made[:, 0].tolist() == [1, 1, 0]
    assert made[:, 5].tolist() == pytest.approx([0.9, 0.8, 0.7])
    assert made[0, 1:5].tolist() == pytest.approx([0.25, 0.25, 10.25, 10.25])
    nothing: Any = merged(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.long), 0.5)
    assert nothing.shape == (0, 6)
