"""Hearts with contours and heads in volumes: what was drawn is found again in patients that were not learned from."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from digits_core.data.volumes import cut
from digits_core.jobs.store import JobView
from digits_core.services import datasets, inference, models
from digits_core.services.workspace import Workspace
from tests.data.heads import head, heads
from tests.data.hearts import heart, hearts
from tests.test_safe_planes import dicom
from tests.ticking import Tick

Learned = Callable[[dict[str, object], int], JobView]


@pytest.fixture(scope="module")
def learned(workspace: Workspace, done: Tick) -> Learned:
    """``learned(options)`` makes a dataset and a model of it."""
    def run(options: dict[str, object], epochs: int) -> JobView:
        data = done(datasets.create_dataset(workspace, "fred", "segmentation", "patients", options))
        return done(models.create_model(workspace, "fred", "medical", data.id, {
            "network": "unet_narrow", "epochs": epochs, "batch_size": 4, "solver": "adam", "learning_rate": 0.003,
            "seed": 1}))

    return run


@pytest.mark.slow
def test_a_left_ventricle_is_found_in_another_patient(workspace: Workspace, learned: Learned, tmp_path: Path) -> None:
    hearts(tmp_path, {"SC-HF-I-1": 4, "SC-N-2": 898, "SC-N-3": 915, "SC-HYP-1": 550}, 8)
    model = learned({"method": "contours", "images": str(tmp_path / "dicom"), "labels": str(tmp_path / "contours"),
                     "channels": "gray", "val_percent": 25}, 10)
    report = models.evaluation(model)
    assert report["per_class"][1]["label"] == "left ventricle" and report["per_class"][1]["dice"] > 0.95
    picture = ("new.dcm", dicom(heart(77, 1)[0]))
    [answer] = inference.classify(workspace, "fred", model.id, [picture])
    share = next(row["share"] for row in answer["classes"] if row["label"] == "left ventricle")
    assert share == pytest.approx(heart(77, 1)[1].mean(), rel=0.1)
    assert inference.panels(workspace, model.id, picture, answer, {})


@pytest.mark.slow
def test_a_tumour_and_its_core_are_found_in_the_slices_of_another_patient(workspace: Workspace, learned: Learned,
                                                                          tmp_path: Path) -> None:
    model = learned({"method": "volumes", "images": str(heads(tmp_path, 8)), "channels": "all", "width": 32,
                     "height": 32, "slices": "threshold", "label_pixels": 20}, 12)
    assert [row["dice"] > 0.9 for row in models.evaluation(model)["per_class"]] == [True, True, True]
    pictures, label = head(77)
    file = io.BytesIO()
    np.save(file, np.stack([cut(picture.astype(np.float32), 2, 5) for picture in pictures]))
    [answer] = inference.classify(workspace, "fred", model.id, [("slice.npy", file.getvalue())])
    shares = {row["label"]: row["share"] for row in answer["classes"]}
    assert [shares.get(name, 0) for name in ("1", "4")] == pytest.approx(
        [(label[..., 5] == value).mean() for value in (1, 4)], abs=0.02)
