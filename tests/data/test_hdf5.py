"""HDF5 files of DIGITS, Caffe and others become datasets; those that name other files, or are damaged, end in words."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digits_core.data import hdf5
from digits_core.data.hdf5 import _check_classes
from digits_core.data.pictures import decode
from digits_core.data.planes import own_values
from digits_core.data.records import Records
from digits_core.errors import BadData, InvalidOptions
from digits_core.jobs.store import JobView
from digits_core.safe.hdf5 import opened
from digits_core.services import datasets
from digits_core.train.dataset import Dataset
from tests.data.conftest import Build, check_sums
from tests.data.test_databases import make  # noqa: F401  # a fixture

CHANCE = np.random.default_rng(5)
COLOURS = CHANCE.integers(0, 256, (8, 6, 8, 3), np.uint8)
"""Pictures (N, H, W, C)."""
LABELS = np.arange(8) % 2
FIRST = COLOURS.transpose(0, 3, 1, 2)


def written(path: Path, how: str = "w", **arrays: object) -> str:
    """An HDF5 file of these datasets; returns its path."""
    with h5py.File(path, how) as file:
        for name, values in arrays.items():
            file[name] = values
    return str(path)


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A folder as DIGITS made it: float32, channels first, two files, a list that names them as on another machine."""
    folder = tmp_path / "train_db"
    folder.mkdir()
    for start in (0, 5):
        with h5py.File(folder / f"{start}.h5", "w") as file:
            rows = FIRST[start:start + 5]
            file.create_dataset("data", data=rows.astype("f4"), compression="gzip", maxshape=(None, 3, 6, 8))
            file.create_dataset("label", data=LABELS[start:start + 5].astype("f4"), maxshape=(None,))
    (folder / "list.txt").write_text("/jobs/20160101-1/train_db/0.h5\n5.h5\n")
    return folder


def pictures(view: JobView) -> dict[str, np.ndarray]:
    """Pixels by path in the source."""
    found = Records(view.folder.path / "train.lmdb")
    return {record.path: record.pixels() for record in found.records(range(len(found)))}


def test_a_folder_of_digits_becomes_a_dataset_with_its_colours(build: Build, digits: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    view = build(method="lmdb", train_db=str(digits), labels_file=str(tmp_path / "labels.txt"), width=8, height=6,
                 val_percent=0)
    facts = check_sums(view)
    assert (facts["labels"], facts["used"], facts["splits"]["train"]["per_class"]) == (["cat", "dog"], 8, [4, 4])
    found = pictures(view)
    assert np.array_equal(found["0.h5#1"], FIRST[1]) and np.array_equal(found["5.h5#2"], FIRST[7])


GREY = COLOURS[..., 0]
LAYOUTS = {"last": (COLOURS, FIRST), "ones": (COLOURS.astype("f8") / 255, FIRST), "grey": (GREY, GREY[:, None]),
           "bool": (GREY > 99, np.uint8(GREY > 99)[:, None] * 255), "big": (GREY.astype(">u2"), GREY[:, None])}


@pytest.mark.parametrize("kind", LAYOUTS)
def test_other_layouts_are_read_too(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path / "20.h5", images=LAYOUTS[kind][0], labels=LABELS[:, None].astype("i8"))
    hdf5.check(Path(path), [], classes=True)
    for place, wanted in enumerate(LAYOUTS[kind][1]):
        image = decode(hdf5.picture(f"hdf5:{path}#{place}", [], deep=False), "x").image
        assert np.array_equal(np.atleast_3d(np.asarray(image)).transpose(2, 0, 1), wanted)


def test_a_folder_without_a_list_is_read_in_the_order_of_numbers(digits: Path) -> None:
    (digits / "list.txt").unlink()
    (digits / "5.h5").rename(digits / "20.h5")
    written(digits / "100.h5", images=COLOURS, labels=LABELS)
    keys = [row.key for row in hdf5.listed(digits, lambda: None, [])]
    assert keys == [*(f"0.h5#{n}" for n in range(5)), *(f"20.h5#{n}" for n in range(3)),
                    *(f"100.h5#{n}" for n in range(8))]


def test_rows_that_cannot_be_used_are_told_with_reasons(tmp_path: Path) -> None:
    values, labels = FIRST.astype("f4"), LABELS.astype("f4")
    values[0, 0, 0, 0], values[1, 0, 0, 0], values[2, 0, 0, 0] = np.nan, 300, np.inf
    labels[3], labels[4] = 0.5, -1
    path = Path(written(tmp_path / "a.h5", data=values, label=labels))
    words = {row.key: row.reason for row in hdf5.listed(path, lambda: None, []) if row.reason}
    assert words["a.h5#0"] == words["a.h5#2"] == "holds numbers that are not finite"
    assert "no class" in words["a.h5#3"] and "no class" in words["a.h5#4"] and len(words) == 4
    with pytest.raises(BadData, match=r"from 0 to 300; .* full depth"):
        hdf5.picture(f"hdf5:{path}#1", [], deep=False)


def vds(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((8, 6, 8), "u1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "data", (8, 6, 8))
    file.create_virtual_dataset("data", layout)


def large(file: h5py.File) -> None:
    file.create_dataset("data", (10**7, 3, 9000, 9000), "f4", chunks=(1, 3, 9000, 9000))


BAD: dict[str, tuple[Callable[[h5py.File], object], str]] = {
    "no data": (lambda file: file.create_dataset("x", data=LABELS),
                "no dataset 'data' or 'images'; there is 'label', 'x'"),
    "rank": (lambda file: file.create_dataset("data", data=COLOURS[None]), "has a dataset 'data' of 5 dimensions"),
    "vectors": (lambda file: file.create_dataset("data", data=COLOURS[:, :, 0, 0]), "has rows of numbers"),
    "fewer": (lambda file: file.create_dataset("data", data=COLOURS[:5]), "has 5 rows in 'data' and 8 in 'label'"),
    "empty": (lambda file: file.create_dataset("data", (0, 6, 8), "u1"), "has nothing in the dataset 'data'"),
    "texts": (lambda file: file.create_dataset("data", data=np.full((8, 2, 2), "x", object)), "plain numbers are read"),
    "records": (lambda file: file.create_dataset("data", (8, 2, 2), [("a", "i4"), ("b", "f4")]), "plain numbers"),
    "complex": (lambda file: file.create_dataset("data", (8, 2, 2), "c8"), "plain numbers"),
    "outside": (lambda file: file.create_dataset("data", (8, 6, 8), "u1", external=[("/etc/passwd", 0, 384)]),
                "keeps the values of 'data' in other files"),
    "virtual": (vds, "keeps the values of 'data' in other files"),
    "other file": (lambda file: file.__setitem__("data", h5py.ExternalLink("/etc/passwd", "/x")),
                   "links are not followed"),
    "soft": (lambda file: file.__setitem__("data", h5py.SoftLink("/label")), "links are not followed"),
    "group": (lambda file: file.create_group("data"), "has a group in the place of the dataset 'data'"),
    "large": (large, "more than is read")}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path / "a.h5", label=LABELS)
    with h5py.File(path, "a") as file:
        BAD[kind][0](file)
    with pytest.raises(BadData, match=BAD[kind][1]):
        _check_classes(opened(path), "classes")


def test_it_is_told_at_its_field(tmp_path: Path, workspace) -> None:
    path = written(tmp_path / "a.h5", label=LABELS)
    with pytest.raises(InvalidOptions, match=r"train_db: .*a\.h5 has no dataset 'data'"):
        datasets.create_dataset(workspace, "fred", "classification", "x", {"method": "lmdb", "train_db": path})


def test_only_files_in_the_folder_and_below_the_roots_are_read(tmp_path: Path, digits: Path) -> None:
    (digits / "5.h5").unlink()
    secret = Path(written(tmp_path / "secret.h5", data=FIRST, label=LABELS))
    (digits / "5.h5").symlink_to(secret)
    with pytest.raises(BadData, match="outside the folders"):
        hdf5.check(digits, [digits], classes=True)
    with pytest.raises(BadData, match="outside the folders"):
        hdf5.picture(f"hdf5:{digits}/5.h5#0", [str(digits)], deep=False)
    assert hdf5.picture(f"hdf5:{digits}/0.h5#0", [str(digits)], deep=False).startswith(b"\x89PNG")
    (digits / "list.txt").write_text("../secret.h5\n")
    with pytest.raises(BadData, match=r"no file or folder .*train_db/secret.h5"):
        hdf5.check(digits, [], classes=True)
    for key in ("99", "x", "-1"):
        with pytest.raises(BadData, match="not in the file"):
            hdf5.picture(f"hdf5:{digits}/0.h5#{key}", [], deep=False)


def test_a_quick_look_counts_them(digits: Path, workspace) -> None:
    found = datasets.preview(workspace, "classification", {"method": "lmdb", "train_db": str(digits)})
    assert found.per_class == {"0": 4, "1": 4} and found.example


def test_numbers_and_pictures_may_be_labels(make, tmp_path: Path) -> None:  # noqa: F811
    vectors = CHANCE.normal(0, 30, (20, 12)).astype("f4")
    numbers = np.stack([vectors[:, 0] + vectors[:, 1], vectors[:, 2]], 1)
    path = written(tmp_path / "v.h5", data=vectors, label=numbers)
    found = Dataset.read(make("regression", method="lmdb", features_db=path, channels="all").folder)
    pixels, targets = found.records("train").batch(range(found.entries["train"]), found.target)
    own = own_values(pixels, found.span)[:, :, 0, 0]
    assert found.shape == (12, 1, 1) and np.allclose(own[:, 0] + own[:, 1], targets[:, 0], atol=0.01)
    pairs = Path(written(tmp_path / "p.h5", data=FIRST, label=255 - FIRST))
    rows = list(hdf5.listed(pairs, lambda: None, [], "labels"))
    wanted = decode(hdf5.picture(hdf5.base(pairs) + rows[3].wanted, [], deep=False), "x").image
    assert np.array_equal(np.asarray(wanted), 255 - COLOURS[3])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4000), st.binary(min_size=1, max_size=40))
def test_any_damage_ends_in_words(tmp_path_factory: pytest.TempPathFactory, place: int, noise: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.h5"
    content = bytearray(Path(written(path, data=FIRST[:2], label=LABELS[:2])).read_bytes())
    content[place:place + len(noise)] = noise
    path.write_bytes(content)
    try:
        found = opened(str(path))
        found.pictures.row(0)
        found.close()
    except BadData as error:
        assert str(error)


def test_a_list_of_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\n")
    with pytest.raises(BadData, match="names 0 HDF5 files"):
        hdf5.check(tmp_path, json.loads("[]"), classes=True)
