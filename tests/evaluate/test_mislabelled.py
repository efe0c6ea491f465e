"""Wrong labels that were planted are found, by a network that learned from them."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from digits_core.evaluate.mislabelled import suspects
from digits_core.evaluate.predictions import Keeper
from digits_core.jobs.model import Job, Kind
from digits_core.jobs.store import JobStore
from digits_core.services import evaluation
from digits_core.services.workspace import Workspace
from digits_core.train.run import run
from tests.train import drawn
from tests.train.drawn import Recorder


def flipped(truth, share, seed=0):
    """Labels with so many wrong ones, and which those are."""
    rng = np.random.default_rng(seed)
    wrong = rng.choice(len(truth), int(share * len(truth)), replace=False)
    labels = truth.copy()
    labels[wrong] = (labels[wrong] + rng.integers(1, 10, len(wrong))) % 10
    return labels, set(wrong.tolist())


def test_by_hand():
    keeper = Keeper(["a", "b"], 4)
    shares = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.6, 0.4]])
    keeper.add_logits(np.log(shares), np.array([0, 0, 1, 1]))
    # sure of a: (0.9 + 0.2) / 2 = 0.55, of b: (0.9 + 0.4) / 2 = 0.65; so pictures 1 (0.8 >= 0.65) and 3 (0.6 >= 0.55)
    found = suspects(keeper.done(list("wxyz"), {}))
    assert found.number.tolist() == [1, 3, 2, 0] or found.number.tolist() == [1, 3, 0, 2]
    assert found.issue.tolist() == [True, True, False, False]
    assert found.suggested[:2].tolist() == [1, 0]
    assert found.margin[:2] == pytest.approx([-0.6, -0.2])


def found_share(workspace, pixels, truth, val, **options):
    """Of the planted wrong labels in training and validation, the share among the first 3 % of the list."""
    store = workspace.store
    labels, wrong = flipped(truth, 0.02)
    job_id = store.new_id()
    store.submit(Job(job_id, Kind.DATASET, "classification", "flipped", "tester", 1.0, {}))
    folder = store.folder(job_id)
    splits = {"train": (pixels[val:], labels[val:]), "val": (pixels[:val], labels[:val])}
    for split, (images, chosen) in splits.items():
        drawn.write_records(folder.path / f"{split}.lmdb", images, chosen)
    drawn.describe(folder, splits, [str(k) for k in range(10)])
    view = drawn.model(store, store.get(job_id), solver="adam", learning_rate=0.001, batch_size=32, **options)
    run(Recorder(store, view.id))
    offsets, first = {"val": 0, "train": val}, []
    for at in range(0, int(0.03 * len(truth)), 1000):
        limit = min(1000, int(0.03 * len(truth)) - at)
        first += evaluation.pictures(workspace, view.id, show="suspects", offset=at, limit=limit).rows
    assert len(first) == int(0.03 * len(truth))
    return len(wrong & {row["index"] + offsets[row["split"]] for row in first}) / len(wrong)


@pytest.mark.slow
def test_planted_wrong_labels_are_at_the_top_of_the_list(workspace: Workspace, store: JobStore):
    digits = load_digits()
    pixels = np.repeat(np.repeat((digits.images * 15.9).astype(np.uint8)[:, None], 2, 2), 2, 3)
    assert found_share(workspace, pixels, digits.target, 300, epochs=4) >= 0.8


@pytest.mark.slow
def test_planted_wrong_labels_in_as_many_pictures_as_mnist_has(workspace: Workspace, store: JobStore):
    """70,000 pictures of 28 x 28, drawn from the bundled digits: moved, brighter or darker, with noise."""
    digits, rng = load_digits(), np.random.default_rng(0)
    which = rng.integers(0, len(digits.target), 70_000)
    pixels = rng.integers(0, 60, (70_000, 1, 28, 28), np.uint8)
    enlarged = np.repeat(np.repeat(digits.images, 2, 1), 2, 2)
    for picture, number, (top, left), strength in zip(
            pixels, which, rng.integers(0, 13, (70_000, 2)), rng.uniform(7, 12, 70_000), strict=True):
        picture[0, top:top + 16, left:left + 16] += (enlarged[number] * strength).astype(np.uint8)
    assert found_share(workspace, pixels, digits.target[which], 10_000, epochs=1) >= 0.8
