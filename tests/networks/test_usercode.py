"""A user's source as a network: what it is given, and how its mistakes are told."""

import pytest
import torch

from digits_core.networks.build import build_network
from digits_core.networks.custom import BadNetwork
from digits_core.networks.usercode import try_network

HEAD = "import torch\nfrom torch import nn\n\n\n"
LINEAR = HEAD + '''def build_network(params):
    channels, height, width = params.input_shape
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, params.options.get("width", 4)), nn.ReLU(),
                         nn.Linear(params.options.get("width", 4), params.classes))
'''


def tried(source, values="", shape=(1, 8, 8), classes=3):
    try_network(lambda: build_network("custom", shape, classes, source, values), shape, classes)


def net(forward, body="self.dense = nn.Linear(64, 3)"):
    """A module whose __init__ ends with line 8 and whose forward is line 11."""
    return HEAD + f'''class Net(nn.Module):
    def __init__(self):
        super().__init__()
        {body}

    def forward(self, x):
        {forward}


def build_network(params):
    return Net()
'''


def test_it_is_given_shape_classes_and_values():
    tried(LINEAR)
    network = build_network("custom", (3, 5, 7), 9, LINEAR, "width=6")
    assert [tuple(tensor.shape) for tensor in network.state_dict().values()] == [(6, 105), (6,), (9, 6), (9,)]


def test_pictures_smaller_than_it_takes_are_enlarged():
    network = build_network("custom", (1, 8, 4), 3, "SMALLEST = 16\n" + LINEAR)
    assert network[1].in_features == 32 * 16
    assert network(torch.zeros(2, 1, 8, 4)).shape == (2, 3)


@pytest.mark.parametrize(("source", "said"), [
    (HEAD + "raise ValueError('no')\ndef build_network(params): pass", "line 5: ValueError: no"),
    (HEAD + "import nothing_like_it\ndef build_network(params): pass", "line 5: ModuleNotFoundError"),
    (HEAD + "import sys\nsys.exit()\ndef build_network(params): pass", "line 6: SystemExit"),
    (HEAD + "def build_network(params):\n    return missing", "line 6, in build_network: NameError"),
    (HEAD + "def build_network():\n    return nn.Linear(1, 1)", "TypeError: build_network()"),
    (HEAD + "def build_network(params):\n    return 3", "returned int; it must return the network"),
    (HEAD + "def build_network(params):\n    return nn.Flatten()", "nothing to learn"),
    (HEAD + "SMALLEST = 'x'\ndef build_network(params): pass", "SMALLEST must be a whole number"),
    (net("return self.dense(x)"), "line 11, in forward: RuntimeError: mat1 and mat2"),
    (net("return self.dense(x.flatten(1))[:, :2]"), "gives (2, 2) for 2 pictures; it must give (2, 3)"),
    (net("return {'logits': self.dense(x.flatten(1))}"), "returned dict; it must return a tensor"),
    (net("return self.dense(x.flatten(1)).detach()"), "does not require grad"),
    (net("return self.dense(x.flatten(1)) if self.training else x"), "gives (1, 1, 8, 8) for 1 pictures")])
def test_a_mistake_is_told_with_its_line(source, said):
    with pytest.raises(BadNetwork) as caught:
        tried(source)
    assert said in str(caught.value)


def test_auxiliary_logits_may_stand_behind_in_training():
    tried(net("y = self.dense(x.flatten(1)); return (y, y) if self.training else y"))
