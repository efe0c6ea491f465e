"""Small datasets and trainings of generators, for the tests of all that they can do."""

from typing import Any

from digits_core.jobs.store import JobStore, JobView
from digits_core.train.run import run
from tests.train import drawn
from tests.train.drawn import Recorder

TINY = {"task": "generation", "network": "dcgan_tiny", "solver": "adam", "learning_rate": 0.001, "mean": "range",
        "lr_policy": "fixed"}


def asked(store: JobStore, data: JobView, **options: Any) -> JobView:
    """A queued training."""
    return drawn.model(store, data, kind="generation", **{**TINY, **options})


def trained(store: JobStore, shape: tuple[int, int, int] = (1, 16, 16), **options: Any) -> JobView:
    """A generator that saw three classes of such pictures (C, H, W) for two epochs."""
    view = asked(store, drawn.dataset(store, shape, train=24, val=9), **options)
    run(Recorder(store, view.id))
    return store.get(view.id)
