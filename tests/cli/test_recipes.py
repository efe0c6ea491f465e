"""Recipes on the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_what_is_wrong_with_a_recipe_is_told_with_file_key_and_line_and_is_no_flag(digits: Callable[..., Any],
                                                                                   tmp_path: Path) -> None:
    path = tmp_path / "pets.yaml"
    path.write_text("digits_recipe: 1\njobs:\n- id: 1\n  kind: cat\n  task: classification\n  name: pets\n"
                    "  options: {}\n")
    refused = digits("run", path)
    assert refused.exit_code == 2 and "--jobs" not in refused.stderr
    assert "pets.yaml: jobs[0].kind (line 4): The kind is one of" in refused.stderr.replace("\n", " ")
