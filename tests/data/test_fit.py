"""The check of a dataset finds what was planted, and nothing else."""

from pathlib import Path

import numpy as np
import pytest

from digits_core import files
from digits_core.data import alike
from digits_core.data.edits import repair
from digits_core.data.fit import balance, examine, sizes
from digits_core.jobs.store import JobView
from tests.data import planted
from tests.data.conftest import Build

SHAPE = {"width": 32, "height": 32}


def names(group: dict) -> set[str]:
    """File names of a group's members, without the word that marks a copy."""
    return {Path(member["path"]).name[-9:] for member in group["members"]}


def of_kind(report: dict, kind: str) -> list[dict]:
    return [group for group in report["groups"] if kind in group["kinds"]]


def check_found(view: JobView, exact: int, near: int, conflicts: int) -> dict:
    report = examine(view.folder.path)
    assert [len(names(group)) for group in report["groups"]] == [1] * (exact + near + conflicts)
    copies = [g for g in of_kind(report, "exact") if any("copy" in m["path"] for m in g["members"])]
    resized = [g for g in of_kind(report, "near") if any("resized" in m["path"] for m in g["members"])]
    assert (len(copies), len(resized), len(of_kind(report, "labels"))) == (exact, near, conflicts)
    assert all(len(group["members"]) == 2 for group in report["groups"])
    return report


def test_planted_copies_leaks_and_double_labels_are_all_found_and_nothing_else(build: Build, tmp_path: Path) -> None:
    view = build(folder=str(planted.class_folders(tmp_path / "set", 150, 20, 20, 6)), **SHAPE, val_percent=40)
    report = check_found(view, 20, 20, 6)
    leaks = of_kind(report, "leak")
    both = [group for group in report["groups"] if {m["split"] for m in group["members"]} == {"train", "val"}]
    assert leaks == both and len(leaks) > 5
    assert report["counts"] == {"exact": 26, "near": 20, "leak": len(leaks), "labels": 6}
    assert report["sizes"]["known"] == report["pictures"] == 196 and report["sizes"]["aspect"]
    assert not report["balance"]["warn"]


@pytest.mark.slow
def test_50_exact_and_50_resized_duplicates_among_10_000_pictures_are_all_listed(build: Build, tmp_path: Path) -> None:
    view = build(folder=str(planted.class_folders(tmp_path / "set", 9900, 50, 50)), **SHAPE)
    check_found(view, 50, 50, 0)


def test_a_clean_set_has_no_findings_and_blank_pictures_are_copies(build: Build, tmp_path: Path) -> None:
    top = planted.class_folders(tmp_path / "set", 20)
    for number in range(3):
        (top / "cat" / f"blank{number}.png").write_bytes(planted.saved(planted.Image.new("RGB", (9, 9), "white")))
    report = examine(build(folder=str(top), **SHAPE, val_percent=0).folder.path)
    assert [group["kinds"] for group in report["groups"]] == [["exact"]]
    assert len(report["groups"][0]["members"]) == 3


def test_fifty_thousand_hashes_are_searched_within_seconds() -> None:
    generator = np.random.default_rng(3)
    hashes = generator.integers(0, 2**63, 50_000).astype(np.uint64)
    hashes[-100:] = hashes[:100] ^ np.uint64(0b1010101) << np.arange(100, dtype=np.uint64) % np.uint64(50)
    thumbs = np.resize(generator.integers(0, 256, (997, 16, 16), np.uint8), (50_000, 16, 16)).copy()
    thumbs[-100:] = thumbs[:100]
    pairs = alike.similar(hashes, thumbs)
    assert {(number, 49_900 + number) for number in range(100)} <= set(map(tuple, pairs.tolist()))


def test_stars_do_not_chain() -> None:
    assert alike.stars(np.array([[0, 1], [1, 2], [4, 5], [4, 6]])) == [[0, 1], [4, 5, 6]]


def member(split: str, index: int, label: int = 0, same: int = 0) -> dict:
    return {"split": split, "index": index, "label": label, "same": same}


def test_fixes_become_the_right_edits() -> None:
    leak = {"kinds": ["near", "leak"], "members": [member("train", 1), member("val", 2, same=1)]}
    copy = {"kinds": ["exact"], "members": [member("train", 3), member("train", 4)]}
    torn = {"kinds": ["exact", "labels"], "members": [member("train", 5), member("train", 6, 1)]}
    groups = [leak, copy, torn]
    assert repair(groups, ["drop-exact"]) == [{"do": "exclude", "split": "train", "index": 4}]
    assert repair(groups, ["one-split"]) == [{"do": "move", "split": "val", "index": 2, "to": "train"}]
    assert [row["index"] for row in repair(groups, ["drop-near", "one-split"])] == [2, 4]
    assert [row["index"] for row in repair(groups, ["drop-conflicts"])] == [5, 6]
    with pytest.raises(Exception, match="There is no fix 'x'"):
        repair(groups, ["x"])


def test_balance_and_sizes() -> None:
    def facts(*counts: int) -> dict:
        return {"splits": {"train": {"per_class": list(counts)}}, "shape": [3, 8, 8]}

    assert balance(facts(22, 2), ["a", "b"])["warn"] and balance(facts(3, 0), ["a", "b"])["empty"] == ["b"]
    assert not balance(facts(20, 2), ["a", "b"])["warn"]
    found = sizes(np.array([[0, 0], [4, 4], [16, 8]]), facts(1))
    assert (found["known"], found["unknown"], found["smaller"]) == (2, 1, 1)
    assert sum(row[2] for row in found["aspect"]) == 2 == sum(row[2] for row in found["side"])
    assert sizes(np.zeros((3, 2), np.int64), facts(1))["side"] == []


def test_old_datasets_without_source_sizes_and_index_are_examined(build: Build, tmp_path: Path) -> None:
    view = build(folder=str(planted.class_folders(tmp_path / "set", 12)), **SHAPE)
    for path in view.folder.path.glob("*.index.npz"):
        path.write_bytes(b"torn")
    assert examine(view.folder.path)["pictures"] == 12
    assert files.read_json(view.folder.path / "fit.json") is None
