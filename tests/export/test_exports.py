"""An export from question to archive: what is written says what PyTorch says, or nothing is offered."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import digits_core
from digits_core.errors import BadState, InUse, InvalidOptions, NotFound
from digits_core.export import run as worker
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.predictor import Predictor
from digits_core.infer.signature import given
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.services import exports, inference, jobs, modelstore
from digits_core.services.workspace import Workspace
from tests.export import alone
from tests.infer.model_folders import make_model, picture
from tests.infer.sharing import shared_workspace
from tests.ticking import Tick, ticking

ALL = {"precisions": ["fp32", "fp16", "int8"], "formats": ["onnx", "torchscript"], "pictures": 20,
       "fp16_agreement": 50, "int8_agreement": 50}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory):
    yield from shared_workspace(tmp_path_factory.mktemp("exports"))


@pytest.fixture(scope="module")
def tick(workspace: Workspace):
    yield from ticking(workspace)


@pytest.fixture(scope="module")
def model(workspace: Workspace) -> JobView:
    return make_model(workspace.store, channels="color", side=24, crop=20, mean="image", name="Ziffern lesen")


@pytest.fixture(scope="module")
def export(workspace: Workspace, model: JobView, tick: Tick) -> JobView:
    view = tick(exports.create(workspace, "tester", model.id, ALL))
    assert view.status is Status.DONE, view.state.reason
    return view


@pytest.fixture
def unpacked(workspace: Workspace, export: JobView, tmp_path: Path) -> Path:
    with zipfile.ZipFile(exports.archive(workspace, "tester", export.id)) as archive:
        archive.extractall(tmp_path / "unpacked")
    return tmp_path / "unpacked"


def test_every_variant_is_held_against_pytorch(workspace, export):
    report = exports.report(workspace, export.id)
    assert [row["file"] for row in report["variants"]] == ["model.onnx", "model.fp16.onnx", "model.int8.onnx",
                                                           "model.torchscript"]
    whole, half, eight, script = report["variants"]
    assert (whole["batch"], script["batch"]) == ("any", "1")
    assert whole["difference"] < 1e-5 and whole["agreement"] == script["agreement"] == 1
    assert half["bytes"] < 0.6 * whole["bytes"] and eight["bytes"] < 0.4 * whole["bytes"]
    assert all(0 < row["p50_ms"] <= row["p95_ms"] for row in [*report["variants"], report["reference"]])
    assert "drawn" in report["source"] and report["measure"] is None


def test_the_graph_has_everything_from_pixels_to_probabilities_inside(workspace, model, export):
    session = onnxruntime.InferenceSession(exports.file(workspace, "tester", export.id))
    folder = ModelFolder.read(model.folder.path)
    prepared = [folder.resized(picture(seed), "a.png").pixels for seed in range(3)]
    found = session.run(None, {"image": np.stack([given(folder, pixels) for pixels in prepared])})[0]
    predictor = Predictor(folder, folder.checkpoint("epoch_0002.000.safetensors"))
    wanted = predictor.predict([folder.prepare(picture(seed), "a.png").pixels for seed in range(3)])
    np.testing.assert_allclose(found, np.stack(wanted), atol=1e-5)


def test_the_files_say_nothing_about_this_server(workspace, export):
    for name in ("model.onnx", "model.fp16.onnx", "model.int8.onnx", "verification.json", "README.md"):
        assert b"/digits_core/" not in exports.file(workspace, "tester", export.id, name).read_bytes(), name
    onnx.checker.check_model(onnx.load(exports.file(workspace, "tester", export.id)), full_check=True)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tgz", "tar", "tar.bz2"])
def test_the_archive_comes_in_every_form_and_is_the_same_each_time(workspace, export, kind):
    path = exports.archive(workspace, "tester", export.id, kind)
    assert path.name == f"Ziffern_lesen_epoch_2.{kind}"
    first = path.read_bytes()
    assert exports.archive(workspace, "tester", export.id, kind).read_bytes() == first
    if kind == "zip":
        names = set(zipfile.ZipFile(path).namelist())
    else:
        with tarfile.open(path) as archive:
            names = set(archive.getnames())
    assert names == {"README.md", "SHA256SUMS", "evaluation/val.json", "info.json", "labels.txt", "mean.npy",
                     "model.json", "model.onnx", "model.fp16.onnx", "model.int8.onnx", "model.torchscript",
                     "network.json", "predict.py", "preprocessing.json", "requirements.txt", "verification.json",
                     "weights.safetensors"}


def test_another_form_is_refused_by_name(workspace, export):
    with pytest.raises(InvalidOptions, match=r"Invalid extension 'rar': there are zip, tar\.gz"):
        exports.archive(workspace, "tester", export.id, "rar")


def test_the_same_model_gives_the_same_bytes_but_for_torchscript_which_numbers_itself(workspace, model, export, tick):
    again = tick(exports.create(workspace, "tester", model.id, {**ALL, "formats": ["onnx"]}))
    for name in ("model.onnx", "model.fp16.onnx", "model.int8.onnx", "predict.py", "model.json", "info.json"):
        one, two = (exports.file(workspace, "tester", view.id, name).read_bytes() for view in (export, again))
        assert one == two, name


PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from digits_core.export.graph import Graph
from digits_core.export.trace import write_torchscript
from digits_core.infer.model_folder import ModelFolder
model = ModelFolder.read(Path(sys.argv[1]))
graph = Graph(model, model.checkpoint("epoch_0002.000.safetensors"))
write_torchscript(graph, np.zeros((24, 24, 3), np.uint8), Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_torchscript_is_the_same_from_job_to_job_as_each_has_a_process(model, tmp_path):
    """Within one process PyTorch numbers the classes of all traces on."""
    for name in "ab":
        subprocess.run([sys.executable, "-c", PROGRAM, model.folder.path, tmp_path / name], check=True)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_no_file_tells_where_this_server_keeps_its_source(workspace, export):
    with zipfile.ZipFile(exports.archive(workspace, "tester", export.id, "zip")) as archive:
        whole = [archive.read(name) for name in archive.namelist()]
        with zipfile.ZipFile(io.BytesIO(archive.read("model.torchscript"))) as program:
            whole += [program.read(name) for name in program.namelist()]
    assert not [content for content in whole if os.fsencode(Path(digits_core.__file__).parent) in content]


def test_the_script_runs_where_nothing_else_is_installed(workspace, model, unpacked, tmp_path):
    places = [tmp_path / f"{seed}.png" for seed in range(3)]
    for seed, place in enumerate(places):
        place.write_bytes(picture(seed, side=40 + seed))
    found = alone.predicted(unpacked, alone.empty(tmp_path / "packages"), *places)
    wanted = inference.classify(workspace, "tester", model.id, [(p.name, p.read_bytes()) for p in places])
    for ours, theirs in zip(wanted, found, strict=True):
        alone.same(ours, theirs)
    eight = alone.predicted(unpacked, tmp_path / "packages", "--model", "model.int8.onnx", places[0])
    assert len(eight[0]["predictions"]) == 5
    (tmp_path / "packages" / "PIL").unlink()
    assert "No module named 'PIL'" in alone.told(unpacked, tmp_path / "packages", places[0])


def test_the_archive_comes_back_as_the_same_model(workspace, model, export, tick, tmp_path):
    copy = Path(shutil.copy(exports.archive(workspace, "tester", export.id), tmp_path / "m.zip"))
    back = tick(modelstore.import_model(workspace, "tester", "back", copy))
    assert back.status is Status.DONE, back.state.reason
    answers = [inference.classify(workspace, "tester", job, [("a.png", picture(5))])[0]["predictions"]
               for job in (model.id, back.id)]
    assert answers[0] == answers[1]
    again = tick(exports.create(workspace, "tester", back.id, {"pictures": 3}))
    assert again.status is Status.DONE, again.state.reason


def test_info_json_has_the_keys_that_digits_told(unpacked):
    told = json.loads((unpacked / "info.json").read_text())
    assert told["image dimensions"] == [24, 24, 3] and told["snapshot file"] == "weights.safetensors"
    assert all((unpacked / told[key]).is_file() for key in ("snapshot file", "labels file", "model file", "mean file"))


def test_a_variant_that_says_something_else_fails_and_offers_nothing(workspace, model, tick, monkeypatch):
    original = worker.halve

    def wrong(source: Path, target: Path) -> None:
        original(source, target)
        broken = onnx.load(target)
        for tensor in broken.graph.initializer:
            if len(tensor.dims) > 1:
                values = onnx.numpy_helper.to_array(tensor)
                tensor.CopyFrom(onnx.numpy_helper.from_array(-values, tensor.name))
        onnx.save(broken, target)

    monkeypatch.setattr(worker, "halve", wrong)
    view = tick(exports.create(workspace, "tester", model.id, {"precisions": ["fp32", "fp16"], "pictures": 10}))
    assert view.status is Status.FAILED
    assert "ONNX fp16 was not exported" in view.state.reason and "98 % are asked for" in view.state.reason
    assert [bool(row["reason"]) for row in exports.report(workspace, view.id)["variants"]] == [False, True]
    assert not (view.folder.path / "archive").exists() and not (view.folder.path / ".export").exists()
    with pytest.raises(BadState, match="nothing to download"):
        exports.archive(workspace, "tester", view.id)


def test_full_precision_beyond_the_tolerance_fails(workspace, model, tick):
    view = tick(exports.create(workspace, "tester", model.id, {"pictures": 3, "tolerance": 1e-12}))
    assert view.status is Status.FAILED and "differ by up to" in view.state.reason


def test_what_cannot_be_is_said_before_a_job_is_made(workspace, model, export, monkeypatch):
    monkeypatch.setattr("digits_core.export.options.importlib.util.find_spec", lambda name: None)
    for options, words in (({"formats": ["executorch"]}, "not installed"), ({"checkpoint": "9"}, "there are: best"),
                           ({"precisions": ["fp4"]}, "must be"), ({"pictures": 0}, "greater")):
        with pytest.raises(InvalidOptions, match=words):
            exports.create(workspace, "tester", model.id, options)
    with pytest.raises(NotFound):
        exports.create(workspace, "tester", export.id, {})
    with pytest.raises(NotFound, match=r"there are README\.md"):
        exports.file(workspace, "tester", export.id, "../job.json")


def test_exports_are_listed_with_their_model_which_may_go_without_them(workspace, tick):
    model = make_model(workspace.store, mean="pixel")
    view = exports.create(workspace, "tester", model.id, {"pictures": 2})
    with pytest.raises(InUse):
        jobs.delete(workspace, "tester", model.id)
    assert tick(view).status is Status.DONE
    assert [one.id for one in exports.of_model(workspace, model.id)] == [view.id]
    jobs.delete(workspace, "tester", model.id)
    jobs.purge(workspace, "tester", model.id)
    assert zipfile.ZipFile(exports.archive(workspace, "tester", view.id)).testzip() is None
