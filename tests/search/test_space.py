"""Lists and ranges of values: read from text, drawn from, counted."""

import random

import pytest

from digits_core.errors import InvalidOptions
from digits_core.search.space import Range, combinations, corners, count, space_of
from digits_core.train.options import ClassifierOptions


@pytest.mark.parametrize(("name", "text", "expected"), [
    ("learning_rate", "0.0001..0.1", Range(0.0001, 0.1, True, False)),
    ("learning_rate", "1e-4..1e-1 linear", Range(0.0001, 0.1, False, False)),
    ("learning_rate", "0.02..0.1 log", Range(0.02, 0.1, True, False)), ("momentum", " 0..0.99", Range(0, 0.99, False,
                                                                                                      False)),
    ("batch_size", "8..64", Range(8, 64, False, True)), ("batch_size", "4..64", Range(4, 64, True, True))])
def test_a_range_is_read_from_text(name: str, text: str, expected: Range) -> None:
    assert space_of(ClassifierOptions, {name: text, "epochs": 3, "lr_steps": [1.0]}) == {name: expected}


@pytest.mark.parametrize("text", ["1..", "..", "0.1..0.01", "0.1..0.1", "0..1 log", "1..2 cubic", "1..2..3", "a..b",
                                  "nan..1", "1..inf"])
def test_a_range_that_is_none_is_said_at_its_field(text: str) -> None:
    with pytest.raises(InvalidOptions) as raised:
        space_of(ClassifierOptions, {"learning_rate": text})
    assert list(raised.value.by_field()) == ["learning_rate"]


@pytest.mark.parametrize(("options", "idle"), [
    ({"batch_size": [8, 16]}, []), ({"batch_size": [8, 16], "auto_batch": True}, ["batch_size"]),
    ({"momentum": "0..0.9", "solver": "adam"}, ["momentum"]),
    ({"momentum": "0..0.9", "solver": ["adam", "nesterov"]}, []), ({"rms_decay": [0.9, 0.99]}, ["rms_decay"])])
def test_values_that_no_training_would_look_at_are_said_at_their_field(options: dict, idle: list[str]) -> None:
    try:
        space_of(ClassifierOptions, options)
    except InvalidOptions as error:
        assert list(error.by_field()) == idle
    else:
        assert idle == []


def test_values_of_a_range_stay_inside_and_whole_ones_whole() -> None:
    chance = random.Random(1)
    narrow, whole = Range(0.012345, 0.012346, False, False), Range(1, 100, True, True)
    assert all(0.012345 <= narrow.draw(chance) <= 0.012346 for _ in range(50))
    drawn = [whole.draw(chance) for _ in range(300)]
    assert all(isinstance(value, int) and 1 <= value <= 100 for value in drawn)
    assert 100 < sum(value <= 10 for value in drawn) < 220


def test_corners_hold_every_value_and_both_ends() -> None:
    space = space_of(ClassifierOptions, {"learning_rate": "0.1..0.2", "batch_size": [4, 8, 16]})
    assert corners(space) == [{"learning_rate": 0.1, "batch_size": 4}, {"learning_rate": 0.2, "batch_size": 8},
                              {"learning_rate": 0.1, "batch_size": 16}]
    assert count(space) == 0
    with pytest.raises(InvalidOptions, match="learning_rate"):
        combinations(space)


def test_whether_the_batch_size_is_found_is_no_value_to_search() -> None:
    assert space_of(ClassifierOptions, {"auto_batch": [True, False], "batch_size": [4, 8]}) == {"batch_size": [4, 8]}
