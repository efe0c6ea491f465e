"""Labels with thresholds as bars and words."""

import numpy as np
from PIL import Image

from digits_core.cli.classify import lines
from digits_core.options import check
from digits_core.views import multilabel, to_json

ANSWER = {"predictions": [{"label": "cat", "probability": 0.4, "threshold": 0.3, "yes": True},
                          {"label": "dog", "probability": 0.6, "threshold": 0.7, "yes": False}]}
IMAGE = Image.new("RGB", (4, 4))


def test_each_label_counts_from_its_own_threshold_or_from_a_common_one() -> None:
    own, = multilabel.panels(IMAGE, ANSWER, check(multilabel.ViewOptions, {}))
    common, = multilabel.panels(IMAGE, ANSWER, check(multilabel.ViewOptions, {"threshold": 0.5}))
    assert (own.counting(), common.counting()) == (["cat"], ["dog"])
    assert to_json(own)["marks"] == [0.3, 0.7]


def test_the_command_line_says_yes_or_no() -> None:
    panels = multilabel.panels(IMAGE, ANSWER, check(multilabel.ViewOptions, {}))
    assert lines(panels) == ["cat 40.00 % yes (from 30 %)", "dog 60.00 % no (from 70 %)"]


def test_a_picture_of_a_dataset_is_told_by_its_labels() -> None:
    facts = {"labels": ["cat", "dog", "cow"]}
    assert multilabel.told(np.array([1, 0, 1], np.float32), facts) == "cat, cow"
    assert multilabel.told(np.zeros(3, np.float32), facts) == "no label"
