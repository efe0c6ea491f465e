"""Boxes are drawn where they are, from the score that is asked for, and told as numbers."""

import io

import numpy as np
import pytest
from PIL import Image, ImageColor

from digits_core.data.pictures import to_png
from digits_core.views import Picture, Table, Text, panels
from digits_core.views import detection as VIEW
from digits_core.views.detection import COLORS, GREY, SMALLEST, ViewOptions, chosen, content, drawn

BOXES = [{"label": label, "score": score, "box": box} for label, score, box in (
    ("cat", 0.9, [10, 20, 40, 60]), ("dog", 0.6, [50, 5, 90, 30]), ("cat", 0.55, [12, 22, 40, 60]),
    ("cat", 0.1, [0, 0, 9, 9]))]
ANSWER = {"boxes": BOXES, "labels": ["dog", "cat"]}
PLAIN = {"line_width": 1, "names": False}


def shown(options, size=(320, 320), answer=ANSWER):
    picture, text, table = panels(VIEW, Image.new("RGB", size, "black"), answer, options)
    assert isinstance(picture, Picture) and isinstance(text, Text) and isinstance(table, Table)
    return np.asarray(Image.open(io.BytesIO(picture.png))), picture.caption, text.text, table


def pixels_of(picture, color):
    """Edges (x0, y0, x1, y1) of everything in one colour; None: nothing."""
    y, x = np.nonzero((picture == ImageColor.getrgb(color)).all(-1))
    return [int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1] if len(x) else None


def test_a_box_lies_around_its_pixels_in_the_colour_of_its_class():
    picture, caption, text, _ = shown(PLAIN)
    assert pixels_of(picture, COLORS[1]) == [10, 20, 40, 60]
    assert pixels_of(picture, COLORS[0]) == [50, 5, 90, 30]
    assert caption == "2 of 4 boxes"
    assert text == "Found dog 1, cat 1."


def test_small_pictures_grow_and_their_boxes_with_them():
    picture = shown(PLAIN, (100, 100))[0]
    assert picture.shape == (SMALLEST // 100 * 100,) * 2 + (3,)
    assert pixels_of(picture, COLORS[0]) == [150, 15, 270, 90]


def test_large_pictures_shrink():
    picture = shown(PLAIN, (6400, 3200))[0]
    assert picture.shape == (800, 1600, 3)


@pytest.mark.parametrize(("threshold", "overlap", "expected"), [
    (0.5, 0.5, [0.9, 0.6]), (0.5, 1.0, [0.9, 0.6, 0.55]), (0.0, 0.5, [0.9, 0.6, 0.1]), (0.95, 1.0, [])])
def test_the_threshold_and_the_overlap_decide_what_is_drawn(threshold, overlap, expected):
    assert [row["score"] for row in chosen(BOXES, threshold, overlap)] == expected


def test_boxes_of_other_classes_may_overlap():
    rows = [{**BOXES[0]}, {**BOXES[0], "label": "dog", "score": 0.8}]
    assert len(chosen(rows, 0, 0.1)) == 2


def test_the_table_holds_every_box():
    table = shown({})[3]
    assert len(table.rows) == 4
    assert table.rows[0] == ("cat", 0.9, 10, 20, 40, 60, True)
    assert [row[-1] for row in table.rows] == [True, True, False, False]


def test_names_are_written_above_and_the_picture_may_fade():
    plain, named = shown(PLAIN)[0], shown({"line_width": 1})[0]
    assert (plain != named).any(-1)[:20, 10:60].any()
    image = Image.new("RGB", (320, 320), (200, 0, 0))
    faded = panels(VIEW, image, ANSWER, {**PLAIN, "desaturation": 1.0})[0]
    assert np.ptp(np.asarray(Image.open(io.BytesIO(faded.png)))[300, 300]) == 0


def test_nothing_found_is_said():
    assert shown({}, answer={"boxes": []})[1:3] == ("0 of 0 boxes", "No box has so high a score.")


def test_opacity_colours_the_inside():
    picture = shown({**PLAIN, "opacity": 0.5})[0]
    assert picture[40, 25].tolist() == pytest.approx([value / 2 for value in ImageColor.getrgb(COLORS[1])], abs=2)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_datasets_boxes_are_drawn_into_its_picture(channels):
    pixels = np.zeros((channels, 100, 120), np.uint8)
    target = np.array([[1, 10, 20, 40, 60, 0], [0, 50, 5, 90, 30, 1], [-1, 100, 70, 110, 90, 1], [-1] * 6], np.float32)
    picture = drawn(pixels, target, {"labels": ["dog", "cat"]}).transpose(1, 2, 0)
    assert pixels_of(picture, COLORS[1]) == [10, 20, 40, 60]
    assert pixels_of(picture, COLORS[0]) is None
    assert pixels_of(picture, GREY) == [50, 5, 110, 90]
    assert to_png(picture.transpose(2, 0, 1))


def test_the_options_are_described_once():
    assert set(ViewOptions.model_fields) == {"threshold", "overlap", "line_width", "opacity", "desaturation", "names"}


def test_what_became_of_the_boxes_of_a_dataset_is_a_table():
    facts = {"details": {"boxes": [{"split": "val", "label": "cat", "kept": 3, "cut": 1, "ignored": {"small": 2},
                                    "dropped": {"outside": 1, "empty": 4}}],
                         "spans": [{"label": "cat", "width": [1, 2, 3], "height": [4, 5, 6]}]}}
    boxes, sides = content(facts)
    assert list(boxes.rows) == [("cat", "val", 3, 1, "2 small", "1 outside, 4 empty")]
    assert list(sides.rows) == [("cat", 1, 2, 3, 4, 5, 6)] and len(sides.columns) == 7
    assert content({}) == []
