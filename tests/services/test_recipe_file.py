"""Recipes as text: what is no YAML is told with its line."""

import pytest

from digits_core.errors import InvalidOptions, Problem
from digits_core.services.recipe_file import load, said


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x9d", "\ufffe"])
def test_a_character_that_yaml_does_not_know_is_named_with_its_line(character: str) -> None:
    with pytest.raises(InvalidOptions, match=f"Line 2: the character U\\+{ord(character):04X}"):
        load(f"digits_recipe: 1\nname: {character}")


@pytest.mark.parametrize("text", ["[" * 1000, "a: [" + "1," * 30_000 + "]"])
def test_more_than_anybody_writes_is_refused_before_it_costs_time(text: str) -> None:
    with pytest.raises(InvalidOptions, match="Line 1: a recipe has at most 20,000 values, 50 of them in each other"):
        load(text)


@pytest.mark.parametrize(("problem", "words"), [
    (Problem("jobs.0.kind", "Line 7: no"), "a.yaml: jobs[0].kind (line 7): no"),
    (Problem("jobs.12.options.width", "no: 1"), "a.yaml: jobs[12].options.width: no: 1"),
    (Problem("", "Line 2: a\nb"), "a.yaml: line 2: a\nb"), (Problem("", "no"), "a.yaml: no")])
def test_a_problem_names_file_key_and_line(problem: Problem, words: str) -> None:
    assert said(problem, "a.yaml") == words
