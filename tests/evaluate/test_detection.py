"""Figures of detectors: pycocotools' own numbers, known cases by hand, and boxes that count neither way."""

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from digits_core.evaluate.detection import Tally

PAD = [-1.0] * 6


def rows(*boxes):
    return np.array(boxes, np.float32).reshape(-1, 6)


def tally(*pictures, classes=2):
    made = Tally(classes)
    for found, wanted in pictures:
        made.add(rows(*found), rows(*wanted, PAD))
    return made


def chance(seed, pictures=30, classes=3):
    """Boxes to find, some ignored, and found ones: near them, twice, of a wrong class, and out of nowhere."""
    generator = np.random.default_rng(seed)
    for _ in range(pictures):
        count = int(generator.integers(0, 7))
        corner, size = generator.uniform(0, 80, (count, 2)), generator.uniform(8, 60, (count, 2))
        wanted = np.concatenate([generator.integers(0, classes, (count, 1)), corner, corner + size,
                                 generator.uniform(0, 1, (count, 1)) < 0.15], 1)
        near = wanted[generator.uniform(0, 1, count) < 0.8].repeat(2, 0)
        near[:, 1:5] += generator.normal(0, 4, (len(near), 4))
        near[:, 3:5] = np.maximum(near[:, 3:5], near[:, 1:3] + 1)
        wrong = generator.uniform(0, 1, len(near)) < 0.1
        near[wrong, 0] = (near[wrong, 0] + 1) % classes
        near[:, 5] = generator.uniform(0, 1, len(near)).round(2)
        yield near.astype(np.float32), wanted.astype(np.float32)


def pycocotools(pictures, classes, tmp_path):
    """AP 0.5:0.95, AP 0.5 and each class's AP 0.5:0.95, by pycocotools as its own demo calls it, through files."""
    annotations, results = [], []
    for number, (found, wanted) in enumerate(pictures, 1):
        for kind, x0, y0, x1, y1, ignored in wanted.astype(float).tolist():
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": int(kind) + 1,
                                "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0),
                                "iscrowd": int(ignored)})
        results += [{"image_id": number, "category_id": int(kind) + 1, "bbox": [x0, y0, x1 - x0, y1 - y0],
                     "score": score} for kind, x0, y0, x1, y1, score in found.astype(float).tolist()]
    truth = {"images": [{"id": n + 1} for n in range(len(pictures))], "annotations": annotations,
             "categories": [{"id": k + 1, "name": str(k)} for k in range(classes)]}
    for name, content in (("truth", truth), ("results", results)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    with contextlib.redirect_stdout(io.StringIO()):
        judged = COCO(str(tmp_path / "truth.json"))
        judged = COCOeval(judged, judged.loadRes(str(tmp_path / "results.json")), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return judged.stats[0], judged.stats[1], judged.eval["precision"][:, :, :, 0, -1].mean((0, 1))


@pytest.mark.parametrize("seed", range(5))
def test_the_numbers_are_those_of_pycocotools(tmp_path, seed):
    pictures = list(chance(seed))
    average, average50, per_class = pycocotools(pictures, 3, tmp_path)
    made = tally(*pictures, classes=3)
    assert made.metrics()["map"] == pytest.approx(average, abs=1e-9)
    assert made.metrics()["map50"] == pytest.approx(average50, abs=1e-9)
    assert [row["ap"] for row in made.report(["a", "b", "c"])["per_class"]] == pytest.approx(per_class, abs=1e-9)
    assert 0.05 < average < average50 < 0.95


BOX, OTHER = (0, 10, 10, 30, 30), (1, 50, 50, 80, 90)


def test_what_is_right_is_perfect():
    made = tally(([(*BOX, 0.9), (*OTHER, 0.8)], [(*BOX, 0), (*OTHER, 0)]))
    assert made.metrics() == pytest.approx({"map50": 1, "map": 1, "precision": 1, "recall": 1, "f1": 1,
                                            "detectnet_map": 1})


def test_one_of_two_found_is_half():
    made = tally(([(*BOX, 0.9)], [(*BOX, 0), (0, 60, 60, 70, 70, 0)]))
    found = made.metrics()
    assert found["map50"] == pytest.approx(51 / 101)  # recalls 0, 0.01 ... 0.5
    assert (found["precision"], found["recall"], found["f1"]) == pytest.approx((1, 0.5, 2 / 3))


def test_the_threshold_is_the_lowest_score_that_helps():
    wanted = [(0, x, 0, x + 9, 9, 0) for x in (0, 20, 40)]
    found = [(0, 0, 0, 9, 9, 0.9), (0, 20, 0, 29, 9, 0.6), (0, 60, 0, 69, 9, 0.5), (0, 70, 0, 79, 9, 0.4),
             (0, 40, 0, 49, 9, 0.1)]
    report = tally((found, wanted)).report(["a", "b"])
    assert report["threshold"] == pytest.approx(0.6)
    assert (report["precision"], report["recall"]) == pytest.approx((1, 2 / 3))
    assert report["curve"][0] == pytest.approx([0, 3 / 5, 1])
    assert report["curve"][45] == pytest.approx([0.45, 2 / 3, 2 / 3])


def test_detectnets_figure_wants_more_overlap():
    shifted = (0, 13, 10, 33, 30, 0.9)  # 17 * 20 / (23 * 20) = 0.74
    further = (0, 14, 10, 34, 30, 0.9)  # 16 / 24 = 0.67
    assert tally(([shifted], [(*BOX, 0)])).metrics()["detectnet_map"] == 1
    metrics = tally(([further], [(*BOX, 0)])).metrics()
    assert (metrics["detectnet_map"], metrics["map50"]) == pytest.approx((0, 1))


@pytest.mark.parametrize("region", [(0, 45, 45, 95, 95, 1), (-1, 45, 45, 95, 95, 1)])
def test_what_is_found_in_an_ignored_box_counts_neither_way(region):
    plain = tally(([(*BOX, 0.9)], [(*BOX, 0)])).metrics()
    inside = (0, 50, 50, 80, 90, 0.95)
    assert tally(([(*BOX, 0.9), inside], [(*BOX, 0), region])).metrics() == plain
    assert tally(([(*BOX, 0.9)], [(*BOX, 0), region])).metrics() == plain
    assert tally(([(*BOX, 0.9), inside], [(*BOX, 0)])).metrics()["precision"] == 0.5


def test_an_ignored_box_of_another_class_excuses_nothing():
    found = tally(([(*BOX, 0.9), (0, 50, 50, 80, 90, 0.95)], [(*BOX, 0), (1, 45, 45, 95, 95, 1)])).metrics()
    assert found["precision"] == 0.5


def test_a_class_that_is_not_there_has_no_figure_and_no_say():
    report = tally(([(*BOX, 0.9)], [(*BOX, 0)])).report(["a", "b"])
    assert report["per_class"][1]["ap50"] is None
    assert report["map50"] == pytest.approx(1)
    assert report["per_class"][0] == pytest.approx({"label": "a", "boxes": 1, "found": 1, "ap50": 1, "ap": 1,
                                                    "precision": 1, "recall": 1, "f1": 1})


def test_the_worst_pictures_come_first():
    good, bad, empty = ([(*BOX, 0.9)], [(*BOX, 0)]), ([(*OTHER, 0.9)], [(*BOX, 0)]), ([], [])
    report = tally(good, bad, empty, good).report(["a", "b"])
    assert report["pictures"] == [[1, 0], [0, 1], [2, 1], [3, 1]]
    assert (report["entries"], report["boxes"]) == (4, 3)


@pytest.mark.parametrize("pictures", [[([], [])], [([], [(*BOX, 0)])], [([(*BOX, 0.5)], [])]])
def test_nothing_found_or_nothing_to_find_is_zero_and_no_error(pictures):
    made = tally(*pictures)
    assert set(made.metrics().values()) == {0.0}
    json.dumps(made.report(["a", "b"]), allow_nan=False)


def test_only_the_hundred_best_boxes_of_a_picture_count():
    found = [(0, 100, 100, 110, 110, 0.9)] * 100 + [(*BOX, 0.1)]
    assert tally((found, [(*BOX, 0)])).metrics()["recall"] == 0


def test_it_says_nothing(capsys):
    tally(([(*BOX, 0.9)], [(*BOX, 0)])).report(["a", "b"])
    assert capsys.readouterr() == ("", "")
