"""A trained model whose dataset has a few labels that are wrong, for tests of what its evaluation says."""

from typing import Any

import numpy as np

from digits_core import files
from digits_core.jobs.model import Job, Kind
from digits_core.jobs.store import JobStore, JobView
from digits_core.train.run import run as train
from tests.train import drawn

FLIPPED = (3, 17, 40)
"""Positions in the training split that carry the next class's label."""
SEEN = (17, 40)
"""Those that confident learning is sure about."""
LABELS = ["0", "cat", "dog"]
"""One that looks like a number: a label is a name first."""


def dataset(store: JobStore) -> JobView:
    """60 training, 24 validation, 12 test pictures of bars; three of the first carry a wrong label."""
    job_id = store.new_id()
    store.submit(Job(job_id, Kind.DATASET, "classification", "bars", "tester", 1.0, {}))
    folder, rng = store.folder(job_id), np.random.default_rng(5)
    splits = {name: drawn._pictures(rng, count, (1, 12, 12), 3) for name, count in
              (("train", 60), ("val", 24), ("test", 12))}
    for place in FLIPPED:
        splits["train"][1][place] = (splits["train"][1][place] + 1) % 3
    for name, (pixels, truth) in splits.items():
        drawn.write_records(folder.path / f"{name}.lmdb", pixels, truth)
    drawn.describe(folder, splits, LABELS)
    return store.get(job_id)


def model(store: JobStore, data: JobView, **options: Any) -> JobView:
    """A finished training on it."""
    view = drawn.model(store, data, **{"epochs": 6, "learning_rate": 0.005, **options})
    summary = train(drawn.Recorder(store, view.id))
    attempt = view.folder.attempts()[0]
    files.write_once(attempt.launch, {"process": {"boot_id": "older", "pid": 1, "start_ticks": 1}})
    files.write_once(attempt.result, {"state": "done", "summary": summary, "ended": 1.0})
    return store.get(view.id)
