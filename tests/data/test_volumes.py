"""Volumes become slices with channels and masks, and no patient is in two splits."""

from pathlib import Path

import numpy as np
import pytest

from digits_core.data.planes import own_values
from digits_core.data.preview import look
from digits_core.data.reader import read_samples
from digits_core.data.records import Records
from digits_core.data.volumes import cut
from digits_core.errors import InvalidOptions
from digits_core.jobs.model import Status
from digits_core.options import check
from digits_core.tasks.segmentation import TASK, DatasetOptions
from tests.data.heads import SHAPE, head, heads, nifti
from tests.data.test_contours import reasons
from tests.data.test_segments import Build, build, masks

__all__ = ["build"]
HOW = {"method": "volumes", "channels": "all"}


def test_a_slice_has_all_volumes_as_channels_and_its_mask(build: Build, tmp_path: Path) -> None:
    view = build(images=str(heads(tmp_path, 4)), **HOW)
    assert view.status is Status.DONE, view.state
    facts = view.folder.manifest()
    assert (facts["shape"], facts["labels"]) == ([2, SHAPE[1], SHAPE[0]], ["0", "1", "4"])
    assert facts["details"]["channels"] == ["flair", "t1"]
    cases = []
    for split, count in (("train", 3), ("val", 1)):
        records = Records(view.folder.path / f"{split}.lmdb")
        assert len(records) == count * SHAPE[2]
        for record in records.records(range(len(records))):
            name, _, place = record.path.partition("#")
            pictures, label = head(int(name[-1]))
            own = own_values(record.pixels(), tuple(facts["span"]))
            assert np.abs(own - [cut(picture, 2, int(place)) for picture in pictures]).max() < 0.1, record.path
            assert np.array_equal(record.target.array(), np.array([0, 1, 1, 1, 2])[cut(label, 2, int(place))])
            cases.append((name, split))
    assert len(set(cases)) == 4
    cored = {path for path, mask in masks(view, "train").items() if (mask == 2).any()}
    page = read_samples(view.folder.path / "train.lmdb", label=2, limit=100)
    assert {row["path"] for row in page["items"]} == cored and 0 < page["total"] < 3 * SHAPE[2]
    assert read_samples(view.folder.path / "train.lmdb", label=3)["total"] == 0 and facts["content"]


@pytest.mark.parametrize(("more", "count", "shape"), [
    ({"slices": "max", "volumes": ["T1"], "axis": "sagittal", "width": 16, "height": 16}, 4, [1, 16, 16]),
    ({"slices": "threshold", "label_pixels": 40, "axis": "coronal"}, None, [2, 10, 24])], ids=str)
def test_only_the_slices_and_volumes_that_are_asked_for(build: Build, tmp_path: Path, more: dict[str, object],
                                                        count: int | None, shape: list[int]) -> None:
    view = build(images=str(heads(tmp_path, 4)), **HOW, **more)
    found = {**masks(view, "train"), **masks(view, "val")}
    if count is None:
        count = sum(int((np.count_nonzero(head(number)[1], axis=(0, 2)) >= 40).sum()) for number in range(4))
        assert min((mask > 0).sum() for mask in found.values()) >= 40
    assert (len(found), view.folder.manifest()["shape"]) == (count, shape)


def test_a_case_that_cannot_be_used_is_left_out_with_the_reason(build: Build, tmp_path: Path) -> None:
    top = heads(tmp_path / "heads", 5) / "HGG"
    (top / "case_1" / "case_1_t1.nii").unlink()
    (top / "case_2" / "case_2_seg.nii.gz").write_bytes(b"\x1f\x8bnothing")
    (top / "case_3" / "case_3_t1.nii").write_bytes(nifti(np.zeros((5, 5, 10), np.int16)))
    (tmp_path / "names.txt").write_text("healthy\ntumour\ncore\n")
    view = build(images=str(top.parent), labels_file=str(tmp_path / "names.txt"), bad_percent=70, slices="max", **HOW)
    assert view.status is Status.DONE, view.state
    assert view.folder.manifest()["labels"] == ["healthy", "tumour", "core"]
    found = reasons(view)
    assert found["HGG/case_1/case_1"] == "has no volume t1"
    assert "case_2_seg.nii.gz, that is damaged" in found["HGG/case_2/case_2"]
    assert any("has volumes with slices of 24 x 20 and 5 x 5" in reason for reason in found.values())


def test_what_does_not_fit_is_refused_with_words(build: Build, tmp_path: Path) -> None:
    top = str(heads(tmp_path / "heads", 2))
    with pytest.raises(InvalidOptions) as wrong:
        check(DatasetOptions, {"method": "volumes", "images": top})
    assert list(wrong.value.by_field()) == ["channels"]
    reason = str(build(images=top, label_volume="mask", **HOW).state.reason)
    assert "a_mask.nii.gz. There are: case_0 (" in reason
    (tmp_path / "names.txt").write_text("a\nb\n")
    assert "have 3 values: 0, 1, 4" in str(build(
        images=top, labels_file=str(tmp_path / "names.txt"), **HOW).state.reason)


def test_a_quick_look_ends_after_some_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digits_core.data.preview.MOST", 15)
    monkeypatch.setattr("digits_core.data.preview.LIMIT_S", 60)
    monkeypatch.setattr("digits_core.data.volumes.CHUNK", 1)
    found = look(TASK, check(DatasetOptions, {"images": str(heads(tmp_path, 2)), **HOW}), [], [])
    assert (found.problems, found.is_estimate, found.pictures) == ([], True, 15)
    assert found.labels == ["0", "1", "4"] and found.example["squash"].startswith(b"\x89PNG")
