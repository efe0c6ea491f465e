from pathlib import Path

import pytest

from digits_core.plugins import extensions


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "good_plugin.py").write_text("class View:\n    title = 'good'\n")
    (tmp_path / "bad_plugin.py").write_text("raise RuntimeError('no licence file')\n")
    info = tmp_path / "demo_plugins-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: demo-plugins\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[digits.plugins.view]\ngood = good_plugin:View\nbad = bad_plugin:View\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_an_installed_extension_is_found_and_a_broken_one_is_named_with_its_reason(package: Path) -> None:
    found = {e.name: e for e in extensions() if e.package == "demo-plugins 1.2"}
    assert found["good"].error == "" and found["good"].value.title == "good"
    assert found["bad"].value is None and "no licence file" in found["bad"].error


def test_extensions_can_be_switched_off(package: Path) -> None:
    assert extensions(enabled=False) == []
