"""Contours become masks: of Sunnybrook's folders and of any others, with a reason for what cannot be used."""

from pathlib import Path

import numpy as np
import pytest

from digits_core.data import contours
from digits_core.data.records import Records
from digits_core.data.skipped import read_skipped
from digits_core.errors import BadData
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from tests.data.hearts import heart, hearts
from tests.data.test_segments import Build, build, masks

__all__ = ["build"]


def drawn(top: Path, **more: object) -> dict[str, object]:
    return {"method": "contours", "images": str(top / "dicom"), "labels": str(top / "contours"), **more}


def reasons(view: JobView) -> dict[str, str]:
    return {row.path: row.reason for row in read_skipped(view.folder.path / "skipped.csv")}


def test_sunnybrooks_contours_find_their_pictures(build: Build, tmp_path: Path) -> None:
    hearts(tmp_path, {"SC-HF-I-1": 4, "SC-N-2": 898, "SC-HYP-77": 12}, 4)
    hearts(tmp_path, {"SC-HF-I-1": 5}, 2, with_contours=False)  # another series: only the list tells which it is
    view = build(**drawn(tmp_path))
    assert view.status is Status.DONE, view.state
    facts, found = view.folder.manifest(), {**masks(view, "train"), **masks(view, "val")}
    assert facts["labels"] == ["background", "left ventricle"] and facts["bad"] == 0
    assert sorted(found)[::4] == ["SC-HF-I-1/IM-0004-0001.dcm", "SC-HYP-77/IM-0012-0001.dcm", "SC-N-2/IM-0898-0001.dcm"]
    assert reasons(view) == {f"SC-HF-I-1/IM-0005-000{number}.dcm": "has no contour" for number in (1, 2)} | {
        name: "has no contour" for name in reasons(view) if "-0009" in name}
    for name, mask in found.items():
        right = heart(int(name[-13:-9]), int(name[-8:-4]))[1]
        assert (mask != right).sum() <= 4, name


def test_a_case_is_not_divided(build: Build, tmp_path: Path) -> None:
    hearts(tmp_path, {"SC-HF-I-1": 4, "SC-N-2": 898, "SC-N-3": 915}, 4)
    view = build(**drawn(tmp_path, val_percent=33))
    cases = [{name.partition("/")[0] for name in masks(view, split)} for split in ("train", "val")]
    assert sorted(map(len, cases)) == [1, 2] and not cases[0] & cases[1]
    hearts(tmp_path / "one", {"SC-N-2": 898}, 4)
    alone = build(**drawn(tmp_path / "one", val_percent=25))
    assert {split: len(masks(alone, split)) for split in ("train", "val")} == {"train": 3, "val": 1}


def test_a_series_that_nobody_can_tell_is_left_out(build: Build, tmp_path: Path) -> None:
    hearts(tmp_path, {"HEART-1": 7, "HEART-2": 7}, 3)
    hearts(tmp_path, {"HEART-1": 8}, 3, with_contours=False)
    view = build(**drawn(tmp_path))
    assert view.status is Status.DONE, view.state
    assert {name.partition("/")[0] for name in masks(view, "train")} == {"HEART-2"}
    assert "of another series" in reasons(view)["HEART-1/IM-0008-0002.dcm"]


def test_any_picture_may_have_a_contour_of_its_own_name(build: Build, tmp_path: Path) -> None:
    hearts(tmp_path, {"a": 1}, 6, plain=True)
    (tmp_path / "contours" / "a" / "alone.txt").write_text("1 1\n2 1\n2 2\n")
    (tmp_path / "contours" / "a" / "IM-0001-0002.txt").write_text("1 1\nnothing here\n")
    (tmp_path / "names.txt").write_text("around\nheart\n")
    view = build(**drawn(tmp_path, labels_file=str(tmp_path / "names.txt"), bad_percent=30, channels="all"))
    assert view.status is Status.DONE, view.state
    assert view.folder.manifest()["labels"] == ["around", "heart"]
    assert {"kind": "labels-alone", "count": 1} in view.folder.manifest()["notes"]
    assert "IM-0001-0002.txt, line 2: two numbers" in reasons(view)["a/IM-0001-0002.dcm"]
    record = Records(view.folder.path / "val.lmdb").read(0)
    assert record.pixels().dtype == np.float32


def test_what_does_not_fit_is_refused_with_words(build: Build, tmp_path: Path) -> None:
    hearts(tmp_path, {"SC-N-2": 899}, 2)
    assert "needs SC-N-2/IM-*-0001.dcm" in str(build(**drawn(tmp_path)).state.reason)
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    three = build(**drawn(tmp_path, labels_file=str(tmp_path / "names.txt")))
    assert "names 3 classes; contours make two" in str(three.state.reason)


def test_a_pixel_is_inside_when_its_middle_is() -> None:
    filled = contours.mask(b"1.5 0.5\n4.5 0.5\n\n4.5 2.5\n1.5 2.5\n", "a.txt", 8, 6)
    assert filled.dtype == np.uint8 and filled.sum() == 6 and filled[1:3, 2:5].all()
    beyond = contours.mask(b"-9 -9\n2.5 -9\n2.5 99\n-9 99", "a.txt", 8, 6)
    assert beyond[:, :3].all() and not beyond[:, 3:].any()


@pytest.mark.parametrize(("text", "words"), [
    (b"", "0 points"), (b"1 1\n2 2\n", "2 points"), (b"1 1\n2\n3 3\n", "line 2"), (b"1 1\n\nnan 1\n3 3", "line 3"),
    (b"1 1\n1 nan\n", "line 2"), (b"1 1\n1e9 2\n3 3", "line 2"), (b"\xff\xfe", "line 1"),
    (b"90 90\n95 90\n95 95", "outside")], ids=str)
def test_a_bad_contour_gets_a_reason(text: bytes, words: str) -> None:
    with pytest.raises(BadData, match=words):
        contours.mask(text, "a.txt", 8, 8)
