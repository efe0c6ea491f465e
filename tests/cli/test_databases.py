"""Databases of others in the shell: looked into, made a dataset of, and written again."""

import json

import h5py
import numpy as np
import pytest

from digits_core.jobs.model import Kind


@pytest.fixture
def database(tmp_path):
    """A file as DIGITS wrote it, with one row that cannot be used."""
    values = np.random.default_rng(1).integers(0, 256, (9, 3, 6, 8)).astype("f4")
    values[8] = np.nan
    with h5py.File(tmp_path / "0.h5", "w") as file:
        file["data"], file["label"] = values, np.arange(9, dtype="f4") % 2
    return tmp_path / "0.h5"


def test_a_database_is_looked_into(digits, database):
    done = digits("analyze-db", database, "--json")
    told = json.loads(done.stdout.splitlines()[-1])
    assert done.exit_code == 1 and "0.h5#8 holds numbers that are not finite" in done.stderr
    assert (told["entries"], told["shapes"], told["labels"], told["bad"]) == (9, {"8x6x3": 8}, {"0": 4, "1": 4}, 1)
    counted = digits("analyze-db", database, "--only-count")
    assert (counted.exit_code, counted.stdout) == (0, "Total entries: 9\n")
    assert digits("analyze-db", database.parent / "none").exit_code == 2


@pytest.mark.slow
def test_a_dataset_of_it_is_written_for_others(digits, database, workspace, tmp_path):
    done = digits("create-dataset", "classification", "--train-db", database, "--width", 8, "--height", 6,
                  "--bad-percent", 50, "--name", "x", "--wait")
    assert done.exit_code == 0, done.stderr
    view, = workspace.store.jobs(Kind.DATASET)
    done = digits("export-dataset", view.id, "--to", tmp_path / "out", "--compression", "gzip", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["files"] == ["train/0.h5", "val/0.h5"]
    assert digits("analyze-db", tmp_path / "out" / "train", "--force-same-shape").exit_code == 0
    again = digits("export-dataset", view.id, "--to", tmp_path / "out")
    assert again.exit_code == 2 and "there already" in again.stderr
