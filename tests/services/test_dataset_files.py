"""A dataset written as HDF5 files: for Caffe and for others, in parts, and back again."""

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from digits_core.api.app import create_api
from digits_core.data import hdf5
from digits_core.data.pictures import decode
from digits_core.data.records import Records
from digits_core.errors import BadState, InvalidOptions
from digits_core.services.dataset_files import Hdf5Export
from tests.api.conftest import TestClient
from tests.data.conftest import Build, build
from tests.data.pictures import class_folders

__all__ = ["build"]


@pytest.fixture
def dataset(build: Build, tmp_path: Path):
    return build(folder=str(class_folders(tmp_path / "pictures", {"cat": 6, "dog": 6})), val_percent=34)


def unzipped(export: Hdf5Export, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(b"".join(export.zipped()))) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return folder


def test_caffe_and_this_program_read_what_was_written(dataset, workspace, tmp_path: Path) -> None:
    export = Hdf5Export(workspace, "tester", dataset.id, {"compression": "gzip"})
    folder = unzipped(export, tmp_path / "out")
    assert (folder / "labels.txt").read_text().splitlines() == ["cat", "dog"]
    assert (folder / "train" / "list.txt").read_text() == "0.h5\n"
    records = Records(dataset.folder.path / "train.lmdb")
    with h5py.File(folder / "train" / "0.h5") as file:
        data, label = file["data"], file["label"]
        assert (data.dtype, data.shape[1:], data.compression, label.dtype) == ("f4", (3, 6, 8), "gzip", "f4")
        assert np.array_equal(label[:], records.labels())
        assert all(np.array_equal(data[n], record.pixels()) for n, record in enumerate(records.records(range(8))))
    rows = list(hdf5.listed(folder / "train", lambda: None, []))
    assert [row.label for row in rows] == records.labels().tolist()
    back = decode(hdf5.picture(hdf5.base(folder / "train") + rows[3].key, [], deep=False), "x").image
    assert np.array_equal(np.asarray(back).transpose(2, 0, 1), records.read(3).pixels())
    with TestClient(create_api(workspace), base_url="http://localhost") as client:
        answer = client.get(f"/datasets/{dataset.id}/hdf5", params={"layout": "plain"})
        assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == [
            "labels.txt", "train/list.txt", "val/list.txt", "train/0.h5", "val/0.h5"]
        assert client.get(f"/datasets/{dataset.id}/hdf5", params={"file_mb": 0}).json()["errors"].keys() == {"file_mb"}
        (dataset.folder.path / "train.lmdb" / "data.mdb").write_bytes(b"")
        answer = client.get(f"/datasets/{dataset.id}/hdf5")
        assert answer.status_code == 400 and "no LMDB database" in answer.json()["error"]["message"]
    assert not list((workspace.store.root / ".exports").glob("*/*"))


def test_a_folder_takes_it_in_parts_and_is_not_overwritten(dataset, workspace, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digits_core.services.dataset_files.MB", 100)
    export = Hdf5Export(workspace, "tester", dataset.id, {"layout": "plain", "file_mb": 5})
    assert list(export.into(tmp_path / "out"))[-1] == export.pictures == 12
    lines = (tmp_path / "out" / "train" / "list.txt").read_text().split()
    assert lines == ["0.h5", "3.h5", "6.h5"]
    with h5py.File(tmp_path / "out" / "train" / "6.h5") as file:
        assert (file["images"].dtype, file["images"].shape, file["labels"].dtype) == ("u1", (2, 6, 8, 3), "i8")
    with pytest.raises(InvalidOptions, match="is there already"):
        list(export.into(tmp_path / "out"))
    with pytest.raises(InvalidOptions, match="layout"):
        Hdf5Export(workspace, "tester", dataset.id, {"layout": "x"})
    monkeypatch.setattr("digits_core.services.dataset_files.manifest", lambda view: {"target": {"shape": [1]}})
    with pytest.raises(BadState, match="more to learn"):
        Hdf5Export(workspace, "tester", dataset.id, {})


def test_full_depth_keeps_the_numbers_of_its_files(build: Build, workspace, tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(0, 9, (6, 4, 6, 8)).astype("f4")
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["data"], file["label"] = values, np.arange(6) % 2
    view = build(method="lmdb", train_db=str(tmp_path / "in.h5"), channels="all", val_percent=0)
    export = Hdf5Export(workspace, "tester", view.id, {})
    list(export.into(tmp_path / "out"))
    with h5py.File(tmp_path / "out" / "train" / "0.h5") as file:
        found = sorted(file["data"][:].tolist())
    assert np.allclose(found, sorted(values.tolist()), atol=1e-3)
