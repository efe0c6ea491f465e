"""The graph of a network, as text that the browser draws."""

from digits_core.ui.network_graph import boxes, dot


def row(name, kind, inputs, parameters=0, shape=(4, 8, 8)):
    return {"name": name, "type": kind, "shape": list(shape), "parameters": parameters, "flops": 0, "inputs": inputs}


ROWS = [row("conv", "Conv2d", [-1], 40), row("bn", "BatchNorm2d", [0], 8), row("relu", "ReLU", [1]),
        row("conv2", "Conv2d", [2], 148), row("add", "add", [2, 3]), row("fc", "Linear", [4], 2570, (10,))]


def test_small_layers_stand_in_the_box_before_them():
    assert boxes(ROWS) == [0, 0, 0, 3, 4, 5]


def test_a_layer_whose_output_goes_two_ways_ends_its_box():
    assert boxes([row("a", "Conv2d", [-1]), row("b", "ReLU", [0]), row("c", "Linear", [0])]) == [0, 1, 2]


def test_the_graph_has_every_box_and_every_way():
    text = dot(ROWS, [1, 28, 28])
    assert "picture\\n1 × 28 × 28" in text and "conv\\nConv2d\\nBatchNorm2d\\nReLU\\n4 × 8 × 8 · 48 parameters" in text
    for way in ("p -> n0", "n0 -> n3", "n0 -> n4", "n3 -> n4", "n4 -> n5"):
        assert way in text


def test_no_name_ends_its_string():
    text = dot([row('x"] evil [label="', "Conv2d\\", [-1])], [1, 2, 3])
    assert 'evil [' not in text and text.count('"') % 2 == 0 and "\\\\" not in text
