from pathlib import Path
from typing import Literal

import pytest

from digits_core.cli.flags import given_values, whole_path
from digits_core.options import Options, option


class Sample(Options):
    method: Literal["folder", "text"] = option("folder", title="Method")
    folder: str = option("", title="Folder", kind="folder", when={"method": ["folder"]})
    train_list: str = option("", title="List", kind="path", when={"method": ["text"]})
    size: int = option(8, title="Size")
    most: int | None = option(None, title="Most")
    rate: float = option(0.1, title="Rate")
    steps: list[float] = option([1.0], title="Steps")
    flip: bool = option(False, title="Flip")


@pytest.mark.parametrize(("flags", "values"), [
    ({"size": "28"}, {"size": 28}), ({"size": "x"}, {"size": "x"}), ({"rate": "1e-3"}, {"rate": 0.001}),
    ({"most": "none"}, {"most": None}), ({"most": "5"}, {"most": 5}), ({"flip": False}, {"flip": False}),
    ({"steps": ["1,2.5", "7"]}, {"steps": [1.0, 2.5, 7.0]}), ({"steps": []}, {}), ({"size": None}, {}),
    ({"train_list": "/a"}, {"train_list": "/a", "method": "text"}),
    ({"folder": "/a", "method": "text"}, {"folder": "/a", "method": "text"})])
def test_flags_become_values_for_the_check(flags: dict[str, object], values: dict[str, object]) -> None:
    assert given_values(Sample, flags=flags) == values


def test_paths_are_seen_from_where_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert whole_path("data") == str(tmp_path / "data")
    assert whole_path("~/data") == str(tmp_path / "home" / "data")
    assert whole_path("https://host/a") == "https://host/a"
    assert whole_path("") == ""
