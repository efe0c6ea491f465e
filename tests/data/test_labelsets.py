"""Tables and lists of pictures with any number of labels."""

import json
from pathlib import Path

import pytest

from digits_core.data.labelsets import example, multilabel
from digits_core.data.sources import Scan, Source
from digits_core.errors import BadData, InvalidOptions
from digits_core.options import check
from digits_core.tasks.multilabel import DatasetOptions
from tests.data.pictures import grey, saved


def read(folder: Path, text: str, name: str = "table.csv", **options: object) -> Source:
    (folder / name).write_text(text)
    scan = Scan(folder, folder, [], [], lambda *skipped: None, lambda kind, count: None, lambda: None)
    field = {"method": "list", "train_list": str(folder / name)} if name.endswith("txt") else {
        "table": str(folder / name)}
    return multilabel(check(DatasetOptions, {**field, **options}), [], scan)


def labels_of(source: Source, split: str = "train") -> list[list[str]]:
    entries = source.splits[split]
    return [[source.labels[number] for number in json.loads(entries.extra(place))] for place in range(len(entries))]


def test_a_column_of_names_is_taken_apart(tmp_path: Path) -> None:
    source = read(tmp_path, "path,labels\na.png,dog; cat\nb.png,\n\nc.png,dog|bird\n")
    assert source.labels == ["bird", "cat", "dog"]
    assert labels_of(source) == [["cat", "dog"], [], ["bird", "dog"]]
    assert source.more == {"classes": 3, "share": pytest.approx([1 / 3, 1 / 3, 2 / 3])}
    assert source.splits["train"].location(0) == str(tmp_path / "a.png")


def test_a_column_for_each_label_holds_ones_and_zeros(tmp_path: Path) -> None:
    source = read(tmp_path, "size,path,cat,dog\n9,a.png,1,0\n9,b.png,1.0,1\n9,c.png,0,\n", path_column="path",
                  label_columns=["dog", "cat"])
    assert source.labels == ["dog", "cat"]
    assert labels_of(source) == [["cat"], ["dog", "cat"], []]


def test_a_list_has_paths_with_blanks_and_labels_with_them_behind_a_tab(tmp_path: Path) -> None:
    source = read(tmp_path, "one.png cat;dog\nmy two.png\tbig cat | dog\nthree.png\n", "list.txt")
    assert source.labels == ["big cat", "cat", "dog"]
    assert labels_of(source) == [["cat", "dog"], ["big cat", "dog"], []]
    assert source.splits["train"].location(1).endswith("/my two.png")
    assert source.splits["train"].location(2).endswith("/three.png")


def test_separate_tables_give_the_splits(tmp_path: Path) -> None:
    (tmp_path / "val.csv").write_text("path,labels\nv.png,cat\n")
    source = read(tmp_path, "path,labels\na.png,dog;cat\n", val_table=str(tmp_path / "val.csv"))
    assert labels_of(source, "val") == [["cat"]]


@pytest.mark.parametrize(("text", "words"), [
    ("path,cat,dog\na.png,1,2\n", "line 2, column 'dog': '2' is neither 1 nor 0"),
    ("path,cat,dog\na.png,1\n", "line 2: 2 cells instead of 3"),
    ("path\na.png\n", "line 1"),
    ("path,labels\na.png,\n", "no label at all")])
def test_what_cannot_be_used_is_said_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadData, match=words):
        read(tmp_path, text)


def test_a_label_that_training_does_not_know_is_refused(tmp_path: Path) -> None:
    (tmp_path / "val.csv").write_text("path,labels\nv.png,cow\n")
    with pytest.raises(BadData, match=r"val.csv, line 2: the label 'cow'"):
        read(tmp_path, "path,labels\na.png,cat\n", val_table=str(tmp_path / "val.csv"))


def test_a_table_must_be_named() -> None:
    with pytest.raises(InvalidOptions) as raised:
        check(DatasetOptions, {"method": "list"})
    assert [problem.field for problem in raised.value.problems] == ["train_list"]


def test_a_record_holds_a_one_for_each_label(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(grey()))
    how = {"channels": "gray", "width": 4, "height": 4, "resize_mode": "squash", "roots": [], "private_hosts": [],
           "more": {"classes": 4, "share": []}}
    made = example(how, str(tmp_path / "a.png"), "a.png", "[1, 3]")
    assert made.target is not None and made.target.tolist() == [0, 1, 0, 1]
    assert made.counts == (0, 1, 0, 1)
