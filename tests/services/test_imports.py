"""Bundles come in as jobs: stopped, resumed, refused with the reason, and never half."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from digits_core.errors import InvalidOptions
from digits_core.jobs.context import Stopped, WorkerContext
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.services import bundles, imports
from digits_core.services.workspace import Workspace
from tests.infer.sharing import shared_workspace
from tests.ticking import Tick, ticking


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Workspace]:
    """Another server, with nothing on it."""
    yield from shared_workspace(tmp_path / "there")


@pytest.fixture
def run_there(there: Workspace) -> Iterator[Tick]:
    yield from ticking(there)


@pytest.fixture
def model(finished_job: Callable[..., JobView]) -> JobView:
    return finished_job("model")


@pytest.fixture
def bundle(workspace: Workspace, model: JobView, tmp_path: Path) -> Path:
    path = tmp_path / "m.tar"
    path.write_bytes(b"".join(bundles.bundle(workspace, "tester", model.id, needs=True).pieces()))
    return path


def test_an_import_brings_the_jobs_and_says_which(there: Workspace, run_there: Tick, model: JobView, bundle: Path
                                                  ) -> None:
    wanted = [*model.job.needs, model.id]
    first = run_there(imports.create(there, "bob", "from A", {}, upload=bundle))
    assert (first.status, first.folder.summary()) == (Status.DONE, {"jobs": 2, "known": 0}), first.state.reason
    assert imports.report(there, first.id) == {"jobs": wanted, "known": [], "renamed": {}}
    assert [there.store.get(one).job.owner for one in wanted] == ["bob", "bob"]
    assert not (first.folder.path / "upload").exists()


def test_a_file_of_the_server_stays_and_what_is_damaged_brings_nothing(there: Workspace, run_there: Tick, bundle: Path
                                                                       ) -> None:
    bundle.write_bytes(bundle.read_bytes()[:-3000])
    made = run_there(imports.create(there, "bob", "cut", {"bundle": str(bundle)}))
    assert (made.status, [view.id for view in there.store.jobs()]) == (Status.FAILED, [made.id])
    assert made.state.reason and bundle.exists() and imports.report(there, made.id) == {}


def test_a_stopped_import_leaves_nothing_and_goes_on_when_it_is_resumed(there: Workspace, model: JobView, bundle: Path
                                                                        ) -> None:
    view = imports.create(there, "bob", "stopped", {}, upload=bundle)
    attempt = view.folder.attempt(1)
    context = WorkerContext(view.job, view.folder, there.store, attempt, [])
    attempt.stop.touch()
    with pytest.raises(Stopped):
        imports.run(context)
    assert [one.name for one in there.store.root.iterdir() if one.name.startswith((".new", model.id))] == []
    attempt.stop.unlink()
    assert imports.run(context) == {"jobs": 2, "known": 0} and model.id in there.store.ids()


def test_what_is_no_bundle_is_refused_at_its_field_before_there_is_a_job(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(b"nonsense")
    for options, upload in (({"bundle": str(path)}, None), ({}, path)):
        with pytest.raises(InvalidOptions, match="bundle: This is no bundle"):
            imports.create(workspace, "ann", "x", options, upload=upload)
    assert not list(workspace.store.ids()) and path.exists()
