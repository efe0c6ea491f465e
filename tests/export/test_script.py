"""predict.py reads and resizes exactly as DIGITS does, for every resize mode and kind of picture."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from digits_core import files
from digits_core.export.script import SOURCE, script
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.signature import given
from tests.infer.model_folders import make_model

MODES = ["squash", "crop", "fill", "half", "pad", "pad 60x30"]


def changed(store, channels="color", **steps) -> ModelFolder:
    folder = make_model(store, channels=channels, side=24, mean="pixel", crop=20).folder.path
    path = folder / "preprocessing.json"
    files.write_atomic(path, {**(files.read_json(path) or {}), **steps})
    return ModelFolder.read(folder)


def loaded(model: ModelFolder) -> ModuleType:
    """The whole of what scripts are made of, beside the files of a model."""
    path = model.path / "predict.py"
    path.write_text(SOURCE.read_text())
    spec = importlib.util.spec_from_file_location("predict", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("channels", ["gray", "color"])
@pytest.mark.parametrize("mode", MODES)
def test_every_resize_mode_gives_the_same_pixels_in_the_same_place(store, tmp_path, mode, channels):
    model = changed(store, channels, resize_mode=mode)
    module = loaded(model)
    fit = module.squash if mode == "squash" else module.pad if mode.startswith("pad") else module.cover
    for number, size in enumerate([(50, 31), (17, 40), (24, 24), (9, 7), (200, 20)]):
        pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "a.png")
        entry, place = module.read_picture(str(tmp_path / "a.png"), fit)
        wanted, own = model.resized(tmp_path / "a.png", "a.png")
        np.testing.assert_array_equal(entry, given(model, wanted), err_msg=str(size))
        assert place[0] == own == size
        assert module.seen(place)[1:] == pytest.approx(tuple(model.placement(size))), size


KINDS = ["RGBA", "LA", "P", "1", "CMYK", "I;16"]


@pytest.mark.parametrize("channels", ["gray", "color"])
@pytest.mark.parametrize("mode", KINDS)
def test_every_kind_of_picture_is_read_the_same(store, tmp_path, mode, channels):
    model = changed(store, channels)
    module = loaded(model)
    chance, path = np.random.default_rng(3), tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    if mode == "I;16":
        image = Image.fromarray(chance.integers(0, 65536, (30, 40), np.uint16))
    else:
        image = Image.fromarray(chance.integers(0, 256, (30, 40, 4), np.uint8), "RGBA").convert(mode)
    image.save(path)
    entry, _ = module.read_picture(str(path), module.squash)
    np.testing.assert_array_equal(entry, given(model, model.resized(path, path.name).pixels))


def test_full_depth_is_read_the_same(store, tmp_path):
    model = changed(store, channels="color", resize_mode="fill")
    model = ModelFolder.read(_all(model.path))
    module = loaded(model)
    np.save(tmp_path / "a.npy", np.random.default_rng(1).uniform(0, 4095, (3, 40, 50)).astype(np.float32))
    entry, place = module.read_planes(str(tmp_path / "a.npy"), module.cover)
    np.testing.assert_allclose(entry, given(model, model.resized(tmp_path / "a.npy", "a.npy").pixels), atol=1e-3)
    assert entry.dtype == np.float32 and place[0] == (50, 40)


def _all(folder: Path) -> Path:
    path = folder / "preprocessing.json"
    files.write_atomic(path, {**(files.read_json(path) or {}), "channels": "all", "span": [0.0, 4095.0]})
    return folder


def test_a_script_has_what_its_model_needs_and_no_more(store):
    text = script(changed(store))
    assert "def squash" in text and "def tell_label" in text
    for other in ("def cover", "def pad", "def read_text", "def tell_boxes", "def arrays", "zlib", "MODE"):
        assert other not in text, other
    assert len(text.splitlines()) < 80 and text.endswith("    main(read_picture, squash, tell_label)\n")
