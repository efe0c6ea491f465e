"""Figures of a segmentation are those of scikit-learn and torchmetrics, whatever the batches were."""

import json

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from torchmetrics import classification

from digits_core.evaluate.segmentation import Tally
from digits_core.train.segment_loss import SegmentLoss
from tests.data.shapes import LABELS, shapes


def drawn(pictures: int = 6, ignored: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Logits and masks of shapes; the answers are right for about two thirds of the pixels."""
    generator = np.random.default_rng(3)
    masks = shapes(pictures, 24)[1]
    logits = generator.normal(size=(pictures, 3, 24, 24)).astype(np.float32)
    logits += 1.2 * (masks[:, None] == np.arange(3)[:, None, None])
    if ignored:
        masks[:, :3] = 255
    return logits, masks


def counted(logits: np.ndarray, masks: np.ndarray, size: int = 4) -> Tally:
    tally = Tally(3)
    for start in range(0, len(masks), size):
        tally.add_logits(logits[start:start + size], masks[start:start + size])
    return tally


def flat(logits: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return masks[masks != 255], logits.argmax(1)[masks != 255]


def test_the_figures_are_scikit_learns() -> None:
    logits, masks = drawn()
    truth, said = flat(logits, masks)
    found = counted(logits, masks).report(LABELS)
    assert found["confusion"] == sk.confusion_matrix(truth, said).tolist()
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(truth, said))
    assert found["miou"] == pytest.approx(sk.jaccard_score(truth, said, average="macro"))
    assert found["dice"] == pytest.approx(sk.f1_score(truth, said, average="macro"))
    for name, function in (("iou", sk.jaccard_score), ("dice", sk.f1_score), ("precision", sk.precision_score),
                           ("recall", sk.recall_score)):
        assert [row[name] for row in found["per_class"]] == pytest.approx(function(truth, said, average=None).tolist())
    assert [row["pixels"] for row in found["per_class"]] == np.bincount(truth).tolist()
    assert (found["entries"], found["pixels"]) == (6, len(truth))


def test_the_figures_are_torchmetrics() -> None:
    logits, masks = drawn()
    metric = classification.MulticlassJaccardIndex(3, ignore_index=255)
    metric.update(torch.from_numpy(logits), torch.from_numpy(masks).long())
    assert counted(logits, masks).metrics()["miou"] == pytest.approx(float(metric.compute()), abs=1e-6)


def test_the_loss_is_the_one_that_is_learned_from() -> None:
    logits, masks = drawn()
    masks[2] = 255
    expected = SegmentLoss(dice=False)(torch.from_numpy(logits), torch.from_numpy(masks))[0]
    assert counted(logits, masks).metrics()["loss"] == pytest.approx(float(expected), rel=1e-5)


def test_batches_make_no_difference() -> None:
    logits, masks = drawn()
    one, other = counted(logits, masks, 1).report(LABELS), counted(logits, masks, 6).report(LABELS)
    assert one.pop("loss") == pytest.approx(other.pop("loss"))
    assert one == other


def test_predicted_classes_count_like_logits() -> None:
    logits, masks = drawn()
    tally = Tally(3)
    tally.add(logits.argmax(1).astype(np.uint8), masks)
    assert tally.metrics() == {**counted(logits, masks).metrics(), "loss": 0}


def test_a_class_that_is_nowhere_has_no_figures_and_lowers_no_mean() -> None:
    tally = Tally(4)
    mask = np.zeros((1, 4, 4), np.uint8)
    mask[0, :2] = 1
    tally.add(mask, mask)
    assert tally.metrics()["miou"] == tally.metrics()["dice"] == 1
    assert tally.report(list("abcd"))["per_class"][3] == {"label": "d", "pixels": 0, "iou": None, "dice": None,
                                                          "precision": None, "recall": None}
    tally.add(np.full((1, 4, 4), 2, np.uint8), mask)
    invented = tally.report(list("abcd"))["per_class"][2]
    assert (invented["iou"], invented["precision"], invented["recall"]) == (0, 0, None)


def test_the_worst_pictures_come_first_and_wholly_ignored_ones_not_at_all() -> None:
    mask = shapes(1, 24)[1]
    wrong = np.where(mask == 0, 1, mask)
    tally = Tally(3)
    for predicted, truth in ((mask, mask), (wrong, mask), (mask, np.full_like(mask, 255)), (wrong[:, ::-1], mask)):
        tally.add(predicted, truth)
    pictures = tally.report(LABELS)["pictures"]
    assert [index for index, _ in pictures] == [3, 1, 0]
    assert pictures[-1] == [0, 1.0]
    truth, said = mask.ravel(), wrong.ravel()
    assert pictures[1][1] == pytest.approx(sk.jaccard_score(truth, said, average="macro"))


def test_at_most_a_hundred_pictures_are_listed_and_nothing_but_plain_json() -> None:
    logits, masks = drawn(120)
    found = counted(logits, masks).report(LABELS)
    assert len(found["pictures"]) == 100
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_nothing_at_all_can_be_told_too() -> None:
    assert Tally(2).metrics() == {"loss": 0, "accuracy": 0, "miou": 0, "dice": 0}
    assert Tally(2).report(["a", "b"])["pictures"] == []
