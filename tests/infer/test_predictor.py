import hashlib
import json

import numpy as np
import pytest
import safetensors.torch
import torch

from digits_core.errors import BadData
from digits_core.infer.model_files import sha256_of
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.predictor import Predictor
from tests.infer.model_folders import add_checkpoint, make_model, picture

BEST = "epoch_0002.000.safetensors"


def load(view, file=BEST):
    model = ModelFolder.read(view.folder.path)
    return Predictor(model, model.checkpoint(file))


def test_probabilities_sum_to_one_and_do_not_depend_on_the_neighbours(store):
    predictor = load(make_model(store))
    pixels = [predictor.model.prepare(picture(seed), "a.png").pixels for seed in range(5)]
    together = np.stack(predictor.predict(pixels))
    assert np.allclose(together.sum(1), 1, atol=1e-6)
    for alone, row in zip(pixels, together, strict=True):
        assert (predictor.predict([alone])[0] == row).all()


@pytest.mark.parametrize("mean", ["none", "pixel", "image"])
@pytest.mark.parametrize("crop", [None, 8])
def test_a_picture_is_normalised_as_in_training(store, mean, crop):
    view = make_model(store, channels="color", mean=mean, crop=crop)
    predictor = load(view)
    pixels = predictor.model.prepare(picture(1), "a.png").pixels
    image = np.load(view.folder.path / "mean.npy") if mean == "image" else np.zeros((3, 12, 12), np.float32)
    image = image[:, 2:10, 2:10] if crop else image
    minus = {"none": 0.0, "pixel": 100.0, "image": image}[mean]
    x = torch.from_numpy((pixels.astype(np.float32) - np.float32(minus)) / np.float32(50.0))[None]
    with torch.inference_mode():
        wanted = predictor.network(x.float()).softmax(1)[0].numpy()
    assert np.allclose(predictor.predict([pixels])[0], wanted, atol=1e-6)


def test_weights_that_were_changed_are_refused(store):
    view = make_model(store)
    path = view.folder.checkpoints / BEST
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadData, match="wrong sha256"):
        load(view)


def test_weights_that_were_cut_are_refused(store):
    view = make_model(store)
    path = view.folder.checkpoints / BEST
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadData, match="bytes long instead of"):
        load(view)


def test_a_pickle_is_never_opened_even_with_the_right_sum(store, tmp_path):
    view = make_model(store)
    path = view.folder.checkpoints / BEST
    torch.save({"x": torch.zeros(3)}, path)
    row = json.loads(path.with_suffix(".json").read_text())
    row.update(sha256=sha256_of(path), bytes=path.stat().st_size)
    path.with_suffix(".json").write_text(json.dumps(row))
    with pytest.raises(BadData, match="not a safetensors file"):
        load(view)


@pytest.mark.parametrize(("change", "words"), [
    (lambda t: t.pop("dense2.bias"), "dense2.bias is missing"),
    (lambda t: t.update(extra=torch.zeros(1)), "extra is not part of it"),
    (lambda t: t.update({"dense2.bias": torch.zeros(11)}), r"dense2.bias is \(11,\) instead of \(10,\)"),
    (lambda t: t.update({"dense2.bias": torch.zeros(10, dtype=torch.float64)}), "float64 instead of"),
])
def test_weights_of_another_network_are_refused_with_what_differs(store, change, words):
    view = make_model(store)
    path = view.folder.checkpoints / BEST
    tensors = safetensors.torch.load_file(path)
    change(tensors)
    content = safetensors.torch.save(tensors)
    path.write_bytes(content)
    row = json.loads(path.with_suffix(".json").read_text())
    row.update(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    path.with_suffix(".json").write_text(json.dumps(row))
    with pytest.raises(BadData, match=words):
        load(view)


def test_a_network_file_that_asks_for_far_too_much_allocates_nothing(store):
    view = make_model(store, mean="none")
    path = view.folder.path
    network = json.loads((path / "network.json").read_text())
    steps = json.loads((path / "preprocessing.json").read_text())
    (path / "network.json").write_text(json.dumps({**network, "input_shape": [1, 10_000, 10_000]}))
    (path / "preprocessing.json").write_text(json.dumps({**steps, "width": 10_000, "height": 10_000}))
    with pytest.raises(BadData, match=r"dense1\.weight is"):
        load(view)


def test_weights_that_give_nan_are_named(store):
    view = make_model(store)
    path = view.folder.checkpoints / BEST
    tensors = {name: torch.full_like(value, float("nan")) for name, value in safetensors.torch.load_file(path).items()}
    content = safetensors.torch.save(tensors)
    path.write_bytes(content)
    row = json.loads(path.with_suffix(".json").read_text())
    row.update(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    path.with_suffix(".json").write_text(json.dumps(row))
    predictor = load(view)
    with pytest.raises(BadData, match="NaN"):
        predictor.predict([predictor.model.prepare(picture(), "a.png").pixels])


def test_each_checkpoint_gives_its_own_answer(store):
    view = make_model(store)
    add_checkpoint(view.folder.path, 0.5, seed=77, best=False)
    pixels = [load(view).model.prepare(picture(), "a.png").pixels]
    answers = {file: load(view, file).predict(pixels)[0].tobytes()
               for file in ("epoch_0000.500.safetensors", "epoch_0001.000.safetensors", BEST)}
    assert len(set(answers.values())) == 3
