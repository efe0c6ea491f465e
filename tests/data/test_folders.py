"""Class folders as people really have them: nested, linked, damaged, with strangers among the files."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from digits_core.data import folders
from digits_core.data.sources import Scan
from digits_core.errors import BadData
from tests.data import pictures

Skips = list[tuple[str, str]]


@pytest.fixture
def scan(tmp_path: Path) -> Callable[..., tuple[list[str], list[str], Skips, dict[str, int]]]:
    """``scan(folder, roots)`` gives labels, names with labels, skipped names with reasons, notes."""
    def run(folder: Path, roots: list[Path] | None = None, labels: list[str] | None = None, split: str = "train"):
        skipped: Skips = []
        notes: dict[str, int] = {}
        place = tmp_path / "scan"
        place.mkdir(exist_ok=True)
        made = Scan(place, place, [], [], lambda path, split, label, reason, bad: skipped.append((path, reason)),
                    lambda kind, count: notes.update({kind: count}), lambda: None, list(labels or []))
        entries = folders.read(folder, split, roots or [], made)
        found = [f"{made.labels[entries.label(n)]}:{entries.name(entries.location(n))}" for n in range(len(entries))]
        return made.labels, found, skipped, notes
    return run


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return pictures.class_folders(tmp_path / "set", {"b": 2, "a": 1})


def test_classes_and_pictures_come_sorted(scan, top: Path) -> None:
    labels, found, skipped, notes = scan(top)
    assert labels == ["a", "b"] and found == ["a:a/0000.png", "b:b/0000.png", "b:b/0001.png"]
    assert skipped == [] and notes == {}


def test_nested_pictures_belong_to_the_class_folder_on_top(scan, top: Path) -> None:
    (top / "a" / "x" / "y").mkdir(parents=True)
    (top / "a" / "x" / "y" / "deep.PNG").touch()
    assert "a:a/x/y/deep.PNG" in scan(top)[1]


def test_other_files_are_counted_and_hidden_ones_ignored(scan, top: Path) -> None:
    for name in ("notes.txt", "Thumbs.db", ".DS_Store", "._0000.png", "png"):
        (top / "a" / name).touch()
    (top / ".git").mkdir()
    (top / "__MACOSX").mkdir()
    labels, found, skipped, notes = scan(top)
    assert labels == ["a", "b"] and len(found) == 3 and skipped == [] and notes == {"other-files": 3}


def test_pictures_beside_the_class_folders_are_skipped_with_a_reason(scan, top: Path) -> None:
    (top / "stray.jpg").touch()
    assert scan(top)[2] == [(str(top / "stray.jpg"), "lies beside the class folders")]


def test_pipes_sockets_and_circles_do_not_hang(scan, top: Path) -> None:
    os.mkfifo(top / "a" / "pipe.png")
    (top / "a" / "again").symlink_to(top / "a")
    (top / "a" / "self.png").symlink_to(top / "a" / "self.png")
    _, found, skipped, _ = scan(top)
    assert "a:a/self.png" in found, "a link is judged when it is opened"
    assert sorted(reason for _, reason in skipped) == ["is a folder that leads in a circle or too deep",
                                                       "is not a regular file"]


def test_linked_folders_outside_the_allowed_ones_are_skipped(scan, top: Path, tmp_path: Path) -> None:
    outside = pictures.class_folders(tmp_path / "outside", {"x": 2})
    (top / "b" / "link").symlink_to(outside / "x")
    assert len(scan(top)[1]) == 5
    _, found, skipped, _ = scan(top, [top])
    assert len(found) == 3 and skipped[0][1] == "is outside the folders that this server may read"


@pytest.mark.skipif(os.geteuid() == 0 and not hasattr(os, "seteuid"), reason="needs another user")
def test_a_folder_without_permission_is_skipped(scan, top: Path) -> None:
    (top / "b").chmod(0)
    top.parent.chmod(0o755)
    for parent in top.parents:
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    (top.parent / "scan").mkdir(exist_ok=True)
    (top.parent / "scan").chmod(0o777)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        _, found, skipped, _ = scan(top)
    finally:
        if user == 0:
            os.seteuid(0)
        (top / "b").chmod(0o755)
    assert len(found) == 1 and "cannot be read: Permission denied" in skipped[0][1]


def test_pictures_of_unknown_classes_in_another_split_are_skipped(scan, top: Path) -> None:
    _, found, skipped, _ = scan(top, labels=["b", "c"], split="val")
    assert found == ["b:b/0000.png", "b:b/0001.png"]
    assert skipped == [("a/0000.png", "class is not among the training classes")]


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_class_folders_are_told(scan, tmp_path: Path, count: int) -> None:
    (tmp_path / "set").mkdir()
    pictures.class_folders(tmp_path / "set", {f"c{n}": 1 for n in range(count)})
    with pytest.raises(BadData, match=f"at least two class folders; it holds {count}"):
        scan(tmp_path / "set")


@pytest.mark.parametrize(("name", "shown"), [("a\nb", "a\\nb"), ("ü", "ü"), ("a b ", "a b "), ("x\u2028y", "x\\u2028y"),
                                             ("\udcff", "\\xff"), ("e\u0301", "e\u0301")])
def test_class_names_fit_on_a_line(name: str, shown: str) -> None:
    assert folders.class_name(name) == shown and len(f"{shown}\n".splitlines()) == 1


def test_ready_made_splits_are_recognised_and_classes_are_not(tmp_path: Path) -> None:
    both = tmp_path / "both"
    pictures.class_folders(both / "train", {"a": 1, "b": 1})
    pictures.class_folders(both / "Validation", {"a": 1})
    assert folders.ready_splits(both) == [("train", both / "train"), ("val", both / "Validation")]
    pictures.class_folders(both, {"cats": 1})
    assert folders.ready_splits(both) == [("train", both)]
    trains = pictures.class_folders(tmp_path / "vehicles", {"train": 2, "test": 2})
    assert folders.ready_splits(trains) == [("train", trains)], "these folders hold pictures: they are classes"


def test_folders_around_the_class_folders_are_looked_through(tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "a" / "b" / "c", {"x": 1, "y": 1})
    assert folders.only_child(tmp_path) == top
    single = pictures.class_folders(tmp_path / "one", {"x": 1})
    assert folders.only_child(single) == single
