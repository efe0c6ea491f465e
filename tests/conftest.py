"""Shared fixtures: a jobs folder of one's own, fast settings, fake workers, finished jobs, waiting for conditions."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from digits_core.data import pool
from digits_core.infer import client, protocol
from digits_core.jobs.scheduler import Scheduler
from digits_core.jobs.store import JobStore, JobView
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.faults import fakes, folders, waiting
from tests.ticking import Tick, ticking

# No deadline: a loaded machine is no reason to fail. The same examples in every run; the slow proofs take more.
hypothesis.settings.register_profile("digits", deadline=None, derandomize=True, database=None,
                                     suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("digits")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The journeys in the browser first: they last longest, and at the end one worker would wait for them alone."""
    items.sort(key=lambda item: "e2e" not in item.keywords)


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """In this process files need not survive a power cut (tens of thousands of syncs of milliseconds), and one decoder
    is enough for small drawn data. Workers that are processes of their own sync and use every core."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        patch.setattr(pool, "cores", lambda: 1)
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a jobs folder of the test's own, and short times."""
    return Settings(jobs_dir=tmp_path / "jobs", user="tester", server_name="test", poll_s=0.05, grace_s=0.5,
                    cpu_trainings=2, dataset_slots=2, inference_slots=2, inference_idle_s=5)


@pytest.fixture
def workspace(settings: Settings) -> Iterator[Workspace]:
    """An empty workspace; whatever worker or inference process still runs at the end is ended."""
    yield Workspace.open(settings)
    fakes.kill_workers(settings.jobs_dir)
    if protocol.folder_of(settings.jobs_dir).exists():
        client.stop(settings)


@pytest.fixture
def run(workspace: Workspace) -> Iterator[Tick]:
    """Runs what waits, in this process."""
    yield from ticking(workspace)


@pytest.fixture
def store(workspace: Workspace) -> JobStore:
    """The job store of the workspace."""
    return workspace.store


@pytest.fixture
def until() -> Callable[..., object]:
    """``until(condition, timeout)`` gives the first true value of ``condition()``, or fails the test."""
    return waiting.until


@pytest.fixture
def finished_job(store: JobStore) -> Callable[..., JobView]:
    """``finished_job(kind, name=..., owner=..., needs=...)`` makes a done job by hand, with all files of its kind.

    The files have the right form and small made-up contents; only ``train.lmdb`` and weights are not real.
    """
    return lambda kind="model", **words: folders.finished(store, kind, **words)


@pytest.fixture
def fake_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes started in this test run ``tests.faults.fakes`` instead of a build or a training."""
    for name, value in fakes.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def fake_job(store: JobStore, fake_workers: None) -> Callable[..., JobView]:
    """``fake_job(kind=..., name=..., needs=..., **options)`` queues a job for the fake worker (see fakes.run)."""
    return lambda **words: fakes.submit(store, **words)


@pytest.fixture
def scheduler(store: JobStore, settings: Settings, fake_workers: None) -> Iterator[Scheduler]:
    """A scheduler with real worker processes (fake work) and no GPUs; call ``tick()`` by hand."""
    made = Scheduler(store, settings, gpu_ids=list)
    yield made
    made.close()
    fakes.kill_workers(settings.jobs_dir)
    for child, _, _ in getattr(made.runner, "children", []):
        child.wait(10)
