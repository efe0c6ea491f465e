"""What the documents promise is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]]


def test_the_generated_parts_of_the_readme_are_fresh() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts" / "readme.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)\)", document.read_text())
    missing = [t for t in targets if not t.startswith("http") and not (document.parent / t).exists()]
    assert not missing


def test_every_make_verb_that_the_documents_name_exists() -> None:
    verbs = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {verb for path in DOCUMENTS for verb in re.findall(r"`make ([a-z]+)`", path.read_text())}
    assert named <= verbs


def test_every_finished_row_of_the_features_table_names_files_that_exist() -> None:
    rows = [line for line in (ROOT / "docs" / "features.md").read_text().splitlines() if "| done |" in line]
    assert rows
    for row in rows:
        for name in re.findall(r"`([\w/.]+\.py)`", row):
            assert (ROOT / name).exists(), f"{name} in {row}"
