"""The options of detection: what is missing or contradicts itself is told at its field."""

from pathlib import Path
from typing import Any

import pytest

from digits_core.errors import InvalidOptions
from digits_core.networks import NETWORKS
from digits_core.options import check
from digits_core.tasks.detection import NAMES, DatasetOptions, ModelOptions


def told(values: dict[str, Any]) -> dict[str, list[str]]:
    with pytest.raises(InvalidOptions) as found:
        check(DatasetOptions, values)
    return found.value.by_field()


def test_one_folder_is_enough(tmp_path: Path) -> None:
    made = check(DatasetOptions, {"folder": str(tmp_path)})
    assert (made.label_format, made.min_val_box, made.resize_mode, made.pad_width) == ("auto", None, "pad", None)
    assert told({}) == {"folder": ["This field is required."]}


@pytest.mark.parametrize(("values", "field", "words"), [
    ({"val_folder": "HERE"}, "val_label_folder", "required if val_folder is set"),
    ({"test_label_folder": "HERE"}, "test_folder", "required if test_label_folder is set"),
    ({"label_folder": "/nothing"}, "label_folder", "no file or folder"), ({"folder": "FILE"}, "folder", "not a folder"),
    ({"width": 32}, "height", "both sides"), ({"pad_height": 32}, "pad_width", "both sides"),
    ({"classes": "a, b ="}, "classes", "'b =' is no class"), ({"min_val_box": -1}, "min_val_box", "greater"),
    ({"resize_mode": "crop"}, "resize_mode", "must be"), ({"folder": "http://a/b"}, "folder", "not a URL"),
    ({"method": "archive"}, "archive", "required"), ({"method": "archive", "archive": "HERE"}, "archive", "not a file"),
    ({"val_percent": 60, "test_percent": 50}, "val_percent", "leave pictures")])
def test_what_is_wrong_is_told_at_its_field(tmp_path: Path, values: dict[str, Any], field: str, words: str) -> None:
    file = tmp_path / "a.txt"
    file.write_text("a")
    values = {name: {"HERE": str(tmp_path), "FILE": str(file)}.get(value, value) for name, value in values.items()}
    found = told({"folder": str(tmp_path), **values})
    assert list(found) == [field]
    assert words in found[field][0]


def test_labels_may_be_a_file_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    for place in (tmp_path, tmp_path / "a.json"):
        check(DatasetOptions, {"folder": str(tmp_path), "label_folder": str(place)})


def test_places_outside_the_allowed_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOptions, match="outside the folders"):
        check(DatasetOptions, {"folder": str(tmp_path)}, [tmp_path / "data"])


def test_only_networks_that_find_boxes_are_offered() -> None:
    assert ModelOptions().network == "detectnet_small" in NAMES
    assert all(NETWORKS[name].tasks == ("detection",) for name in NAMES)
    with pytest.raises(InvalidOptions):
        check(ModelOptions, {"network": "lenet"})
