"""Tiny datasets drawn by code, models trained on them in this process or in a real worker."""

from collections.abc import Callable
from pathlib import Path

import pytest

from digits_core.jobs.store import JobStore, JobView
from tests.train import drawn
from tests.train.drawn import Recorder


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Results of a CPU must not change with a machine's number of processors."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    """An empty job store."""
    return JobStore(tmp_path / "jobs")


@pytest.fixture
def tiny_dataset(store: JobStore) -> Callable[..., JobView]:
    """``tiny_dataset(shape=(1, 12, 12), train=40, val=12, test=0, classes=3)``: bright bars, one place per class."""
    return lambda **words: drawn.dataset(store, **words)


@pytest.fixture
def model(store: JobStore) -> Callable[..., JobView]:
    """``model(dataset, **options)`` queues a training on the CPU; options not given are small."""
    return lambda dataset, **options: drawn.model(store, dataset, **options)


@pytest.fixture
def recorder(store: JobStore) -> Callable[..., Recorder]:
    """``recorder(model, stop_at=None)``: a Context that keeps what it is told, and may ask for a stop."""
    return lambda view, stop_at=None: Recorder(store, view.id, stop_at)
