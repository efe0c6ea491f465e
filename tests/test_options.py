"""One description of an option serves the check, the form and the command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digits_core.errors import InvalidOptions, Problem
from digits_core.options import Options, check, option, option_fields
from digits_core.tasks import tasks


class Sample(Options):
    colour: Literal["red", "blue"] = option("red", title="Colour", labels={"red": "Red", "blue": "Blue"}, group="Look")
    width: int = option(8, title="Width", ge=1, le=100, help="Pixels.")
    rate: float | None = option(None, title="Rate", gt=0, advanced=True, when={"colour": ["red"]})
    steps: list[float] = option([1.0], title="Steps")
    folder: str = option(title="Folder", kind="folder")
    key: str = option("", title="Key", kind="secret")
    flip: bool = option(False, title="Flip")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        return [Problem("width", "An odd width.")] if self.width % 2 else []


def problems(**values: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidOptions) as caught:
        check(Sample, {"folder": "x", **values})
    return caught.value.by_field()


def test_values_become_typed_options() -> None:
    options = check(Sample, {"folder": "/x", "width": "10", "rate": "0.5", "flip": "true", "steps": ["1", 2]})
    assert (options.width, options.rate, options.flip, options.steps) == (10, 0.5, True, [1.0, 2.0])


def test_all_problems_come_together_each_at_its_field() -> None:
    assert problems(colour="green", width=0, steps=["x"], widht=3) == {
        "colour": ["must be 'red' or 'blue' (got 'green')"],
        "width": ["must be greater than or equal to 1 (got 0)"],
        "steps": ["must be a valid number, unable to parse string as a number (got 'x')"],
        "widht": ["There is no such option; did you mean 'width'?"]}


def test_a_missing_field_is_named() -> None:
    with pytest.raises(InvalidOptions, match="folder: This field is required"):
        check(Sample, {})


def test_problems_between_fields_come_after_those_of_fields() -> None:
    assert problems(width=7) == {"width": ["An odd width."]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "nan", "-inf"])
def test_no_option_is_infinite_or_no_number(value: Any) -> None:
    assert list(problems(rate=value)) == ["rate"]


def test_a_secret_never_stands_in_a_message() -> None:
    assert "AKIACANARY" not in str(problems(key=["AKIACANARY"]))


def test_a_long_wrong_value_is_cut_in_the_message() -> None:
    assert len(problems(width="x" * 10_000)["width"][0]) < 250


def test_what_is_no_object_is_refused() -> None:
    for values in ([], "x", None, 5):
        with pytest.raises(InvalidOptions):
            check(Sample, values)  # type: ignore[arg-type]


def test_options_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        check(Sample, {"folder": "x"}).width = 4  # type: ignore[misc]


def test_a_form_knows_everything_about_each_field() -> None:
    fields = {field.name: field for field in option_fields(Sample)}
    assert list(fields) == ["colour", "width", "rate", "steps", "folder", "key", "flip"]
    assert fields["colour"].choices == ("red", "blue") and fields["colour"].labels["blue"] == "Blue"
    width, rate = fields["width"], fields["rate"]
    assert (width.type, width.ge, width.le, width.help) == (int, 1, 100, "Pixels.")
    assert rate.optional and rate.type is float and rate.gt == 0 and rate.advanced
    assert fields["steps"].many and fields["steps"].type is float and fields["steps"].default == [1.0]
    assert fields["folder"].required and fields["folder"].kind == "folder" and not fields["width"].required
    assert fields["flip"].type is bool
    assert fields["rate"].matters({"colour": "red"}) and not fields["rate"].matters({"colour": "blue"})


def every_options_class() -> list[type[Options]]:
    return [cls for task in tasks().values() for cls in (task.dataset_options, task.model_options)]


@pytest.mark.parametrize("cls", every_options_class(), ids=lambda cls: cls.__name__)
def test_every_option_of_every_task_can_stand_in_a_form(cls: type[Options]) -> None:
    names = set(cls.model_fields)
    for field in option_fields(cls):
        assert field.title and field.type in (bool, int, float, str), field.name
        assert set(field.when) <= names and set(field.labels) <= set(field.choices), field.name
        assert not field.choices or set(field.labels) == set(field.choices), field.name
        if field.choices and not field.many and not field.required:
            assert field.default in field.choices, field.name


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
                           lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2))


@pytest.mark.parametrize("cls", every_options_class(), ids=lambda cls: cls.__name__)
@settings(max_examples=40)
@given(data=st.data())
def test_any_value_is_taken_or_refused_at_its_field(cls: type[Options], data: st.DataObject) -> None:
    names = st.sampled_from(sorted(cls.model_fields)) | st.text(max_size=8)
    values = data.draw(st.dictionaries(names, json_values, max_size=5))
    try:
        options = check(cls, values)
    except InvalidOptions as error:
        assert set(error.by_field()) <= {*cls.model_fields, *values, ""} and all(p.message for p in error.problems)
        return
    assert check(cls, options.model_dump(mode="json")) == options
