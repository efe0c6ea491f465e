"""What a network is said to be made of."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from digits_core.networks import NETWORKS, networks_for
from digits_core.networks.anatomy import INPUT, Work, anatomy, total
from digits_core.networks.build import build_network, count_parameters


def test_lenet_by_hand():
    network = build_network("lenet", (1, 28, 28), 10)
    rows = anatomy(network, (1, 28, 28))
    assert [(row["name"], row["type"], row["shape"], row["parameters"]) for row in rows] == [
        ("conv1", "Conv2d", [20, 24, 24], 520), ("max_pool2d", "max_pool2d", [20, 12, 12], 0),
        ("conv2", "Conv2d", [50, 8, 8], 25_050), ("max_pool2d", "max_pool2d", [50, 4, 4], 0),
        ("flatten", "flatten", [800], 0), ("dense1", "Linear", [500], 400_500), ("relu", "relu", [500], 0),
        ("dense2", "Linear", [10], 5_010)]
    assert [row["flops"] for row in rows if row["parameters"]] == [
        2 * 20 * 24 * 24 * 25, 2 * 50 * 8 * 8 * 500, 2 * 800 * 500, 2 * 500 * 10]
    assert [row["inputs"] for row in rows] == [[INPUT], [0], [1], [2], [3], [4], [5], [6]]
    assert total(network, rows)["parameters"] == 431_080


class Odd(nn.Module):
    """Branches, a layer used twice, attention, work in a part's own forward, and no parameters in one layer."""

    def __init__(self):
        super().__init__()
        self.once, self.twice = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.scale = nn.Parameter(torch.ones(4, 4))

    def forward(self, x):
        x = self.once(x)
        x = x + self.twice(self.twice(x))
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat([self.attention(x, x, x)[0], x], 1) @ self.scale
        return x.mean(1)


def test_branches_meet_and_work_outside_of_layers_counts():
    network = Odd()
    rows = anatomy(network, (1, 8, 8))
    by_type = {row["type"]: row for row in rows}
    assert [row["parameters"] for row in rows if row["name"] == "twice"] == [4 * 4 * 9 + 4, 0]
    assert by_type["add"]["inputs"] == [0, 2]
    cat = by_type["cat"]["inputs"]
    assert [rows[place]["type"] for place in cat] == ["transpose", "MultiheadAttention"]
    assert by_type["matmul"]["flops"] == 2 * 128 * 4 * 4 and by_type["MultiheadAttention"]["parameters"] == 80
    assert total(network, rows)["parameters"] == sum(row["parameters"] for row in rows) + 16
    assert rows[-1]["shape"] == [4]


def test_a_network_without_parameters_can_be_looked_at():
    assert [row["type"] for row in anatomy(nn.Sequential(nn.Flatten(), nn.ReLU()), (1, 4, 4))] == ["Flatten", "ReLU"]


@pytest.mark.parametrize("name", [name for name in networks_for("classification")
                                  if NETWORKS[name].standard and name not in ("alexnet", "vgg16")])
def test_every_layer_of_every_network_is_there(name):
    network = build_network(name, (3, 64, 64), 4)
    rows = anatomy(network, (3, 64, 64))
    auxiliary = sum(p.numel() for part, p in network.named_parameters() if part.startswith("aux"))
    assert sum(row["parameters"] for row in rows) + auxiliary == count_parameters(network)
    assert all(place < number for number, row in enumerate(rows) for place in row["inputs"])
    assert rows[-1]["shape"] == [4] and all(row["flops"] > 0 for row in rows if row["type"] in ("Conv2d", "Linear"))


@pytest.mark.parametrize("network", [
    nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 5)), nn.Conv2d(3, 2, 3, groups=1, stride=2),
    nn.ConvTranspose2d(3, 2, 3)])
def test_work_is_counted_as_pytorch_counts_it(network: nn.Module) -> None:
    picture = torch.zeros(1, 3, 8, 8)
    with torch.no_grad(), FlopCounterMode(display=False) as theirs:
        network.eval()(picture)
    with torch.no_grad(), Work() as ours:
        network(picture)
    assert ours.flops == theirs.get_total_flops() > 0
