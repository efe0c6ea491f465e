"""Which boxes are kept: every one that is not is counted with its reason, and a class without any stops the build."""

import pytest

from digits_core.data.boxes import Box, Labelled
from digits_core.data.boxselect import Chooser, Row, Spans, read_classes
from digits_core.errors import BadData

SIZE = (100, 50)


def boxes(*found):
    return Labelled([Box(*row) for row in found])


def test_classes_may_be_chosen_and_merged():
    assert read_classes(" Person, vehicle = car + Van , dontcare = tram,") == {
        "person": "Person", "car": "vehicle", "van": "vehicle", "tram": "dontcare"}
    assert read_classes("") == {}


@pytest.mark.parametrize(("text", "said"), [
    ("a, b = ", "'b =' is no class"), ("= a", "is no class"), ("a = b + + c", "is no class"),
    ("a, b = A", "'A' is in two classes, 'a' and 'b'")])
def test_classes_that_cannot_be_read_are_told(text, said):
    with pytest.raises(ValueError, match=said):
        read_classes(text)


def test_without_a_choice_every_name_is_a_class_whatever_its_capital_letters():
    chooser = Chooser({}, 0)
    rows = chooser.choose(boxes(("Car", 1, 2, 30, 40), ("CAR", 5, 5, 9, 9), ("bus", 1, 1, 2, 2)), SIZE, "train")
    assert rows == [Row("Car", 1, 2, 30, 40, False), Row("Car", 5, 5, 9, 9, False), Row("bus", 1, 1, 2, 2, False)]
    assert chooser.labels() == ["bus", "Car"]
    assert chooser.labels(["Car", "tram"]) == ["Car", "bus"]


def test_everything_that_is_not_kept_is_counted_with_its_reason():
    chooser = Chooser(read_classes("car, bus"), 25)
    found = boxes(("car", -5, 10, 30, 60), ("car", 100, 0, 120, 9), ("car", 5, 5, 5, 9), ("car", 1, 1, 20, 40),
                  ("bus", 0, 0, 40, 40, True), ("DontCare", 0, 0, 9, 9, True), ("tram", 0, 0, 9, 9))
    assert chooser.choose(found, SIZE, "val") == [
        Row("car", 0, 10, 30, 50, False), Row("car", 1, 1, 20, 40, True), Row("bus", 0, 0, 40, 40, True),
        Row(None, 0, 0, 9, 9, True)]
    assert chooser.report() == [
        {"split": "val", "label": "bus", "kept": 0, "cut": 0, "ignored": {"marked difficult, or a crowd": 1},
         "dropped": {}},
        {"split": "val", "label": "car", "kept": 1, "cut": 1, "ignored": {"smaller than the minimum": 1},
         "dropped": {"outside the picture": 1, "no width or height": 1}},
        {"split": "val", "label": "dontcare", "kept": 0, "cut": 0, "ignored": {"region without labels (DontCare)": 1},
         "dropped": {}},
        {"split": "val", "label": "tram", "kept": 0, "cut": 0, "ignored": {},
         "dropped": {"not among the chosen classes": 1}}]


def test_small_boxes_are_only_ignored_where_nothing_is_learned():
    chooser = Chooser({}, 25)
    found = boxes(("car", 1, 1, 20, 40))
    assert [chooser.choose(found, SIZE, split)[0].ignored for split in ("train", "val", "test")] == [False, True, True]


def test_names_can_be_made_regions_without_labels():
    chooser = Chooser(read_classes("car, dontcare = van"), 0)
    assert chooser.choose(boxes(("van", 0, 0, 9, 9)), SIZE, "train") == [Row(None, 0, 0, 9, 9, True)]
    assert chooser.labels() == ["car"]


def refused(chooser):
    with pytest.raises(BadData) as caught:
        chooser.require(chooser.labels())
    return str(caught.value)


def test_a_class_without_a_box_refuses_to_train_and_says_why():
    chooser = Chooser(read_classes("car, bus, tram"), 25)
    chooser.choose(boxes(("car", 0, 0, 30, 30), ("bus", 200, 0, 230, 30)), SIZE, "train")
    assert "Class 'bus' has no box left to train on: 1 outside the picture" in refused(chooser)
    chooser.choose(boxes(("bus", 0, 0, 30, 30)), SIZE, "train")
    assert "'tram' has no box left to train on: no label file names it" in refused(chooser)
    chooser.choose(boxes(("tram", 0, 0, 30, 30)), SIZE, "val")
    assert "'tram' has no box left to train on: only val pictures have it" in refused(chooser)
    assert "hold no box at all" in refused(Chooser({}, 0))


def test_nothing_left_to_validate_with_is_refused():
    chooser = Chooser({}, 25)
    for split in ("train", "val"):
        chooser.choose(boxes(("car", 0, 0, 9, 9)), SIZE, split)
    assert "(car: 1 smaller than the minimum). Lower the minimum box size" in refused(chooser)
    chooser.choose(boxes(("car", 0, 0, 30, 30)), SIZE, "val")
    chooser.require(chooser.labels())


def test_sizes_of_boxes_are_told_as_they_will_be_stored():
    spans = Spans()
    for side in range(1, 102):
        spans.add("car", side, 10, (200, 100))
    spans.add("bus", 8, 6, (100, 50))
    assert spans.report(lambda size: (100 / size[0], 100 / size[1])) == [
        {"label": "bus", "width": [8, 8, 8], "height": [12, 12, 12]},
        {"label": "car", "width": [3, 25.5, 48], "height": [10, 10, 10]}]
