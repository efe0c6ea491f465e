"""Models that DIGITS trained with Caffe: an archive or single files become models that answer, and that learn on."""

import io
import json
import tarfile
import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image

from digits_core.data import pictures
from digits_core.errors import InvalidOptions
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.predictor import Predictor
from digits_core.jobs.model import Status
from digits_core.modelstore import caffe, caffe_model, caffe_schema
from digits_core.services import foreign, models, modelstore, networks
from digits_core.services.foreign import Sent
from digits_core.services.models import find_checkpoint
from tests.modelstore import caffe_nets as nets
from tests.modelstore.caffe_files import add_blob, caffemodel, prototxt
from tests.pages.conftest import visit, words
from tests.train import drawn

__all__ = ["visit"]

LABELS = "".join(f"kind {number}\n" for number in range(10))
SIDE, CROP = 32, 28


@pytest.fixture
def here(monkeypatch):
    """Files are read in this process."""
    monkeypatch.setattr(caffe_model.child, "ask", lambda module, question, *args, **more: caffe.read(question))


@pytest.fixture
def digits(tmp_path):
    """The files of a LeNet as DIGITS lays them out: pictures of 32 x 32, a mean image, a crop of 28."""
    definition = prototxt(nets.narrow(nets.LENET, 5), (3, CROP, CROP))
    mean = np.random.default_rng(3).uniform(0, 255, (1, 3, SIDE, SIDE)).astype(np.float32)
    blob = caffe_schema.new("Net").layer.add()
    add_blob(blob, mean)
    weights = caffemodel(definition, tmp_path / "made.caffemodel").read_bytes()
    info = {"name": "LeNet of old", "framework": "caffe", "snapshot file": "snapshot_iter_90.caffemodel",
            "deploy file": "deploy.prototxt", "model file": "original.prototxt", "labels file": "labels.txt",
            "mean file": "mean.binaryproto", "mean subtraction": "image", "image dimensions": [SIDE, SIDE, 3],
            "image resize mode": "half_crop", "job id": "20160101-101010-abcd", "digits version": "5.0"}
    return {"deploy.prototxt": definition.encode(), "original.prototxt": b"layer {}", "labels.txt": LABELS.encode(),
            "mean.binaryproto": blob.blobs[0].SerializeToString(), "snapshot_iter_90.caffemodel": weights,
            "info.json": json.dumps(info).encode()}


def packed(content, kind="tar.gz"):
    """The files as an archive."""
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in content.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, data in content.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def imported(workspace, run, tmp_path, content, kind="tar.gz"):
    path = tmp_path / "upload.bin"
    path.write_bytes(packed(content, kind))
    return run(modelstore.import_model(workspace, "tester", "old", path))


def photo(size=(40, 30)):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(7).integers(0, 256, (*size[::-1], 3), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def by_digits(content, data):
    """What DIGITS answered: resized, BGR, less the mean image, the middle, through the network."""
    image = Image.open(io.BytesIO(data))
    bgr = pictures.prepare(image, "color", SIDE, SIDE, "half")[::-1].astype(np.float32)
    mean = caffe_schema.from_bytes(content["mean.binaryproto"], "BlobProto", "")
    bgr = bgr - np.frombuffer(mean.data[0], np.float32).reshape(3, SIDE, SIDE)
    start = (SIDE - CROP) // 2
    net = cv2.dnn.readNetFromCaffe(np.frombuffer(content["deploy.prototxt"], np.uint8),
                                   np.frombuffer(content["snapshot_iter_90.caffemodel"], np.uint8))
    net.setInput(np.ascontiguousarray(bgr[None, :, start:start + CROP, start:start + CROP]))
    return net.forward()[0]


def answer(view, data):
    model = ModelFolder.read(view.folder.path)
    predictor = Predictor(model, model.checkpoint(find_checkpoint(view)["file"]))
    return predictor.predict([model.prepare(data, "x").pixels])[0]


def test_an_archive_of_digits_answers_as_it_did_there(workspace, run, tmp_path, digits):
    view = imported(workspace, run, tmp_path, digits)
    assert view.status is Status.DONE, view.state.reason
    wanted = by_digits(digits, photo())
    assert wanted.std() > 1e-3
    assert np.abs(answer(view, photo()) - wanted).max() < 1e-4
    model = ModelFolder.read(view.folder.path)
    steps = model.preprocessing
    assert (steps.width, steps.crop, steps.mean, steps.resize_mode) == (SIDE, CROP, "image", "half")
    assert model.labels[3] == "kind 3" and model.network.network == "caffe"
    assert view.folder.summary()["classes"] == 10


@pytest.mark.parametrize(("changes", "words"), [
    ({"info.json": b"[1]"}, "Missing or Incorrect json file"),
    ({"info.json": b'{"framework": "caffe"}'}, "Missing Key 'snapshot file' in info.json"),
    ({"labels.txt": b"a\nb\n"}, "has 2 names, and the network gives 10 answers"),
    ({"snapshot_iter_90.caffemodel": b"\x08\xff"}, "is damaged, or no file of Caffe"),
    ({"snapshot_iter_90.caffemodel": b""}, "holds no layers"),
    ({"deploy.prototxt": b"hello world"}, "is no network of Caffe"),
    ({"deploy.prototxt": b"\xff\xfe"}, "is no text"),
    ({"mean.binaryproto": b"\x2a\x04\0\0\0\0"}, "The mean file"),
    ({"info.json": None}, "not a model archive of DIGITS"),
    ({"deploy.prototxt": None, "original.prototxt": None}, "'deploy.prototxt', which info.json names as its deploy"),
])
def test_what_is_wrong_in_an_archive_is_said_and_nothing_is_installed(workspace, run, tmp_path, here, digits,
                                                                      changes, words):
    content = {name: data for name, data in {**digits, **changes}.items() if data is not None}
    view = imported(workspace, run, tmp_path, content, "zip")
    assert view.status is Status.FAILED
    assert words in view.state.reason
    assert not (view.folder.path / "network.json").exists() and not models.checkpoints(view)


def files(tmp_path, content, **names):
    """Copies of the files as uploads, by the fields of the form."""
    found = {}
    for field, name in names.items():
        path = tmp_path / "sent" / field
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content[name])
        found[field] = Sent(name, path)
    return found


ALL = {"file": "snapshot_iter_90.caffemodel", "definition": "deploy.prototxt", "labels_file": "labels.txt",
       "mean_file": "mean.binaryproto"}


def test_single_files_give_the_same_model(workspace, run, tmp_path, here, digits):
    view = run(foreign.import_files(workspace, "tester", "single", {"resize_mode": "half"}, "",
                                    files(tmp_path, digits, **ALL)))
    assert view.status is Status.DONE, view.state.reason
    assert np.abs(answer(view, photo()) - by_digits(digits, photo())).max() < 1e-4
    assert not (view.folder.path / "upload").exists()


def test_a_caffe_model_learns_on_with_other_classes_and_grey_pictures_of_another_size(workspace, run, tmp_path, here,
                                                                                      digits):
    start = imported(workspace, run, tmp_path, digits)
    data = drawn.dataset(workspace.store, classes=3, shape=(1, 12, 12))
    view = run(models.create_model(workspace, "tester", "tuned", data.id, {
        "network": "caffe", "start_model": start.id, "epochs": 1, "batch_size": 8, "trainable_stages": 1}))
    assert view.status is Status.DONE, view.state.reason
    started = json.loads((view.folder.path / "network.json").read_text())["start"]
    states = {line["name"]: line["state"] for line in started["tensors"]}
    assert states == {"layers.conv1.weight": "adapted", "layers.conv1.bias": "loaded", "layers.conv2.weight": "loaded",
                      "layers.conv2.bias": "loaded", "layers.ip1.weight": "loaded", "layers.ip1.bias": "loaded",
                      "layers.ip2.weight": "new", "layers.ip2.bias": "new"}
    assert answer(view, photo()).shape == (3,)
    again = models.create_model(workspace, "tester", "again", data.id, {
        **networks.described(view), "start_model": view.id, "epochs": 1, "batch_size": 8})
    assert run(again).status is Status.DONE


def test_its_source_can_be_changed_and_builds_the_same_network(workspace, run, tmp_path, here, digits):
    from digits_core.networks.build import build_network

    view = imported(workspace, run, tmp_path, digits)
    source = networks.source(workspace, view.id)
    values = networks.described(view)["network_values"]
    own, described = (build_network(name, (1, 50, 40), 4, text, more).state_dict() for name, text, more in (
        ("custom", source, ""), ("caffe", "", values)))
    assert {name: tensor.shape for name, tensor in own.items()} == {
        name: tensor.shape for name, tensor in described.items()}


@pytest.mark.parametrize(("sent", "options", "field", "words"), [
    ({"definition": "deploy.prototxt"}, {}, "file", "Missing weights file"),
    ({"file": "labels.txt"}, {}, "file", "Weights must be a .caffemodel file"),
    ({"file": "snapshot_iter_90.caffemodel"}, {}, "definition", "Missing model definition file"),
    ({"file": "snapshot_iter_90.caffemodel", "definition": "labels.txt"}, {}, "definition",
     "Model definition must be a .prototxt file"),
    ({**ALL, "labels_file": "deploy.prototxt"}, {}, "labels_file", "must be a .txt file"),
    (ALL, {"width": 10}, "height", "Give both sides"),
    (ALL, {"labels_file": "/nowhere/x.txt", "width": 5, "height": 5, "crop": 9}, "crop", "larger than the picture"),
])
def test_a_form_that_is_wrong_is_told_at_its_field(workspace, tmp_path, digits, sent, options, field, words):
    with pytest.raises(InvalidOptions) as caught:
        foreign.import_files(workspace, "tester", "x", options, "", files(tmp_path, digits, **sent))
    assert words in " ".join(caught.value.by_field()[field])
    assert not list(workspace.store.jobs())


def test_a_segmentation_answers_for_every_pixel(workspace, run, tmp_path, here):
    definition = prototxt(nets.narrow(nets.FCN_ALEXNET, 16), (3, 50, 60))
    content = {"deploy.prototxt": definition.encode(),
               "fcn.caffemodel": caffemodel(definition, tmp_path / "w.caffemodel").read_bytes()}
    view = run(foreign.import_files(workspace, "tester", "fcn", {}, "", files(
        tmp_path, content, file="fcn.caffemodel", definition="deploy.prototxt")))
    assert (view.status, view.job.task) == (Status.DONE, "segmentation"), view.state.reason
    mask = answer(view, photo())
    assert mask.shape == (50, 60) and mask.max() < 21
    wrong = run(foreign.import_files(workspace, "tester", "fcn", {"task": "classification"}, "", files(
        tmp_path, content, file="fcn.caffemodel", definition="deploy.prototxt")))
    assert "upload its files as segmentation" in wrong.state.reason


def test_one_can_look_inside_and_ask_why(workspace, run, tmp_path, here, digits):
    from digits_core.infer import explain, layers

    view = imported(workspace, run, tmp_path, digits)
    model = ModelFolder.read(view.folder.path)
    predictor = Predictor(model, model.checkpoint(find_checkpoint(view)["file"]))
    pixels = model.prepare(photo(), "x").pixels
    rows = [row["name"] for row in layers.layers(predictor, pixels) if row["kind"] == "activation"]
    assert rows[:4] == ["layers.scale", "layers.conv1", "layers.pool1", "layers.conv2"]
    assert explain.heat(predictor, pixels, 3, "grad-cam").shape == (CROP, CROP)


def test_an_export_of_it_can_be_imported_again(workspace, run, tmp_path, here, digits):
    view = imported(workspace, run, tmp_path, digits)
    copy = tmp_path / "copy.zip"
    copy.write_bytes(modelstore.export_model(workspace, "tester", view.id).read_bytes())
    again = run(modelstore.import_model(workspace, "tester", "again", copy))
    assert again.status is Status.DONE, again.state.reason
    assert (answer(again, photo()) == answer(view, photo())).all()


SOURCE = """
from torch import nn

def build_network(params):
    channels, height, width = params.input_shape
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, params.classes))
"""


def test_a_state_dict_with_the_source_of_its_network_needs_consent(workspace, run, tmp_path, monkeypatch):
    import torch

    from digits_core.modelstore import convert, uploaded

    monkeypatch.setattr(uploaded, "convert", lambda path, target: convert.read(path))
    state = {"1.weight": torch.randn(2, 48), "1.bias": torch.zeros(2)}
    torch.save(state, tmp_path / "made.pth")
    content = {"w.pth": (tmp_path / "made.pth").read_bytes(), "n.py": SOURCE.encode(), "l.txt": b"cat\ndog\n"}
    given = {"file": "w.pth", "definition": "n.py"}
    with pytest.raises(InvalidOptions) as caught:
        foreign.import_files(workspace, "tester", "own", {}, "", files(tmp_path, content, **given))
    assert list(caught.value.by_field()) == ["allow_code", "labels_file", "width", "task"]
    options = {"width": 4, "height": 4, "allow_code": True, "task": "classification", "scale": "raw"}
    view = run(foreign.import_files(workspace, "tester", "own", options, "", files(
        tmp_path, content, **given, labels_file="l.txt")))
    assert view.status is Status.DONE, view.state.reason
    model = ModelFolder.read(view.folder.path)
    assert model.source and model.labels == ("cat", "dog")
    with pytest.raises(InvalidOptions) as caught:
        foreign.import_files(workspace, "tester", "own", {**options, "network": "lenet"}, "", files(
            tmp_path, content, **given, labels_file="l.txt"))
    assert list(caught.value.by_field()) == ["network"]


def test_the_form_of_a_new_model_offers_it_as_a_start(workspace, run, tmp_path, here, digits, visit):
    start = imported(workspace, run, tmp_path, digits)
    data = drawn.dataset(workspace.store, classes=3, shape=(3, 12, 12))
    app = visit("models.py", new="classification", dataset=data.id, start=start.id)
    assert "Network: Caffe network" in words(app)
    next(one for one in app.text_input if (one.key or "").endswith(".name")).set_value("tuned").run()
    next(one for one in app.button if (one.key or "").endswith(".create")).click().run()
    made = [view.job.options for view in workspace.store.jobs("model") if view.job.kind == "model"]
    assert [(one["network"], one["start_model"]) for one in made] == [("caffe", start.id)]
    assert made[0]["network_values"] == networks.described(start)["network_values"]
