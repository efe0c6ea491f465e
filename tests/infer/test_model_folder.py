import json

import numpy as np
import pytest

from digits_core.errors import BadData
from digits_core.infer.model_folder import ModelFolder
from tests.infer.model_folders import make_model, picture


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(("file", "changes", "words"), [
    ("network.json", {"v": 2}, "made by a newer version"),
    ("network.json", {"classes": 9}, "10 names, the network has 9 classes"),
    ("network.json", {"input_shape": [3, 12, 12]}, "preprocessing.json makes"),
    ("network.json", {"input_shape": [1, 0, 12]}, "network.json is damaged"),
    ("network.json", {"input_shape": [1, 10**9, 12]}, "network.json is damaged"),
    ("network.json", {"task": "alchemy"}, "network.json is damaged: task"),
    ("preprocessing.json", {"crop": 13}, "larger than the picture|preprocessing.json makes"),
    ("preprocessing.json", {"std_pixel": [1.0, 2.0]}, "2 numbers in std_pixel; 1 are needed"),
    ("preprocessing.json", {"resize_mode": "stretch"}, "resize_mode"),
    ("preprocessing.json", {"mean": "pixel", "mean_pixel": []}, "does not say which"),
])
def test_files_that_contradict_each_other_are_named(store, file, changes, words):
    folder = make_model(store).folder.path
    edit(folder / file, **changes)
    with pytest.raises(BadData, match=words):
        ModelFolder.read(folder)


@pytest.mark.parametrize("file", ["network.json", "preprocessing.json", "labels.txt"])
@pytest.mark.parametrize("content", [None, b"", b"\x00\xff\xfe", b"[]", b"[" * 100_000, b"{}", b"\xff" * 10])
def test_missing_and_damaged_files_are_named(store, file, content):
    folder = make_model(store).folder.path
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(BadData):
        ModelFolder.read(folder)


@pytest.mark.parametrize("array", [np.zeros((1, 3, 3), np.float32), np.zeros((1, 12, 12)), np.array([object()]),
                                   np.full((1, 12, 12), np.nan, np.float32)])
def test_a_mean_image_of_the_wrong_kind_is_refused_without_unpickling(store, array):
    folder = make_model(store).folder.path
    np.save(folder / "mean.npy", array, allow_pickle=True)
    with pytest.raises(BadData, match=r"mean\.npy"):
        ModelFolder.read(folder).mean_image()


@pytest.mark.parametrize("name", ["../../../etc/passwd", "epoch_1.safetensors/..", "/etc/passwd", "last.state", ""])
def test_only_names_of_checkpoints_are_checkpoints(store, name):
    with pytest.raises(BadData, match="not the name of a checkpoint"):
        ModelFolder.read(make_model(store).folder.path).checkpoint(name)


def test_a_checkpoint_that_was_cleared_away_is_named(store):
    with pytest.raises(BadData, match="is gone"):
        ModelFolder.read(make_model(store).folder.path).checkpoint("epoch_0099.000.safetensors")


def test_a_picture_is_prepared_in_the_models_size_and_colours(store):
    model = ModelFolder.read(make_model(store, channels="color", side=16, crop=10).folder.path)
    assert model.prepare(picture(side=50), "x.png").pixels.shape == (3, 10, 10)
    assert model.mean_image().shape == (3, 10, 10)
