import json

from digits_core.api.answers import StrictJSON, finite


def test_numbers_that_json_cannot_say_become_null() -> None:
    body = StrictJSON({"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": (float("-inf"), "x")}}).body
    assert json.loads(body) == {"a": None, "b": [None, 1.5], "c": {"d": [None, "x"]}}


def test_half_characters_are_escaped() -> None:
    assert StrictJSON({"a": "\ud800"}).body == b'{"a": "\\ud800"}'


def test_ordinary_values_stay() -> None:
    assert finite({"a": [1, 2.5, "x", None, True]}) == {"a": [1, 2.5, "x", None, True]}
