"""For tests that publish: one jobs folder a module, and a team's store of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from digits_core.services.workspace import Workspace
from tests.infer.sharing import shared_workspace


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One inference process for all tests of the module."""
    yield from shared_workspace(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def space(shared: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The shared jobs folder with an empty store."""
    monkeypatch.setenv("DIGITS_TEAM_STORE", str(tmp_path / "store"))
    return Workspace(shared.settings.model_copy(update={"team_store": str(tmp_path / "store")}), shared.store)
