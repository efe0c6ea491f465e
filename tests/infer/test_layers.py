"""Weights and activations of every layer: the right shapes, the right numbers, pictures by DIGITS' rules."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from digits_core.infer.layers import layers
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.predictor import Predictor
from digits_core.infer.tiles import as_maps, painted, statistics, tiled
from tests.infer.model_folders import make_model, picture

BEST = "epoch_0002.000.safetensors"


def predictor(store, **words):
    view = make_model(store, side=28, **words)
    model = ModelFolder.read(view.folder.path)
    return Predictor(model, model.checkpoint(BEST))


@pytest.fixture
def lenet(store):
    return predictor(store)


@pytest.fixture
def pixels(lenet):
    return lenet.model.prepare(picture(3, 28), "a").pixels


def image_of(row):
    return Image.open(io.BytesIO(base64.b64decode(row["picture"])))


def test_the_layers_of_lenet_stand_in_the_order_of_the_calculation(lenet, pixels):
    rows = layers(lenet, pixels)
    assert [(row["name"], row["kind"], tuple(row["shape"])) for row in rows] == [
        ("data", "input", (1, 28, 28)),
        ("conv1", "weights", (20, 1, 5, 5)), ("conv1", "activation", (20, 24, 24)),
        ("maxpool2d 1", "activation", (20, 12, 12)),
        ("conv2", "weights", (50, 20, 5, 5)), ("conv2", "activation", (50, 8, 8)),
        ("maxpool2d 2", "activation", (50, 4, 4)),
        ("dense1", "weights", (500, 800)), ("dense1", "activation", (500,)), ("relu 1", "activation", (500,)),
        ("dense2", "weights", (10, 500)), ("dense2", "activation", (10,)), ("softmax 1", "activation", (10,))]
    assert sum(row["parameters"] for row in rows) == 431_080
    assert [row["name"] for row in rows if not row["picture"]] == ["dense1", "dense2"]


def test_their_numbers_are_those_of_the_network(lenet, pixels):
    rows = {(row["name"], row["kind"]): row for row in layers(lenet, pixels)}
    x = (torch.from_numpy(pixels[None].copy()).float() - lenet.mean) / lenet.std
    with torch.no_grad():
        conv1 = lenet.network.conv1(x)
        probabilities = lenet.network(x).softmax(1)
    for key, wanted in ((("conv1", "activation"), conv1), (("maxpool2d 1", "activation"),
                        functional.max_pool2d(conv1, 2)), (("conv1", "weights"), lenet.network.conv1.weight),
                        (("softmax 1", "activation"), probabilities), (("data", "input"), x)):
        data = wanted.detach().numpy()
        assert rows[key]["mean"] == pytest.approx(float(data.mean()), abs=1e-6)
        assert rows[key]["std"] == pytest.approx(float(data.std()), abs=1e-6)
        assert rows[key]["histogram"]["counts"] == np.histogram(data, 20)[0].tolist()
        assert rows[key]["histogram"]["ticks"][::2] == pytest.approx([data.min(), data.max()])


def test_looking_leaves_the_network_as_it_was(lenet, pixels):
    before = lenet.predict([pixels])
    layers(lenet, pixels)
    assert not any(module._forward_hooks for module in lenet.network.modules())
    assert np.array_equal(lenet.predict([pixels]), before)


@pytest.mark.parametrize("network", ["mobilenet_v3_small", pytest.param("resnet18", marks=pytest.mark.slow)])
def test_every_layer_of_other_networks_is_there(store, network):
    made = predictor(store, network=network, channels="color")
    rows = layers(made, made.model.prepare(picture(3, 28), "a").pixels)
    wanted = {name for name, module in made.network.named_modules()
              if dict(module.named_parameters(recurse=False))}
    assert {row["name"] for row in rows if row["kind"] == "weights"} == wanted
    assert sum(row["parameters"] for row in rows) == sum(part.numel() for part in made.network.parameters())
    assert rows[-1]["type"] == "Softmax"


def test_pictures_keep_to_the_rules_of_digits(lenet, pixels):
    rows = {(row["name"], row["kind"]): row for row in layers(lenet, pixels)}
    assert image_of(rows["conv1", "activation"]).size == (124, 99)  # 5 x 4 maps of 24, gaps of 1
    assert image_of(rows["conv1", "weights"]).size[0] >= 100
    assert image_of(rows["conv1", "activation"]).getpixel((24, 3)) == (255, 255, 255)
    assert max(image_of(rows["conv2", "weights"]).size) <= 1200


def test_shapes_become_maps_or_colours():
    assert as_maps(np.zeros(7))[0].shape == (7, 1, 1)
    assert as_maps(np.zeros((4, 5)))[0].shape == (20, 1, 1)
    assert as_maps(np.zeros((3, 8, 9)))[0].shape == (1, 8, 9, 3)
    assert as_maps(np.zeros((5, 8, 9)))[0].shape == (5, 8, 9)
    assert as_maps(np.zeros((6, 3, 8, 9)))[0].shape == (6, 8, 9, 3)
    assert as_maps(np.zeros((6, 4, 8, 9)))[0].shape == (24, 8, 9)


@pytest.mark.parametrize("data", [np.zeros((1, 1, 1)), np.ones(1), np.arange(100_000.0), np.zeros((2, 3000, 2000)),
                                  np.random.default_rng(0).normal(size=(512, 512, 3, 3))])
def test_any_size_becomes_a_picture_that_fits(data):
    image = Image.open(io.BytesIO(tiled(data)))
    assert max(image.size) <= 1201


def test_small_and_large_values_have_the_ends_of_the_colour_map():
    low, middle, high = painted(np.array([0, 0.5, 1]), "jet")
    assert low.tolist() == [0, 0, 0.5]
    assert middle.tolist() == [0.5, 1, 0.5]
    assert high.tolist() == [0.5, 0, 0]


def test_one_value_has_statistics():
    assert statistics(np.ones(1))["histogram"]["counts"].count(1) == 1
