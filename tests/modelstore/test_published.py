"""Published weights, and people's own: from a folder or a server to a model that classifies; bad files stay out."""

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch

from digits_core import files
from digits_core.errors import BadData
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.model import Status
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.modelstore import convert
from digits_core.modelstore import published as published_worker
from digits_core.modelstore.state_dict import fitted, renamed, sketch
from digits_core.networks.torchvision_data import find_published, published
from digits_core.services import foreign, weights
from digits_core.services.models import find_checkpoint
from digits_core.services.workspace import Workspace
from tests.data import webserver
from tests.data.webserver import serving
from tests.modelstore.publishing import NETWORK, publish, state


@pytest.fixture
def place(workspace, monkeypatch, tmp_path):
    """A workspace that takes weights from one folder and loads nothing; its worker reads the same settings.

    Files are read in this process, unless ``apart``.
    """
    def made(url="none", folder=tmp_path / "shelf", apart=False):
        if not apart:
            monkeypatch.setattr(published_worker, "convert", lambda path, target: (
                target.touch(), convert.read(path))[1])
        monkeypatch.setenv("DIGITS_WEIGHTS_DIR", str(folder))
        monkeypatch.setenv("DIGITS_WEIGHTS_URL", url)
        return Workspace.open(workspace.settings.model_copy(update={"weights_dir": str(folder), "weights_url": url}))
    return made


def run(space, view):
    scheduler = Scheduler(space.store, space.settings, InlineRunner(), gpu_ids=list)
    scheduler.tick()
    scheduler.close()
    return space.store.get(view.id)


def test_weights_on_disk_become_a_model_that_classifies_as_torchvision_would(place, monkeypatch, tmp_path):
    publish(monkeypatch, tmp_path / "shelf")
    space = place(apart=True)
    view = run(space, weights.fetch_weights(space, "tester", NETWORK))
    assert view.status is Status.DONE, view.state.reason
    model = ModelFolder.read(view.folder.path)
    assert model.network.classes == 1000 and model.labels[0] == "tench" and len(set(model.labels)) == 1000
    steps = model.preprocessing
    assert (steps.width, steps.height, steps.crop, steps.resize_mode, steps.mean) == (256, 256, 224, "crop", "pixel")
    assert steps.mean_pixel == pytest.approx([123.675, 116.28, 103.53])
    assert steps.std_pixel == pytest.approx([58.395, 57.12, 57.375])
    row = find_checkpoint(view)
    found = safetensors.torch.load_file(view.folder.checkpoints / row["file"])
    assert all(torch.equal(tensor, state()[name]) for name, tensor in found.items())
    assert row["metrics"]["val/accuracy"] == published(NETWORK)[0].accuracy
    assert view.folder.summary()["classes"] == 1000
    assert not (view.folder.path / ".unpacked").exists()


def test_weights_are_loaded_from_a_mirror_and_a_broken_connection_is_gone_on_with(place, monkeypatch, tmp_path):
    path = publish(monkeypatch, tmp_path / "published")
    content = path.read_bytes()
    with serving({f"/m/{path.name}": webserver.pieces(content, len(content) * 2 // 3)}) as (address, seen):
        space = place(f"{address}/m/")
        view = run(space, weights.fetch_weights(space, "tester", NETWORK))
    assert view.status is Status.DONE, view.state.reason
    assert len(seen) == 2
    assert not (view.folder.path / "upload").exists()


def test_a_file_that_is_another_than_was_published_is_refused(place, monkeypatch, tmp_path):
    path = publish(monkeypatch, tmp_path / "published")
    with serving({f"/{path.name}": webserver.body(b"something else")}) as (address, _):
        space = place(address)
        view = run(space, weights.fetch_weights(space, "tester", NETWORK))
    assert view.status is Status.FAILED
    assert "is not the file that was published" in view.state.reason
    assert not list((view.folder.path / "upload").iterdir())


def test_an_address_that_does_not_answer_says_what_to_do_instead(place, monkeypatch, tmp_path):
    publish(monkeypatch, tmp_path / "published")
    with serving({}) as (address, _):
        space = place(address)
        view = run(space, weights.fetch_weights(space, "tester", NETWORK))
    assert "status 404" in view.state.reason and f"into {tmp_path / 'shelf'}" in view.state.reason


@pytest.mark.parametrize(("network", "old", "new"), [
    ("densenet121", "features.denseblock1.denselayer1.norm.1.weight", "features.denseblock1.denselayer1.norm1.weight"),
    ("vit_b_32", "encoder.layers.encoder_layer_0.mlp.linear_2.bias", "encoder.layers.encoder_layer_0.mlp.3.bias"),
    ("resnet18", "module.layer1.0.conv1.weight", "layer1.0.conv1.weight")])
def test_names_of_older_files_are_known(network, old, new):
    own = sketch(network, (3, 224, 224), 1000).state_dict()
    prefix = "module." if old.startswith("module.") else ""
    tensors = {prefix + name: tensor for name, tensor in own.items() if name != new}
    assert set(renamed({**tensors, old: own[new]}, own)) == set(own)


def test_files_that_do_not_count_batches_are_taken_and_half_precision_becomes_full():
    own = state("resnet18")
    old = {name: tensor.half() for name, tensor in own.items() if not name.endswith("num_batches_tracked")}
    found = fitted(old, sketch("resnet18", (3, 64, 64), 1000).state_dict(), "old.pth")
    assert found["bn1.num_batches_tracked"] == 0 and found["fc.weight"].dtype == torch.float32


def own_file(place, tmp_path, tensors, ending=".pth", save=torch.save, apart=False, **options):
    """Import a file of one's own and return the ended job."""
    space = place(apart=apart)
    path = tmp_path / f"mine{ending}"
    save(tensors, path)
    values = {"network": NETWORK, "file": str(path), "width": 64, "height": 64, **options}
    return run(space, foreign.import_files(space, "tester", "mine", values))


@pytest.mark.parametrize(("ending", "save"), [(".pth", torch.save), (".safetensors", safetensors.torch.save_file)])
def test_a_state_dict_of_ones_own_becomes_a_model_with_its_classes_and_channels(place, tmp_path, ending, save):
    (tmp_path / "names.txt").write_text("cat\ndog\nfish\n")
    view = own_file(place, tmp_path, state(shape=(1, 64, 64), classes=3), ending, save, scale="half",
                    labels_file=str(tmp_path / "names.txt"))
    assert view.status is Status.DONE, view.state.reason
    model = ModelFolder.read(view.folder.path)
    assert model.labels == ("cat", "dog", "fish") and model.network.input_shape == (1, 64, 64)
    assert model.preprocessing.channels == "gray" and model.preprocessing.mean_pixel == [127.5]


def test_a_checkpoint_of_a_training_program_gives_its_weights(place, tmp_path):
    wrapped = {f"module.{name}": tensor for name, tensor in state(classes=3).items()}
    view = own_file(place, tmp_path, {"epoch": 3, "state_dict": wrapped, "best": 0.5})
    assert view.status is Status.DONE, view.state.reason
    assert ModelFolder.read(view.folder.path).labels == ("0", "1", "2")


def test_tensors_that_do_not_fit_are_listed(place, tmp_path):
    tensors = state(classes=3)
    tensors["features.0.weight"] = tensors["features.0.weight"][:, :, :2]
    del tensors["features.3.squeeze.bias"]
    view = own_file(place, tmp_path, {**tensors, "more": torch.zeros(2)})
    assert view.status is Status.FAILED
    for words in ("3 tensors", "pictures of 64 x 64", "features.3.squeeze.bias is missing", "more is not part of it",
                  "features.0.weight is (64, 3, 2, 3) instead of (64, 3, 3, 3)"):
        assert words in view.state.reason
    assert not (view.folder.path / "network.json").exists()


def test_weights_of_another_network_say_so(place, tmp_path):
    view = own_file(place, tmp_path, state("resnet18", classes=3))
    assert view.status is Status.FAILED and "another network" in view.state.reason


class Evil:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return (Path.touch, (self.canary,))


def evil_zip(canary):
    """A file as torch writes it, with a pickle inside that touches the canary."""
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(2)}, buffer)
    out = io.BytesIO()
    with zipfile.ZipFile(buffer) as good, zipfile.ZipFile(out, "w") as bad:
        for member in good.namelist():
            bad.writestr(member, pickle.dumps(Evil(canary), 2) if member.endswith("data.pkl") else good.read(member))
    return out.getvalue()


def bomb():
    buffer, out = io.BytesIO(), io.BytesIO()
    torch.save({"a": torch.zeros(4_000_000)}, buffer)
    with zipfile.ZipFile(buffer) as good, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bad:
        for member in good.namelist():
            bad.writestr(member, good.read(member))
    return out.getvalue()


def saved(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


BAD = {
    "a pickle": (lambda canary: pickle.dumps(Evil(canary), 2), "could run anything"),
    "a pickle in a zip": (evil_zip, "could run anything"),
    "a whole network": (lambda canary: saved(torch.nn.Linear(2, 2)), "could run anything"),
    "a bomb": (lambda canary: bomb(), "made to fill the memory"),
    "a stretched tensor": (lambda canary: saved({"a": torch.zeros(1).expand(10**9)}), "larger than what the file"),
    "no numbers": (lambda canary: saved({"a": torch.tensor([float("nan")])}), "not numbers"),
    "a list": (lambda canary: saved([torch.zeros(2)]), "no state dict"),
    "other things": (lambda canary: saved({"a": torch.zeros(2), "b": "text"}), "'b' is no tensor but str"),
    "a sparse tensor": (lambda canary: saved({"a": torch.eye(2).to_sparse()}), "not read"),
    "half a file": (lambda canary: saved({"a": torch.zeros(1000)})[:1000], "damaged"),
    "a pickle of today": (lambda canary: pickle.dumps(Evil(canary), 5), "it is damaged, or something else"),
    "text": (lambda canary: b"hello, I am no weights", "cannot be read as weights"),
    "half a safetensors": (lambda canary: b"\x10\0\0\0\0\0\0\0{\"a\": 1", "no whole safetensors"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused_in_words_and_nothing_of_it_runs(kind, tmp_path):
    make, words = BAD[kind]
    path, canary = tmp_path / "bad.pth", tmp_path / "canary"
    path.write_bytes(make(canary))
    with pytest.raises(BadData, match=words):
        convert.read(path)
    assert not canary.exists()


@pytest.mark.slow
def test_a_bad_file_fails_its_job_with_the_reason(place, tmp_path):
    view = own_file(place, tmp_path, Evil(tmp_path / "canary"), apart=True)
    assert view.status is Status.FAILED
    assert "mine.pth was not taken. It holds more than weights" in view.state.reason
    assert not (tmp_path / "canary").exists()
    assert files.read_json(view.folder.path / "network.json") is None


def test_the_recommended_weights_come_first_and_short_tags_are_known():
    assert find_published("resnet50").tag == "IMAGENET1K_V2"
    assert find_published("resnet50", "v1").file == "resnet50-0676ba61.pth"
