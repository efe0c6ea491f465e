"""The reference of the command line names every command, and its commands run."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

from typer.main import get_command

from digits_core.cli import app
from tests.cli.conftest import flags_of

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def test_every_command_is_in_the_table_and_every_row_is_a_command() -> None:
    rows = {re.split(r"[ `]", line[3:])[0] for line in TEXT.splitlines() if line.startswith("| `")}
    assert rows == set(get_command(app).commands)


def test_every_flag_in_the_text_exists() -> None:
    calls = [line.removeprefix("python -m digits_core ") for line in TEXT.splitlines()
             if line.startswith("python -m digits_core ")]
    calls += [line[3:].split("`")[0] for line in TEXT.splitlines() if line.startswith("| `")]
    assert len(calls) > 20
    for call in calls:
        words = shlex.split(call)
        command = words[:2] if words[0] in ("create-dataset", "store") else words[:1]
        assert {word for word in words if word.startswith("--")} <= {*flags_of(*command), "--help"}, call


def test_the_first_command_of_the_story_runs(digits: Callable, tmp_path: Path) -> None:
    story = next(line for line in TEXT.splitlines() if "download-data digits digits-png" in line)
    words = shlex.split(story)[3:]
    assert digits(*words[:-1], tmp_path / words[-1]).exit_code == 0
    assert len(list((tmp_path / "digits-png").glob("*/*.png"))) == 1797
