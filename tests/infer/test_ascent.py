"""Pictures that excite units: they do, on a network that learned digits; stopped runs keep what is finished."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from digits_core.errors import BadData
from digits_core.infer.ascent import Ascent, blurred
from digits_core.infer.layers import weights
from digits_core.infer.maxima import Maxima
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.options import AscentOptions, chosen_units
from digits_core.infer.predictor import Predictor
from tests.infer.model_folders import make_model

BEST = "epoch_0002.000.safetensors"
QUICK = {"steps": 30}


def predictor(store, **words):
    view = make_model(store, **words)
    model = ModelFolder.read(view.folder.path)
    return Predictor(model, model.checkpoint(BEST))


@pytest.fixture
def lenet(store):
    return predictor(store, side=28, mean="pixel")


@pytest.mark.parametrize("layer", ["conv1", "conv2", "dense1", "dense2", "output"])
@pytest.mark.parametrize("aim", ["middle", "mean"])
def test_a_unit_of_any_layer_is_excited_more_than_by_the_mean_picture(lenet, layer, aim):
    found = Ascent(lenet, AscentOptions(layer=layer, aim=aim, **QUICK)).run(3)
    assert found.activation > found.before
    assert found.pixels.shape == (1, 28, 28)
    assert found.pixels.dtype == np.uint8


def test_its_activation_is_that_of_the_picture_as_it_is_saved(lenet):
    found = Ascent(lenet, AscentOptions(**QUICK)).run(7)
    x = (torch.from_numpy(found.pixels[None].copy()).float() - lenet.mean) / lenet.std
    with torch.no_grad():
        assert found.activation == pytest.approx(float(lenet.network(x)[0, 7]), abs=1e-4)


def test_a_picture_does_not_depend_on_those_before_it(lenet):
    ascent = Ascent(lenet, AscentOptions(**QUICK))
    first = ascent.run(4).pixels
    ascent.run(5)
    assert np.array_equal(ascent.run(4).pixels, first)
    assert np.array_equal(Ascent(lenet, AscentOptions(**QUICK)).run(4).pixels, first)
    assert not np.array_equal(Ascent(lenet, AscentOptions(seed=1, **QUICK)).run(4).pixels, first)


def test_the_network_is_left_as_it_was(lenet):
    pixels = np.zeros((1, 28, 28), np.uint8)
    before = lenet.predict([pixels])
    Ascent(lenet, AscentOptions(**QUICK)).run(0)
    assert np.array_equal(lenet.predict([pixels]), before)
    assert all(part.requires_grad and part.grad is None for part in lenet.network.parameters())
    assert not any(module._forward_hooks for module in lenet.network.modules())


def test_a_layer_that_is_changed_in_place_afterwards_is_seen_as_it_was(lenet):
    lenet.network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(4 * 26 * 26, 10))
    with torch.no_grad():
        lenet.network[0].bias.fill_(-1000.0)  # behind the ReLU there is nothing but zeros
    found = Ascent(lenet, AscentOptions(layer="0", **QUICK)).run(1)
    assert found.before < found.activation < 0


def test_no_such_layer_and_a_layer_that_is_never_used_are_said(lenet):
    with pytest.raises(BadData, match="no layer 'conv9'"):
        Ascent(lenet, AscentOptions(layer="conv9"))
    lenet.network.spare = nn.Linear(3, 3)
    with pytest.raises(BadData, match="takes no part"):
        Ascent(lenet, AscentOptions(layer="spare", **QUICK)).run(0)


def test_weights_that_are_no_numbers_are_said(lenet):
    with torch.no_grad():
        lenet.network.dense2.bias.fill_(float("nan"))
    with pytest.raises(BadData, match="not a number"):
        Ascent(lenet, AscentOptions(**QUICK)).run(0)


def test_weights_and_units_need_no_picture(lenet):
    found = weights(lenet)
    assert found["units"] == {"conv1": 20, "conv2": 50, "dense1": 500, "dense2": 10, "output": 10}
    assert [(row["name"], row["kind"], bool(row["picture"])) for row in found["layers"]] == [
        ("conv1", "weights", True), ("conv2", "weights", True), ("dense1", "weights", False),
        ("dense2", "weights", False)]
    assert not any(row["picture"] for row in weights(lenet, None)["layers"])


@pytest.mark.parametrize("network", ["mobilenet_v3_small", pytest.param("googlenet", marks=pytest.mark.slow)])
def test_other_networks_in_colour(store, network):
    made = predictor(store, network=network, channels="color", side=64, mean="pixel")
    units = weights(made, None)["units"]
    layer = next(iter(units))
    for chosen in (layer, "output"):
        found = Ascent(made, AscentOptions(layer=chosen, steps=16)).run(units[chosen] - 1)
        assert found.pixels.shape == (3, 64, 64)
        assert found.activation > found.before or chosen == "output"  # before any training that hardly moves


@pytest.mark.parametrize(("text", "wanted"), [("0-3", [0, 1, 2, 3]), ("7, 3,3-4", [7, 3, 4]), ("", list(range(10))),
                                              (" 9 ", [9]), (",", list(range(10))), ("8-15", [8, 9])])
def test_units_are_numbers_and_ranges(text, wanted):
    assert chosen_units(text, 10) == wanted


@pytest.mark.parametrize(("text", "word"), [
    ("10", "within 0 to 9"), ("10-12", "within 0 to 9"), ("5-3", "empty"), ("a", "no unit"), ("-1", "no"),
    ("0-9999999", "no unit"), ("1.5", "no unit")])
def test_units_that_are_none_are_said(text, word):
    with pytest.raises(ValueError, match=word):
        chosen_units(text, 10)


def test_a_blur_keeps_what_is_even_and_spreads_a_dot():
    assert torch.allclose(blurred(torch.full((1, 3, 5, 7), 9.0), 0.7), torch.full((1, 3, 5, 7), 9.0))
    dot = torch.zeros(1, 1, 9, 9)
    dot[..., 4, 4] = 1
    spread = blurred(dot, 1.0)
    assert float(spread.sum()) == pytest.approx(1)
    assert torch.allclose(spread, spread.mT)
    assert 0.1 < float(spread[0, 0, 4, 4]) < 0.2


def test_a_row_that_was_cut_off_is_no_unit(tmp_path):
    made = Maxima(tmp_path)
    picture = io.BytesIO()
    Image.new("L", (3, 3)).save(picture, "PNG")
    made.add({"unit": 2}, picture.getvalue())
    with made.file.open("a") as file:
        file.write('{"unit": 3, "acti')
    assert [row["unit"] for row in made.rows()] == [2]
    made.add({"unit": 1}, picture.getvalue())
    assert [row["unit"] for row in made.rows()] == [1, 2]


def learned(store):
    """LeNet after two rounds over the handwritten digits of scikit-learn."""
    made = predictor(store, side=28, mean="pixel")
    digits = load_digits()
    pixels = np.kron(digits.images * (255 / 16), np.ones((3, 3)))
    pictures = torch.from_numpy(np.pad(pixels, ((0, 0), (2, 2), (2, 2)))).float()[:, None]
    x, y = (pictures - made.mean) / made.std, torch.from_numpy(digits.target)
    torch.manual_seed(0)
    solver = torch.optim.Adam(made.network.train().parameters(), 1e-3)
    for _ in range(2):
        for part in torch.randperm(len(x)).split(64):
            solver.zero_grad()
            functional.cross_entropy(made.network(x[part]), y[part]).backward()
            solver.step()
    made.network.eval()
    return made


@pytest.mark.slow
def test_the_picture_of_a_digit_is_recognised_as_that_digit(store):
    made = learned(store)
    ascent = Ascent(made, AscentOptions(steps=64))
    for digit in range(10):
        found = ascent.run(digit)
        chances = made.predict([found.pixels])[0]
        assert chances.argmax() == digit
        assert chances[digit] > 0.99
