"""The source of every standard network can be put into the editor and is the same network."""

import ast
import subprocess
import sys

import pytest
import torch

from digits_core.errors import NotFound
from digits_core.networks import NETWORKS, networks_for
from digits_core.networks.build import build_network
from digits_core.networks.source import standard_source

STANDARD = [name for name in networks_for("classification") if NETWORKS[name].standard]
HEAVY = ("alexnet", "vgg16")


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in HEAVY else ())
                                  for name in STANDARD])
@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 28, 28)])
def test_it_makes_the_same_network_with_the_same_names(name, shape):
    source = standard_source(name)
    own = build_network("custom", shape, 5, source).eval()
    theirs = build_network(name, shape, 5).eval()
    own.load_state_dict(theirs.state_dict(), strict=True)
    picture = torch.rand(2, *shape)
    assert torch.equal(own(picture), theirs(picture))


@pytest.mark.parametrize("name", STANDARD)
def test_it_stands_on_its_own(name):
    tree = ast.parse(standard_source(name))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    assert ast.get_docstring(tree).startswith(NETWORKS[name].title)


def test_reading_it_imports_neither_torch_nor_torchvision():
    code = ("import sys; from digits_core.networks.source import standard_source as s; s('resnet18');"
            "sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_has_no_source_is_named_with_what_has():
    with pytest.raises(NotFound, match="there is one of lenet"):
        standard_source("nonsense")
