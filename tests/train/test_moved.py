"""A stopped training goes on on another server, bit by bit; a dataset that moved trains to the same numbers."""

from pathlib import Path

import pytest

from digits_core import files
from digits_core.jobs.context import Stopped
from digits_core.jobs.store import JobStore
from digits_core.services import bundles, unbundle
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from digits_core.train.run import run
from tests.train import drawn
from tests.train.drawn import Recorder

OPTIONS = {"flip": "both", "solver": "momentum", "learning_rate": 0.005, "mean": "image", "ema": 0.9}


def workspace_of(folder: Path) -> Workspace:
    return Workspace.open(Settings(jobs_dir=folder))


def test_a_stopped_training_goes_on_elsewhere_with_the_same_bits(store: JobStore, tmp_path: Path) -> None:
    here, there = workspace_of(store.root), workspace_of(tmp_path / "there")
    data = drawn.dataset(store, train=37)
    whole, part = (drawn.model(store, data, **OPTIONS) for _ in range(2))
    run(Recorder(store, whole.id))
    with pytest.raises(Stopped):
        run(Recorder(store, part.id, stop_at=9))
    files.write_once(part.folder.attempts()[0].result, {"state": "stopped"})
    path = tmp_path / "part.tar"
    path.write_bytes(b"".join(bundles.bundle(here, "tester", part.id, needs=True, state=True).pieces()))
    dataset, twin = unbundle.unbundle(there, "bob", path).jobs
    twin.folder.open_attempt(2)
    run(Recorder(there.store, twin.id))
    assert (drawn.fingerprint(twin), drawn.rows(twin)) == (drawn.fingerprint(whole), drawn.rows(whole))
    fresh = drawn.model(there.store, dataset, **OPTIONS)
    run(Recorder(there.store, fresh.id))
    assert drawn.fingerprint(fresh) == drawn.fingerprint(whole)
