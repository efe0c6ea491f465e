import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch

from digits_core.errors import NotFound
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.model import Status
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.services import jobs, modelstore
from digits_core.services.models import find_checkpoint
from tests.infer.model_folders import LABELS, make_model

ALL = ["model.json", "network.json", "labels.txt", "preprocessing.json", "mean.npy", "weights.safetensors"]


@pytest.fixture
def good(workspace):
    """The files of a whole archive by name."""
    path = modelstore.export_model(workspace, "tester", make_model(workspace.store).id)
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


@pytest.fixture
def install(workspace, tmp_path):
    """Imports an archive (bytes, or files by name) and returns the ended job."""
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)

    def run(content):
        path = tmp_path / "upload.zip"
        path.write_bytes(content if isinstance(content, bytes) else zipped(content))
        view = modelstore.import_model(workspace, "tester", "imported", path)
        assert not path.exists()
        scheduler.tick()
        return workspace.store.get(view.id)

    yield run
    scheduler.close()


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def summed(files):
    """The files with a SHA256SUMS that fits them: what somebody with bad intent would send."""
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()
                   if name != "SHA256SUMS")
    return {**files, "SHA256SUMS": sums.encode()}


def edited(files, name, **changes):
    return summed({**files, name: json.dumps({**json.loads(files[name]), **changes}).encode()})


def with_weights(files, content):
    about = json.loads(files["model.json"])
    about["checkpoint"].update(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    return summed({**files, "weights.safetensors": content, "model.json": json.dumps(about).encode()})


def refused(view):
    """The reason; and nothing of it can be used."""
    assert view.status is Status.FAILED
    with pytest.raises(NotFound):
        find_checkpoint(view)
    assert not (view.folder.path / "network.json").exists()
    assert not (view.folder.path / ".unpacked").exists()
    return view.state.reason


def test_a_whole_archive_becomes_a_model_that_everything_can_use(install, good):
    view = install(good)
    assert view.status is Status.DONE, view.state.reason
    model = ModelFolder.read(view.folder.path)
    assert model.labels == tuple(LABELS)
    row = find_checkpoint(view)
    assert (row["epoch"], row["best"], row["file"]) == (2.0, True, "epoch_0002.000.safetensors")
    assert (view.folder.checkpoints / row["file"]).read_bytes() == good["weights.safetensors"]
    assert view.folder.summary()["network"] == "lenet"
    assert view.folder.summary()["accuracy"] == 0.5
    assert (view.folder.path / "evaluation" / "val.json").exists()
    assert not (view.folder.path / "upload").exists()


@pytest.mark.parametrize("name", ALL)
def test_a_missing_file_is_named(install, good, name):
    without = {key: value for key, value in good.items() if key != name}
    assert name in refused(install(without))
    assert name in refused(install(summed(without)))


@pytest.mark.parametrize("name", ["network.json", "labels.txt", "mean.npy", "weights.safetensors"])
def test_a_changed_file_is_named(install, good, name):
    content = bytearray(good[name])
    content[-1] ^= 1
    assert f"{name} has the wrong sha256" in refused(install({**good, name: bytes(content)}))


def test_a_file_that_nobody_listed_is_refused(install, good):
    assert "'extra.py'" in refused(install({**good, "extra.py": b"print()"}))


@pytest.mark.parametrize("lines", [b"", b"no sum  model.json\n", b"\x00\xff", b"0" * 64 + b"  ../../etc/passwd\n"])
def test_a_damaged_list_of_sums_is_refused(install, good, lines):
    refused(install({**good, "SHA256SUMS": lines}))


def test_a_newer_archive_says_what_to_do(install, good):
    assert "newer version of DIGITS (schema 2" in refused(install(edited(good, "model.json", v=2)))
    assert "newer version of DIGITS (schema 7" in refused(install(edited(good, "network.json", v=7)))


@pytest.mark.parametrize(("name", "changes", "words"), [
    ("model.json", {"format": "other"}, "not a model archive of DIGITS"),
    ("model.json", {"v": "1"}, "no schema version"),
    ("model.json", {"task": "origami"}, "known are classification"),
    ("model.json", {"checkpoint": None}, "does not describe a checkpoint"),
    ("model.json", {"checkpoint": {"epoch": -1}}, "does not describe a checkpoint"),
    ("model.json", {"checkpoint": {"epoch": 1}}, "model.json is damaged"),
    ("network.json", {"network": "no_such_net"}, "no network 'no_such_net'"),
    ("network.json", {"network": "resnet18"}, "do not fit the network resnet18"),
    ("network.json", {"classes": 3}, "10 names, the network has 3"),
    ("network.json", {"input_shape": [1, 14, 14]}, "preprocessing.json makes"),
    ("preprocessing.json", {"width": 14}, "preprocessing.json makes"),
    ("preprocessing.json", {"std_pixel": [float("nan")]}, "std_pixel"),
    ("evaluation/val.json", {"confusion": [[1]]}, "does not belong to a model of 10 classes"),
    ("evaluation/val.json", {"accuracy": "<b>"}, "evaluation/val.json is damaged|val.json is damaged"),
])
def test_files_that_say_something_wrong_are_named(install, good, name, changes, words):
    reason = refused(install(edited(good, name, **changes)))
    assert any(part in reason for part in words.split("|")), reason


def test_weights_of_another_shape_are_refused_with_what_differs(install, good):
    tensors = safetensors.torch.load(good["weights.safetensors"])
    tensors["dense2.bias"] = torch.zeros(11)
    assert "dense2.bias is (11,) instead of (10,)" in refused(
        install(with_weights(good, safetensors.torch.save(tensors))))


def test_a_pickle_in_place_of_weights_is_refused_unopened(install, good, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "canary"), "w"))

    buffer = io.BytesIO()
    torch.save(Evil(), buffer)
    assert "not a safetensors file" in refused(install(with_weights(good, buffer.getvalue())))
    assert not (tmp_path / "canary").exists()


def test_a_mean_image_with_a_pickle_is_refused_unopened(install, good):
    buffer = io.BytesIO()
    np.save(buffer, np.array([object()], dtype=object), allow_pickle=True)
    assert "mean.npy" in refused(install(summed({**good, "mean.npy": buffer.getvalue()})))


def test_weights_that_give_nan_are_refused(install, good):
    tensors = {name: torch.full_like(value, torch.nan)
               for name, value in safetensors.torch.load(good["weights.safetensors"]).items()}
    assert "NaN" in refused(install(with_weights(good, safetensors.torch.save(tensors))))


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "C:\\evil", "..\\evil"])
def test_members_that_lead_out_are_refused(install, good, name, tmp_path):
    refused(install({**good, name: b"x"}))
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"GIF89a", b"PK\x05\x06" + b"\0" * 18, b"\x1f\x8b" * 50])
def test_files_that_are_no_archive_are_refused(install, content):
    assert refused(install(content))


def test_a_cut_archive_is_refused(install, good):
    content = zipped(good)
    for length in (len(content) // 2, len(content) - 30):
        refused(install(content[:length]))


def test_a_failed_import_can_be_resumed_because_the_upload_stays(workspace, install, good):
    view = install(zipped(good)[:-30])
    (view.folder.path / "upload" / "model.zip").write_bytes(zipped(good))
    jobs.resume(workspace, "tester", view.id)
    InlineRunner().start(view.folder, view.folder.newest(), [])
    assert workspace.store.get(view.id).status is Status.DONE
