"""What is delivered to run the product as a service or in a container names only what there is."""

import re
from pathlib import Path

import pytest

from digits_core.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
FILES = [ROOT / "Dockerfile", *sorted(path for path in (ROOT / "deploy").rglob("*") if path.is_file())]


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_every_variable_that_is_named_is_a_setting(file: Path) -> None:
    named = set(re.findall(rf"{PREFIX}([A-Z_]+)", file.read_text()))
    assert named <= {name.upper() for name in Settings.model_fields}


def test_the_container_gets_all_of_the_product_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert lines[0] == "*" and all((ROOT / name).exists() for name in kept)
    assert kept >= {"app.py", "pages", "digits_core", "examples", ".streamlit/config.toml", "requirements.txt"}


def test_the_service_leaves_trainings_alone() -> None:
    unit = (ROOT / "deploy" / "digits.service").read_text()
    assert "\nKillMode=process\n" in unit and "\nOOMPolicy=continue\n" in unit and "\nRestart=on-failure\n" in unit
