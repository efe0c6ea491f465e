import dataclasses
import re

import numpy as np
import pytest

from digits_core.errors import BadData
from digits_core.evaluate.predictions import read
from tests.evaluate.made import predictions


def same(first, second):
    return all(np.array_equal(getattr(first, field.name), getattr(second, field.name), equal_nan=False)
               if isinstance(getattr(first, field.name), np.ndarray)
               else getattr(first, field.name) == getattr(second, field.name) for field in dataclasses.fields(first))


@pytest.mark.parametrize("largest", [10**9, 10])
def test_what_is_written_is_read_again(tmp_path, largest):
    made = predictions(classes=30, largest=largest)
    assert (made.columns is None) == (largest > 10)
    made.write(tmp_path / "p.npz")
    assert same(read(tmp_path / "p.npz"), made)


def test_the_best_scores_tell_the_same_as_all_of_them():
    whole, best = predictions(classes=30), predictions(classes=30, largest=10)
    assert np.array_equal(whole.predicted, best.predicted)
    assert np.array_equal(whole.place, best.place)
    assert np.allclose(whole.confidence, best.confidence)
    assert np.allclose(whole.truth_score, best.truth_score)
    assert np.array_equal(whole.of_class(3)[best.of_class(3) > 0], best.of_class(3)[best.of_class(3) > 0])


def test_no_picture_and_an_unknown_truth_are_fine(tmp_path):
    none = predictions().take(np.zeros(300, bool))
    none.write(tmp_path / "p.npz")
    assert len(read(tmp_path / "p.npz")) == 0


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:len(data) // 2], lambda data: b"x" * 100,
                                    lambda data: data.replace(b"truth.npy", b"trash.npy")])
def test_a_damaged_file_says_so(tmp_path, damage):
    path = tmp_path / "p.npz"
    predictions().write(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BadData, match=re.escape("p.npz")):
        read(path)


def test_a_file_whose_parts_disagree_says_so(tmp_path):
    made = predictions()
    dataclasses.replace(made, paths=made.paths[1:]).write(tmp_path / "p.npz")
    with pytest.raises(BadData, match="contradict"):
        read(tmp_path / "p.npz")
    dataclasses.replace(made, truth=made.truth + 9).write(tmp_path / "p.npz")
    with pytest.raises(BadData, match="contradict"):
        read(tmp_path / "p.npz")
