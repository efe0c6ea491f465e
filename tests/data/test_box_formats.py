"""Label files of boxes: every field as it is written, and each kind of mistake named with its place."""

import json

import pytest

from digits_core.data import coco, kitti, voc, yolo
from digits_core.errors import BadData

CAR = "Car 0.25 1 1.85 387.63 181.54 423.81 203.12 1.67 1.87 3.69 -16.53 2.39 58.49 1.57"
REGION = "DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10"


def test_every_column_of_a_kitti_line_comes_back():
    (box,) = kitti.parse(f"{CAR} 0.97\n".encode(), "a.txt")
    assert box[:6] == ("Car", 387.63, 181.54, 423.81, 203.12, False)
    assert box.more == {"truncated": 0.25, "occluded": 1, "alpha": 1.85, "height": 1.67, "width": 1.87,
                        "length": 3.69, "x": -16.53, "y": 2.39, "z": 58.49, "rotation_y": 1.57, "score": 0.97}
    edges = dict(zip(kitti.BOX, box[1:5], strict=True))
    again = [box.label, *((box.more | edges)[column] for column in kitti.COLUMNS[1:])]
    assert " ".join(map(str, again)) == f"{CAR} 0.97"


def test_kittis_regions_without_labels_are_ignored():
    car, region = kitti.parse(f"{CAR}\n\n{REGION}\r\n".encode(), "a.txt")
    assert (car.ignored, region.ignored, region.dont_care) == (False, True, True)
    assert kitti.parse(b"", "a.txt") == []


@pytest.mark.parametrize(("text", "said"), [
    ("Car 0 0 0 1 2 3", "a.txt, line 1: 7 columns; a KITTI label has 15"),
    (f"{CAR}\n{CAR} 1 2", "a.txt, line 2: 17 columns"),
    (CAR.replace("387.63", "x"), "line 1: column 5 \\(left\\) is 'x', not a number"),
    (CAR.replace("387.63", "nan"), "column 5 \\(left\\) is 'nan', not a usable number"),
    (CAR.replace("387.63", "1e300"), "column 5 \\(left\\) is '1e300', not a usable"),
    (CAR.replace("0.25 1", "0.25 1.5"), "column 3 \\(occluded\\) is 1.5; it must be a whole"),
    (CAR.replace("387.63", "500"), "line 1: the box of 'Car' is inside out: left 500, top 181.54, right 423.81"),
    ("a\0b", "line 1: this is no text, it holds a zero byte")])
def test_a_wrong_kitti_line_is_named(text, said):
    with pytest.raises(BadData, match=said):
        kitti.parse(text.encode(), "a.txt")


def test_bytes_that_are_no_text_are_named_with_their_line():
    with pytest.raises(BadData, match="line 2: this is no text"):
        kitti.parse(f"{CAR}\n".encode() + b"\xff\xfe\x81", "a.txt")


def test_label_files_may_be_utf_16():
    assert kitti.parse(CAR.encode("utf-16"), "a.txt")[0].label == "Car"


VOC = """<annotation><size><width>640</width><height>480</height><depth>3</depth></size>
<object><name>WBC</name><difficult>0</difficult><truncated>1</truncated><pose>Left</pose>
<part><bndbox><xmin>5</xmin></bndbox></part>
<bndbox><xmin>68</xmin><ymin>1</ymin><xmax>286</xmax><ymax>480.5</ymax></bndbox></object>
<object><name>Platelets</name><difficult>1</difficult>
<bndbox><ymax>9</ymax><xmax>8</xmax><ymin>0</ymin><xmin>2</xmin></bndbox></object></annotation>"""


def test_voc_boxes_have_edges_instead_of_pixel_numbers():
    found = voc.parse(VOC.encode(), "a.xml")
    assert found.size == (640, 480)
    assert found.boxes[0][:6] == ("WBC", 67, 0, 286, 480.5, False)
    assert found.boxes[0].more == {"difficult": "0", "truncated": "1", "pose": "Left"}
    assert found.boxes[1][:6] == ("Platelets", 1, 0, 8, 9, True)


def test_a_voc_file_without_a_size_does_not_know_it():
    assert voc.parse(b"<annotation><size><width>0</width></size></annotation>", "a.xml") == ([], None)


BOMB = '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><annotation>&d;</annotation>'


@pytest.mark.parametrize(("text", "said"), [
    ("<annotation>\n<object>", "a.xml, line 2: this is no XML"), ("", "line 1: this is no XML"),
    ("<html/>", "a.xml: the outer element is <html>; Pascal VOC has <annotation>"),
    (BOMB, "a.xml: XML that defines entities is not read"),
    ('<?xml version="1.0" encoding="none-such"?><annotation/>', "a.xml, line 1"),
    (VOC.replace("<name>WBC</name>", ""), "a.xml, object 1: it has no <name>"),
    (VOC.replace("bndbox>", "polygon>"), "object 1 \\(WBC\\): it has no <bndbox>"),
    (VOC.replace("<xmax>8</xmax>", ""), "object 2 \\(Platelets\\): <bndbox> has no <xmax>"),
    (VOC.replace("286", "wide"), "object 1 \\(WBC\\): <xmax> is 'wide', not a number"),
    (VOC.replace("286", "6"), "the box of 'WBC' is inside out")])
def test_a_wrong_voc_file_is_named_with_the_element(text, said):
    with pytest.raises(BadData, match=said):
        voc.parse(text.encode(), "a.xml")


COCO = {"images": [{"id": 7, "file_name": "a/b.jpg", "width": 100, "height": 50}, {"id": 8, "file_name": "c.jpg"}],
        "categories": [{"id": 1, "name": "cat"}, {"id": 90, "name": "dog"}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 90, "bbox": [10, 20.5, 30, 5], "iscrowd": 0},
                        {"id": 2, "image_id": 7, "category_id": 1, "bbox": [0, 0, 5, 5], "iscrowd": 1}]}


def test_coco_boxes_stand_with_their_pictures():
    found = coco.parse(json.dumps(COCO).encode(), "a.json")
    assert found.names == ["cat", "dog"]
    assert found.pictures["a/b.jpg"].size == (100, 50)
    assert [box[:6] for box in found.pictures["a/b.jpg"].boxes] == [("dog", 10, 20.5, 40, 25.5, False),
                                                                    ("cat", 0, 0, 5, 5, True)]
    assert found.pictures["c.jpg"] == ([], None)


def changed(key, place, **values):
    rows = [dict(row) for row in COCO[key]]
    rows[place] = {name: value for name, value in {**rows[place], **values}.items() if value is not Ellipsis}
    return json.dumps({**COCO, key: rows})


@pytest.mark.parametrize(("text", "said"), [
    ("{\n x", "a.json, line 2: this is no JSON"), ("[]", "a.json: this is no COCO file, it has no list 'images'"),
    ('{"images": [], "annotations": {}}', "it has no list 'annotations'"), ("[" * 100_000, "this is no JSON"),
    ('{"images": [3], "annotations": [], "categories": []}', "images\\[0\\]: 3 is no object"),
    (changed("images", 1, id=7), "images\\[1\\]: the picture 'c.jpg' or its id 7 is there twice"),
    (changed("images", 1, file_name=...), "images\\[1\\]: it has no 'file_name'"),
    (changed("annotations", 1, image_id=9), "annotations\\[1\\]: there is no picture with the id 9"),
    (changed("annotations", 0, category_id=2), "annotations\\[0\\]: there is no class with the id 2"),
    (changed("annotations", 0, bbox=[1, 2, 3]), "annotations\\[0\\]: \"bbox\" is \\[1, 2, 3\\]; it must be"),
    (changed("annotations", 0, bbox=[1, 2, 3, "x"]), "bbox\\[3\\] is 'x', not a number"),
    (changed("annotations", 0, bbox=[1, 2, -3, 4]), "the box is -3 wide"),
    (changed("categories", 0, name=...), "categories\\[0\\]: it has no 'name'")])
def test_a_wrong_coco_file_is_named_with_the_element(text, said):
    with pytest.raises(BadData, match=said):
        coco.parse(text.encode(), "a.json")


def test_yolo_shares_become_pixels():
    text = b"1 0.5 0.5 0.5 0.25\n0 0.1 0.2 0.2 0.4 0.9\n1 0.1 0.2 0.5 0.4 0.3 0.8\n"
    box, scored, outline = yolo.parse(text, "a.txt", ["cat", "dog"], (100, 40))
    assert box[:5] == ("dog", 25, 15, 75, 25)
    assert scored[0] == "cat" and scored[1:5] == pytest.approx((0, 0, 20, 16))
    assert scored.more == {"score": 0.9}
    assert outline[:5] == ("dog", 10, 8, 50, 32)


def test_without_names_yolos_numbers_are_the_names():
    assert yolo.parse(b"07 0.5 0.5 0.5 0.25", "a.txt", [], (10, 10))[0].label == "7"


@pytest.mark.parametrize(("text", "said"), [
    ("0 0.5 0.5 0.5", "a.txt, line 1: 4 columns; a YOLO label has 5"),
    ("0 0.5 0.5 0.5 0.5\ncat 0.5 0.5 0.5 0.5", "line 2: column 1 is 'cat'; it must be the number of a class"),
    ("-1 0.5 0.5 0.5 0.5", "column 1 is '-1'"), ("2 0.5 0.5 0.5 0.5", "class 2, but the names end at 1 \\(dog\\)"),
    ("0 0.5 0.5 0.5 120", "column 5 is 120; YOLO wants shares"), ("0 0.5 x 0.5 1", "column 3 is 'x', not a number"),
    ("0 0.5 0.5 -0.005 0.1", "inside out")])
def test_a_wrong_yolo_line_is_named(text, said):
    with pytest.raises(BadData, match=said):
        yolo.parse(text.encode(), "a.txt", ["cat", "dog"], (100, 40))


def test_names_of_yolo_come_from_lists_and_from_yaml():
    assert yolo.read_names(b"cat\nsmall dog\n", "classes.txt") == ["cat", "small dog"]
    assert yolo.read_names(b"names: [cat, 3]", "data.yaml") == ["cat", "3"]
    assert yolo.read_names(b"nc: 2\nnames:\n  1: dog\n  0: cat\n", "data.yaml") == ["cat", "dog"]


@pytest.mark.parametrize(("name", "text", "said"), [
    ("classes.txt", "", "classes.txt is empty"), ("data.yaml", "a: [", "data.yaml, line 1: this is no YAML"),
    ("data.yaml", "- 1", "data.yaml, line 1: it has no keys"), ("data.yaml", "a: 1", "\"names\" must list"),
    ("data.yaml", "names: {0: a, 2: b}", "without gaps"), ("data.yaml", "names: []", "\"names\" must list"),
    ("data.yaml", "names: !!python/object:os.system [x]", "this is no YAML")])
def test_wrong_names_of_yolo_are_told(name, text, said):
    with pytest.raises(BadData, match=said):
        yolo.read_names(text.encode(), name)
