import io

import numpy as np
import pytest

from digits_core.errors import BadData
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.tensors import from_text, to_bytes, to_input, to_output, to_text
from tests.infer.model_folders import make_model


@pytest.fixture
def model(store):
    return ModelFolder.read(make_model(store, side=12, crop=10, channels="color").folder.path)


def test_an_entry_is_cropped_and_turned_as_a_picture_is(model):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)
    found = to_input(model, to_bytes(pixels))
    assert found.size == (12, 12)
    assert np.array_equal(found.pixels, pixels[1:11, 1:11].transpose(2, 0, 1))


@pytest.mark.parametrize(("entry", "why"), [
    (np.zeros((12, 12, 3), np.float32), "uint8"), (np.zeros((12, 12, 1), np.uint8), "is needed"),
    (np.zeros((12, 12), np.uint8), "is needed"), (np.zeros((3, 12, 12), np.uint8), "is needed")])
def test_an_entry_of_another_type_or_shape_is_refused(model, entry, why):
    with pytest.raises(BadData, match=why):
        to_input(model, to_bytes(entry))


def test_decimals_must_be_numbers(model):
    steps = model.preprocessing.model_copy(update={"channels": "all", "span": (0.0, 1.0)})
    deep = ModelFolder(model.path, model.network, model.labels, steps)
    pixels = np.full((12, 12, 3), 7.5, np.float32)
    assert to_input(deep, to_bytes(pixels)).pixels.dtype == np.float32
    pixels[0, 0, 0] = np.nan
    with pytest.raises(BadData, match="NaN"):
        to_input(deep, to_bytes(pixels))


def packed(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize("data", [b"", b"x" * 50, to_bytes(np.zeros(9))[:60], packed(a=np.zeros(3))])
def test_what_is_no_array_is_refused(model, data):
    with pytest.raises(BadData, match="no array"):
        to_input(model, data)


def test_numbers_travel_as_they_are_and_values_in_their_own_units(model):
    found = np.array([0.5, -1.0], np.float32)
    assert np.array_equal(from_text(to_text(found)), found) and to_output(model, found) is found
    steps = model.preprocessing.model_copy(update={"details": {"mean": [10.0, 0.0], "std": [2.0, 3.0]}})
    network = model.network.model_copy(update={"task": "regression"})
    assert to_output(ModelFolder(model.path, network, model.labels, steps), found).tolist() == [11.0, -3.0]
