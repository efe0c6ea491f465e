"""Databases of features and labels that somebody else made: vectors and pictures, bytes and decimals."""

from collections.abc import Callable, Iterator
from pathlib import Path

import lmdb
import numpy as np
import pytest

from digits_core.data.planes import own_values
from digits_core.errors import InvalidOptions
from digits_core.jobs.model import Status
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.jobs.store import JobView
from digits_core.options import check
from digits_core.services import datasets
from digits_core.services.workspace import Workspace
from digits_core.tasks import tasks
from digits_core.train.dataset import Dataset
from tests.data.test_datum import number, packed, varint


def datum(values: np.ndarray, label: int = 0) -> bytes:
    """Decimals as protobuf writes them, (C, H, W)."""
    sizes = b"".join(number(field, size) for field, size in enumerate(values.shape, 1))
    floats = b"".join(varint(6 << 3 | 5) + np.float32(value).tobytes() for value in values.ravel())
    return sizes + floats + number(5, label)


def database(path: Path, values: list[bytes]) -> str:
    with lmdb.open(str(path), map_size=1 << 24) as environment, environment.begin(write=True) as transaction:
        for place, value in enumerate(values):
            transaction.put(b"%09d" % place, value)
    return str(path)


CHANCE = np.random.default_rng(2)
VECTORS = CHANCE.normal(0, 30, (40, 12)).astype(np.float32)
NUMBERS = np.stack([VECTORS[:, 0] + VECTORS[:, 1], VECTORS[:, 2] * 5], 1)


@pytest.fixture
def make(workspace: Workspace) -> Iterator[Callable[..., JobView]]:
    """``make(task, **options)`` builds a dataset by the service and the worker, and gives the job."""
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)

    def run(task: str, wanted: Status = Status.DONE, **options: object) -> JobView:
        view = datasets.create_dataset(workspace, "fred", task, "from databases", options)
        scheduler.tick()
        view = workspace.store.get(view.id)
        assert view.status is wanted, view.state.reason
        return view

    yield run
    scheduler.close()


@pytest.fixture
def both(tmp_path: Path) -> dict[str, str]:
    return {"method": "lmdb", "features_db": database(tmp_path / "f", [datum(v[:, None, None]) for v in VECTORS]),
            "labels_db": database(tmp_path / "l", [datum(n[None, None]) for n in NUMBERS])}


def test_vectors_of_decimals_keep_their_size_and_values(both, make) -> None:
    view = make("regression", channels="all", **both)
    found = Dataset.read(view.folder)
    assert (found.shape, found.labels, found.target.shape) == ((12, 1, 1), ["value 1", "value 2"], (2,))
    pixels, targets = found.records("train").batch(range(found.entries["train"]), found.target)
    own = own_values(pixels, found.span)[:, :, 0, 0]
    assert np.allclose(own[:, 0] + own[:, 1], targets[:, 0], atol=0.01)
    assert np.allclose(own[:, 2] * 5, targets[:, 1], atol=0.01)


def test_pictures_of_bytes_have_the_label_of_their_record(make, tmp_path: Path) -> None:
    values = [packed(CHANCE.integers(0, 256, (1, 6, 8), np.uint8).tobytes(), label, False, (1, 6, 8))
              for label in range(20)]
    view = make("regression", method="lmdb", features_db=database(tmp_path / "db", values), channels="gray",
                val_percent=0)
    found = Dataset.read(view.folder)
    targets = found.records("train").batch(range(20), found.target)[1]
    assert found.shape == (1, 6, 8) and sorted(targets[:, 0].tolist()) == list(range(20))


def test_pictures_that_belong_to_pictures_and_pictures_alone(make, tmp_path: Path) -> None:
    values = CHANCE.integers(0, 256, (12, 1, 6, 8), np.uint8)
    features = database(tmp_path / "f", [packed(v.tobytes(), 0, False, (1, 6, 8)) for v in values])
    wanted = database(tmp_path / "w", [packed((255 - v).tobytes(), 0, False, (1, 6, 8)) for v in values])
    for labels, turn in ((wanted, lambda p: 255 - p), ("", lambda p: p)):
        found = Dataset.read(make("processing", method="lmdb", features_db=features, labels_db=labels,
                                  channels="gray").folder)
        pixels, targets = found.records("train").batch(range(5), found.target)
        assert np.array_equal(targets, turn(pixels))


def test_fewer_labels_than_features_are_refused(both, workspace, make, tmp_path: Path) -> None:
    both["labels_db"] = database(tmp_path / "few", [datum(n[None, None]) for n in NUMBERS[:30]])
    view = make("regression", channels="all", wanted=Status.FAILED, **both)
    assert "ends after 30 records" in view.state.reason


def test_records_of_another_shape_and_labels_without_end_are_skipped(both, make, tmp_path: Path) -> None:
    values = [datum(v[:, None, None]) for v in VECTORS]
    values[3], numbers = datum(VECTORS[3, :5, None, None]), [datum(n[None, None]) for n in NUMBERS]
    numbers[7] = datum(np.full((1, 1, 2), np.inf))
    both |= {"features_db": database(tmp_path / "odd", values), "labels_db": database(tmp_path / "inf", numbers)}
    view = make("regression", channels="all", bad_percent=20, **both)
    skipped = (view.folder.path / "skipped.csv").read_text()
    assert "is 5 x 1 x 1, the first record 12 x 1 x 1" in skipped and "its label holds 2 numbers" in skipped
    assert view.folder.manifest()["used"] == 38


def test_a_form_shows_what_would_come_out(both, workspace) -> None:
    found = datasets.preview(workspace, "regression", {**both, "channels": "all"})
    assert found.pictures == 40 and not found.problems


@pytest.mark.parametrize(("given", "field"), [({}, "features_db"), ({"features_db": "/tmp", "labels_db": "/tmp",
                                                                    "val_features_db": "/tmp"}, "val_labels_db"),
                                              ({"features_db": "/tmp", "val_labels_db": "/tmp"}, "val_features_db")],
                         ids=["none", "labels", "features"])
def test_halves_of_pairs_are_refused_at_their_field(given, field) -> None:
    with pytest.raises(InvalidOptions, match=field):
        check(tasks()["regression"].dataset_options, {"method": "lmdb", **given})
