"""What label images mean is found by looking, or told by a colour map; contradictions are refused."""

from pathlib import Path

import numpy as np
import pytest

from digits_core.data.mask_rules import ColourMap, find_rule, read_class_labels, read_colour_map
from digits_core.data.masks import LabelImage, Rule
from digits_core.errors import BadData
from tests.data.shapes import COLOURS, shapes

MASK = shapes(1)[1][0]
MAP, WHITE_MAP = ColourMap(COLOURS, ["", "", ""], []), ColourMap([(0, 0, 0), (255, 255, 255)], ["", ""], [])
PALETTE = np.array(COLOURS, np.uint8)
BLACK_WHITE = LabelImage("bw", np.where(MASK, 255, 0).astype(np.uint8))
GREY, INDEXED = LabelImage("grey", MASK), LabelImage("palette", MASK, PALETTE)
COLOUR = LabelImage("colour", PALETTE[MASK])


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "map.txt").write_text(text)
    return tmp_path / "map.txt"


def test_a_colour_map_has_a_class_a_line_perhaps_with_its_name(tmp_path: Path) -> None:
    found = read_colour_map(written(tmp_path, "0 0 0\n128,0,0 aeroplane\n0\t128 0\tpotted plant\n224 224 192 Ignored"))
    assert found == ColourMap([(0, 0, 0), (128, 0, 0), (0, 128, 0)], ["", "aeroplane", "potted plant"],
                              [(224, 224, 192)])


@pytest.mark.parametrize(("text", "words"), [
    ("0 0 0\n1 x 3\n", "line 2: 'x' is not an integer"), ("0 0\n", "line 1: 2 numbers"), ("", "is empty"),
    ("0 0 256", "'256' is not an integer"), ("1 2 3\n\n1 2 3", "line 3.*that of line 1"),
    ("1.5 0 0", "'1.5' is not"), ("\n".join(f"{i} 0 0" for i in range(256)), "256 classes; 255")])
def test_a_bad_colour_map_is_refused_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadData, match=words):
        read_colour_map(written(tmp_path, text))


def test_class_names_are_at_most_as_many_as_a_mask_can_tell(tmp_path: Path) -> None:
    assert read_class_labels(written(tmp_path, "cat\ndog\n")) == ["cat", "dog"]
    with pytest.raises(BadData, match="300 classes; 255"):
        read_class_labels(written(tmp_path, "\n".join(map(str, range(300)))))


@pytest.mark.parametrize(("label", "colour_map", "classes", "expected"), [
    (GREY, None, 0, Rule("index")), (GREY, None, 3, Rule("index", 3)), (BLACK_WHITE, None, 0, Rule("binary", 2)),
    (BLACK_WHITE, None, 2, Rule("binary", 2)), (BLACK_WHITE, None, 5, Rule("index", 5)),
    (INDEXED, None, 2, Rule("index", 2, COLOURS[:2], [], COLOURS)), (INDEXED, None, 0, Rule("index", 0, COLOURS, [],
                                                                                            COLOURS)),
    (COLOUR, MAP, 3, Rule("colours", 3, COLOURS)), (INDEXED, MAP, 0, Rule("colours", 3, COLOURS)),
    (GREY, MAP, 0, Rule("index", 3, COLOURS)), (BLACK_WHITE, MAP, 0, Rule("index", 3, COLOURS)),
    (BLACK_WHITE, WHITE_MAP, 0, Rule("colours", 2, WHITE_MAP.colours)),
    (LabelImage("other palette", MASK, PALETTE + 1), MAP, 0, Rule("index", 3, COLOURS))])
def test_the_meaning_is_found_by_looking(label: LabelImage, colour_map: ColourMap | None, classes: int,
                                         expected: Rule) -> None:
    assert find_rule([label], "auto", colour_map, classes) == expected


def test_one_grey_picture_with_another_value_makes_all_of_them_indices() -> None:
    assert find_rule([BLACK_WHITE, GREY]).kind == "index"


@pytest.mark.parametrize(("label", "values", "colour_map", "classes", "words"), [
    (COLOUR, "auto", None, 0, "colour is a colour picture.*colour map file"),
    (GREY, "colours", None, 0, "colour map file"), (COLOUR, "auto", MAP, 7, "3 classes, the list of class names 7"),
    (BLACK_WHITE, "binary", None, 3, "2 classes; the list of names has 3")])
def test_contradictions_are_refused(label: LabelImage, values: str, colour_map: ColourMap | None, classes: int,
                                    words: str) -> None:
    with pytest.raises(BadData, match=words):
        find_rule([label], values, colour_map, classes)  # type: ignore[arg-type]


def test_no_label_images_are_refused() -> None:
    with pytest.raises(BadData, match="No label image"):
        find_rule([])
