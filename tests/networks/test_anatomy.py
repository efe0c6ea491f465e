"""What a network is said to be made of."""

import pytest

from digits_core.networks import NETWORKS
from digits_core.networks.anatomy import anatomy, total
from digits_core.networks.build import build_network, count_parameters


def test_lenet_by_hand():
    network = build_network("lenet", (1, 28, 28), 10)
    rows = anatomy(network, (1, 28, 28))
    assert [(row["name"], row["type"], row["shape"], row["parameters"]) for row in rows] == [
        ("conv1", "Conv2d", [20, 24, 24], 520), ("conv2", "Conv2d", [50, 8, 8], 25_050),
        ("dense1", "Linear", [500], 400_500), ("dense2", "Linear", [10], 5_010)]
    assert [row["flops"] for row in rows] == [2 * 20 * 24 * 24 * 25, 2 * 50 * 8 * 8 * 500, 2 * 800 * 500, 2 * 500 * 10]
    assert total(network, rows)["parameters"] == 431_080


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("alexnet", "vgg16")])
def test_every_layer_of_every_network_is_there(name):
    network = build_network(name, (3, 64, 64), 4)
    rows = anatomy(network, (3, 64, 64))
    auxiliary = sum(p.numel() for part, p in network.named_parameters() if part.startswith("aux"))
    assert sum(row["parameters"] for row in rows) + auxiliary == count_parameters(network)
    assert rows[-1]["shape"] == [4] and all(row["flops"] > 0 for row in rows if row["type"] in ("Conv2d", "Linear"))
