"""The options of segmentation: what is missing or contradicts itself is told at its field."""

from pathlib import Path
from typing import Any

import pytest

from digits_core.errors import InvalidOptions
from digits_core.options import check
from digits_core.tasks.segmentation import NAMES, DatasetOptions, ModelOptions
from tests.data.shapes import shape_folders


def told(cls: type, values: dict[str, Any]) -> dict[str, list[str]]:
    with pytest.raises(InvalidOptions) as found:
        check(cls, values)
    return found.value.by_field()


def test_two_folders_are_enough_and_both_are_needed(tmp_path: Path) -> None:
    images, labels = map(str, shape_folders(tmp_path, 1))
    made = check(DatasetOptions, {"images": images, "labels": labels})
    assert (made.val_percent, made.width, made.colour_map) == (10, None, "label")
    assert told(DatasetOptions, {}) == {"images": ["This field is required."], "labels": ["This field is required."]}


@pytest.mark.parametrize(("values", "field", "words"), [
    ({"val_images": "IMAGES"}, "val_labels", "required if val_images is set"),
    ({"test_labels": "LABELS"}, "test_images", "required if test_labels is set"),
    ({"width": 32}, "height", "both sides"), ({"height": 32}, "width", "both sides"),
    ({"colour_map": "file"}, "colour_map_file", "required"),
    ({"colour_map": "file", "colour_map_file": "/nothing"}, "colour_map_file", "no file or folder"),
    ({"colour_map": "file", "colour_map_file": "IMAGES"}, "colour_map_file", "is not a file"),
    ({"labels": "/nothing"}, "labels", "no file or folder"), ({"images": "http://a/b"}, "images", "not a URL"),
    ({"val_percent": 60, "test_percent": 50}, "val_percent", "leave pictures")])
def test_what_is_wrong_is_told_at_its_field(tmp_path: Path, values: dict[str, Any], field: str, words: str) -> None:
    images, labels = map(str, shape_folders(tmp_path, 1))
    values = {name: {"IMAGES": images, "LABELS": labels}.get(value, value) for name, value in values.items()}
    found = told(DatasetOptions, {"images": images, "labels": labels, **values})
    assert list(found) == [field]
    assert words in found[field][0]


def test_a_colour_map_that_is_not_asked_for_is_not_looked_at(tmp_path: Path) -> None:
    images, labels = map(str, shape_folders(tmp_path, 1))
    check(DatasetOptions, {"images": images, "labels": labels, "colour_map_file": "/nothing"})


def test_only_networks_that_give_masks_are_offered() -> None:
    assert ModelOptions().network == "unet" in NAMES
    assert list(told(ModelOptions, {"network": "lenet"})) == ["network"]
    assert {"mixup", "cutmix", "balanced"}.isdisjoint(ModelOptions.model_fields)
