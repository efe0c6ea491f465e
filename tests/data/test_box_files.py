"""Label folders as people have them: recognised by what they hold, paired with pictures, refused with file and line."""

import json

import pytest
from PIL import Image

from digits_core.data.boxfiles import open_files, recognise
from digits_core.data.boxlayouts import find
from digits_core.errors import BadData

KITTI = "Car 0.25 1 1.85 3 1 8 7 1.67 1.87 3.69 -16.53 2.39 58.49 1.57\n"
VOC = ("<annotation><object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax></bndbox>"
       "</object></annotation>")
YOLO = "0 0.5 0.5 0.5 0.25\n"
COCO = json.dumps({"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "cat"}],
                   "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}]})


def put(folder, files):
    """Files below a folder, by their paths."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".png", ".jpg"):
            Image.new("RGB", (10, 8)).save(path)
        else:
            path.write_text(text)
    return folder


@pytest.mark.parametrize(("name", "text", "form"), [
    ("a.txt", KITTI, "kitti"), ("a.xml", VOC, "voc"), ("a.json", COCO, "coco"), ("a.txt", YOLO, "yolo"),
    ("a.txt", "3 0.1 0.2 0.5 0.4 0.3 0.8\n", "yolo"), ("deep/a.TXT", "\n" + KITTI, "kitti")])
def test_a_format_is_recognised_by_what_the_files_hold(tmp_path, name, text, form):
    put(tmp_path, {name: text, "classes.txt": "cat\n", "README.txt": "by me", "b.txt": ""})
    assert recognise(tmp_path) == form


def test_a_single_file_is_recognised_too(tmp_path):
    put(tmp_path, {"a.json": COCO, "data.yaml": "names: [cat]"})
    assert (recognise(tmp_path / "a.json"), recognise(tmp_path / "data.yaml")) == ("coco", "yolo")


@pytest.mark.parametrize(("files", "said"), [
    ({"a.txt": "1,2,3,4,cat\n"}, "a.txt, line 1: 1 columns, beginning with '1,2,3,4,cat'. KITTI has a name and 14"),
    ({"a.txt": "\ncat 1 2 3 4\n"}, "a.txt, line 2: 5 columns, beginning with 'cat'"),
    ({"a.txt": YOLO + "0 12 15 3 4"}, "a.txt, line 2: column 2 is 12; YOLO wants shares"),
    ({"a.txt": KITTI + "Car 1 2"}, "a.txt, line 2: 3 columns; a KITTI label has 15"),
    ({"a.xml": "<svg/>"}, "a.xml: the outer element is <svg>"),
    ({"a.xml": "<annotation>\n\n<"}, "a.xml, line 3: this is no XML"),
    ({"a.json": '{"shapes": []}'}, "a.json: this is no COCO file, it has no list 'images'"),
    ({"a.json": "{"}, "a.json, line 1: this is no JSON"), ({"a.txt": ""}, "a.txt is empty"),
    ({"a.png": ""}, "holds no label file"), ({"classes.txt": "cat"}, "holds no label file"),
    ({"a.txt": YOLO, "b.xml": VOC}, "YOLO text \\(a.txt\\) and Pascal VOC XML \\(b.xml\\). Choose the format")])
def test_what_fits_no_format_is_refused_with_file_and_line(tmp_path, files, said):
    with pytest.raises(BadData, match=said):
        recognise(put(tmp_path, files))


def test_a_label_file_is_found_by_its_place_then_by_its_name(tmp_path):
    put(tmp_path, {"train/a.txt": KITTI, "val/a.txt": "", "b.txt": KITTI})
    files = open_files("kitti", tmp_path)
    assert len(files.of("train/a.png", (10, 8)).boxes) == 1
    assert files.of("val/a.png", (10, 8)).boxes == []
    assert len(files.of("deep/b.jpg", (10, 8)).boxes) == 1
    assert files.of("c.png", (10, 8)) is None
    assert files.without_picture() == 0
    with pytest.raises(BadData, match="more than one label file of the name 'a'"):
        files.of("test/a.png", (10, 8))
    with pytest.raises(BadData, match=r"share its label file b\.txt with a picture in another"):
        files.of("other/b.jpg", (10, 8))


def test_coco_pictures_are_found_by_path_then_by_name(tmp_path):
    files = open_files("coco", put(tmp_path, {"a.json": COCO}))
    assert files.names == ["cat"]
    assert files.of("images/a.png", (10, 8)).boxes[0][:5] == ("cat", 1, 2, 4, 6)
    assert files.of("b.png", (10, 8)) is None
    assert files.without_picture() == 0


def test_several_coco_files_must_be_told_apart(tmp_path):
    with pytest.raises(BadData, match=r"must hold one JSON file; it holds 2: a\.json, b\.json"):
        open_files("coco", put(tmp_path, {"a.json": COCO, "b.json": COCO}))


def test_labels_outside_the_allowed_folders_are_not_read(tmp_path):
    put(tmp_path, {"secret/a.txt": KITTI})
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").symlink_to(tmp_path / "secret" / "a.txt")
    files = open_files("kitti", tmp_path / "labels", (), [str(tmp_path / "labels")])
    with pytest.raises(BadData, match=r"a\.txt is outside the folders"):
        files.of("a.png", (10, 8))


def splits(folder):
    return {split: tuple(str(path.relative_to(folder)) for path in place[:2]) for split, place in find(folder).items()}


PICTURE = {"x.png": ""}
LAYOUTS = {
    "voc": (dict.fromkeys(("V/JPEGImages/a.png", "V/Annotations/a.xml", "V/ImageSets/Main/train.txt",
                           "V/ImageSets/Main/val.txt"), VOC),
            {"train": ("V/JPEGImages", "V/Annotations"), "val": ("V/JPEGImages", "V/Annotations")}),
    "kitti": ({"image_2/a.png": "", "label_2/a.txt": KITTI}, {"train": ("image_2", "label_2")}),
    "coco": ({"annotations/instances_train2017.json": COCO, "annotations/captions_train2017.json": COCO,
              "annotations/instances_val2017.json": COCO, "train2017/a.png": "", "val2017/a.png": ""},
             {"train": ("train2017", "annotations/instances_train2017.json"),
              "val": ("val2017", "annotations/instances_val2017.json")}),
    "roboflow coco": ({"train/_annotations.coco.json": COCO, "train/a.png": "", "valid/a.png": ""},
                      {"train": ("train", "train"), "val": ("valid", "valid")}),
    "yolo": ({"data.yaml": "path: ..\ntrain: images/train\nval: images/val\nnames: [c]", "images/val/a.png": "",
              "images/train/a.png": "", "labels/train/a.txt": YOLO, "labels/val/a.txt": YOLO},
             {"train": ("images/train", "labels/train"), "val": ("images/val", "labels/val")}),
    "roboflow yolo": ({"data.yaml": "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnames: [c]",
                       "train/images/a.png": "", "train/labels/a.txt": YOLO, "valid/images/a.png": "",
                       "valid/labels/a.txt": YOLO},
                      {"train": ("train/images", "train/labels"), "val": ("valid/images", "valid/labels")}),
    "pair of splits": ({"images/train/a.png": "", "images/val/a.png": "", "labels/train/a.txt": YOLO,
                        "labels/val/a.txt": YOLO},
                       {"train": ("images/train", "labels/train"), "val": ("images/val", "labels/val")}),
    "pair": ({"Images/a.png": "", "Labels/a.txt": YOLO}, {"train": ("Images", "Labels")}),
    "beside": ({"a.png": "", "a.txt": YOLO}, {"train": (".", ".")}),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_usual_folders_are_found(tmp_path, name):
    files, expected = LAYOUTS[name]
    assert splits(put(tmp_path, files)) == expected


def test_pictures_only_to_validate_with_are_refused(tmp_path):
    put(tmp_path, {"data.yaml": "val: images\nnames: [c]", "images/a.png": ""})
    with pytest.raises(BadData, match="none for training"):
        find(tmp_path)


def test_a_place_that_leads_out_of_the_allowed_folders_is_refused(tmp_path):
    put(tmp_path, {"out/a.png": "", "data/data.yaml": f"train: {tmp_path}/out\nnames: [c]"})
    with pytest.raises(BadData, match="outside the folders that this server may read"):
        find(tmp_path / "data", [tmp_path / "data"])


def test_a_data_yaml_that_names_a_missing_folder_is_told(tmp_path):
    with pytest.raises(BadData, match=r"data\.yaml: there is no folder 'pictures' beside it"):
        find(put(tmp_path, {"data.yaml": "train: pictures\nnames: [c]"}))
