"""Models that an info.json describes: ours, those of DIGITS, and everything that is not what it says."""

import shutil

import pytest

from digits_core import files
from digits_core.errors import BadData
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.predictor import Predictor
from digits_core.jobs.model import Job, Kind
from digits_core.modelstore import convert, foreign
from digits_core.services.info import info
from digits_core.services.models import find_checkpoint
from tests.infer.model_folders import make_model, picture


class Recorder:
    """A context that only remembers."""

    devices: tuple[str, ...] = ()

    def __init__(self, store, **options):
        self.store = store
        self.job = Job(store.new_id(), Kind.PRETRAINED, "classification", "foreign", "tester", 1.0, options)
        self.folder = store.submit(self.job)

    def progress(self, *args, **kwargs): ...
    def log(self, message): ...
    def check_stop(self): ...


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Weights are read in this process."""
    monkeypatch.setattr(foreign, "convert", lambda path, target: convert.read(path))


def ours(workspace, folder, **changes):
    view = make_model(workspace.store, side=16)
    row = find_checkpoint(view)
    folder.mkdir()
    for path in (*view.folder.path.glob("*.*"), view.folder.checkpoints / row["file"]):
        shutil.copy(path, folder)
    prepared = files.read_json(folder / "preprocessing.json")
    return view, {**info(view, prepared, row), **changes}


def answer(folder, row):
    model = ModelFolder.read(folder)
    prepared = model.prepare(picture(), "x")
    return Predictor(model, model.checkpoint(row["file"])).predict([prepared.pixels])[0]


def test_a_model_of_ours_with_an_info_json_answers_as_before(workspace, tmp_path):
    view, about = ours(workspace, tmp_path / "m")
    context = Recorder(workspace.store)
    summary = foreign.install(context, tmp_path / "m", about)
    assert (summary["network"], summary["classes"], summary["best_epoch"]) == ("lenet", 10, 2.0)
    new = workspace.store.get(context.job.id)
    before = answer(view.folder.path, find_checkpoint(view))
    assert (answer(new.folder.path, find_checkpoint(new)) == before).all()


@pytest.mark.parametrize(("changes", "words"), [
    ({"snapshot file": ""}, "Missing Key 'snapshot file' in info.json"),
    ({"framework": None}, "Missing Key 'framework' in info.json"),
    ({"name": 3}, "Missing Key 'name' in info.json"),
    ({"model file": "", "network file": ""}, "Missing model definition in info.json"),
    ({"framework": "torch"}, "Torch 7 (.t7) cannot be read"),
    ({"framework": "tensorflow"}, "TensorFlow's checkpoints are not read"),
    ({"framework": "abacus"}, "Known are pytorch, caffe"),
    ({"labels file": "../labels.txt"}, "is not among the files"),
    ({"snapshot file": "other.safetensors"}, "'other.safetensors', which info.json names as its snapshot file"),
    ({"image dimensions": [1, 2, 100_000]}, "height, width and channels"),
])
def test_an_info_json_that_is_wrong_is_told_in_words_and_installs_nothing(workspace, tmp_path, changes, words):
    _, about = ours(workspace, tmp_path / "m", **changes)
    context = Recorder(workspace.store)
    with pytest.raises(BadData) as caught:
        foreign.install(context, tmp_path / "m", about)
    assert words in str(caught.value)
    assert not (context.folder.path / "network.json").exists()
