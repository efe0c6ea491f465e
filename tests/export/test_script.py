"""predict.py reads and resizes exactly as DIGITS does, for every resize mode and kind of picture."""

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from digits_core import files
from digits_core.export.script import script
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.signature import given
from digits_core.tasks import tasks
from tests.infer.model_folders import make_model

MODES = ["squash", "crop", "fill", "half", "pad", "pad 60x30"]


def changed(store, channels="color", **steps) -> ModelFolder:
    folder = make_model(store, channels=channels, side=24, mean="pixel", crop=20).folder.path
    path = folder / "preprocessing.json"
    files.write_atomic(path, {**(files.read_json(path) or {}), **steps})
    return ModelFolder.read(folder)


def loaded(model: ModelFolder) -> dict[str, Any]:
    """What the script of a model defines; it asks nothing."""
    found = {"__name__": "predict", "__file__": str(model.path / "predict.py")}
    exec(compile(script(model), "predict.py", "exec"), found)
    return found


def of_task(model: ModelFolder, task: str, **changes: Any) -> ModelFolder:
    """The same as if it had learned another task."""
    return replace(model, network=model.network.model_copy(update={"task": task, "outputs": 110}), **changes)


@pytest.mark.parametrize("channels", ["gray", "color"])
@pytest.mark.parametrize("mode", MODES)
def test_every_resize_mode_gives_the_same_pixels_in_the_same_place(store, tmp_path, mode, channels):
    model = changed(store, channels, resize_mode=mode)
    pixels_of, placed = loaded(model)["pixels"], loaded(of_task(model, "detection"))
    for number, size in enumerate([(50, 31), (17, 40), (24, 24), (9, 7), (200, 20)]):
        pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "a.png")
        entry, place = placed["pixels"](str(tmp_path / "a.png"))
        wanted, own = model.resized(tmp_path / "a.png", "a.png")
        np.testing.assert_array_equal(entry, given(model, wanted), err_msg=str(size))
        np.testing.assert_array_equal(pixels_of(str(tmp_path / "a.png")), entry)
        seen = model.placement(size)
        assert place[0] == own == size
        assert place[1:] == pytest.approx((seen.scale_x, seen.scale_y, seen.left + 2, seen.top + 2)), size


KINDS = ["RGBA", "LA", "P", "1", "CMYK", "I;16"]


@pytest.mark.parametrize("channels", ["gray", "color"])
@pytest.mark.parametrize("mode", KINDS)
def test_every_kind_of_picture_is_read_the_same(store, tmp_path, mode, channels):
    model = changed(store, channels)
    chance, path = np.random.default_rng(3), tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    if mode == "I;16":
        image = Image.fromarray(chance.integers(0, 65536, (30, 40), np.uint16))
    else:
        image = Image.fromarray(chance.integers(0, 256, (30, 40, 4), np.uint8), "RGBA").convert(mode)
    image.save(path)
    wanted = given(model, model.resized(path, path.name).pixels)
    np.testing.assert_array_equal(loaded(model)["pixels"](str(path)), wanted)


@pytest.mark.parametrize("mode", MODES)
def test_full_depth_is_read_the_same(store, tmp_path, mode):
    model = ModelFolder.read(_all(changed(store, channels="color", resize_mode=mode).path))
    np.save(tmp_path / "a.npy", np.random.default_rng(1).uniform(0, 4095, (3, 40, 50)).astype(np.float32))
    entry = loaded(model)["pixels"](str(tmp_path / "a.npy"))
    again, place = loaded(of_task(model, "segmentation"))["pixels"](str(tmp_path / "a.npy"))
    np.testing.assert_array_equal(entry, again)
    np.testing.assert_allclose(entry, given(model, model.resized(tmp_path / "a.npy", "a.npy").pixels), atol=1e-3)
    assert entry.dtype == np.float32 and place[0] == (50, 40)


def _all(folder: Path) -> Path:
    path = folder / "preprocessing.json"
    files.write_atomic(path, {**(files.read_json(path) or {}), "channels": "all", "span": [0.0, 4095.0]})
    return folder


def test_the_script_of_a_plain_classification_fits_on_a_screen(store):
    text = script(changed(store))
    assert sum(bool(line.strip()) for line in text.splitlines()) <= 32, text
    for other in ("fitted", "ImageOps.fit", "reference", "zlib", "place", "#:", "WIDTH"):
        assert other not in text, other


def test_numbers_of_the_model_cannot_become_code(store):
    model = changed(store)
    evil = model.preprocessing.model_copy(update={"channels": "text", "details": {"alphabet": 'a"); import os #\n'}})
    assert loaded(replace(model, preprocessing=evil))["ALPHABET"] == 'a"); import os #\n'
    evil = evil.model_copy(update={"resize_mode": "pad 3x3); import os", "channels": "gray"})
    with pytest.raises(ValueError, match="invalid literal"):
        script(replace(model, preprocessing=evil))


def test_every_script_is_whole_and_has_nothing_that_it_does_not_need(store, tmp_path):
    """Of every task, resize mode and kind of picture."""
    model = changed(store)
    channels = {name: ["gray", "color", "all"] if kind.pictures else ["text"] for name, kind in tasks().items()}
    for task, mode, kept in itertools.product(channels, MODES, ({}, {"threshold": np.ones(1)})):
        for kind in channels[task]:
            steps = model.preprocessing.model_copy(update={
                "resize_mode": mode, "channels": kind, "span": (0.0, 9.0), "details": {"alphabet": "abc"}})
            name = f"{task}-{mode}-{kind}-{bool(kept)}.py".replace(" ", "-")
            (tmp_path / name).write_text(script(of_task(model, task, preprocessing=steps, reference=kept)))
    rules = "E,F,W,I,UP,SIM,RET,C4,PIE"
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", rules,
                           "--line-length", "120", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[:3000]
    assert len(list(tmp_path.iterdir())) > 200
