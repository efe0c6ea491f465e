"""The preview of augmentation from service, REST and command line; steering over REST and command line."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from digits_core import files
from digits_core.api.app import create_api
from digits_core.cli import app
from digits_core.errors import InvalidOptions, NotFound
from digits_core.services import augmentation, models
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient
from tests.infer.sharing import shared_workspace
from tests.train import drawn


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    yield from shared_workspace(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def colour(workspace):
    return drawn.dataset(workspace.store, shape=(3, 12, 14))


def shown(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_page_rest_and_command_line_show_the_same_sixteen_pictures(workspace: Workspace, colour,
                                                                  tmp_path: Path) -> None:
    options = {"flip": "both", "noise": 0.1, "hsv": True}
    pngs = augmentation.augmentation_preview(workspace, "", colour.id, options, 3)
    assert [shown(png).shape for png in pngs] == [(12, 14, 3)] * 16
    assert not np.array_equal(shown(pngs[0]), shown(pngs[1]))
    api = create_api(workspace)
    with TestClient(api, base_url="http://localhost:8501") as client:
        answer = client.post(f"/datasets/{colour.id}/augmentation", json={"options": options, "seed": 3})
        assert [base64.b64decode(picture) for picture in answer.json()["pictures"]] == pngs
        wrong = client.post(f"/datasets/{colour.id}/augmentation", json={"options": {"turns": "rot90"}})
        assert "needs square pictures; these are 14 x 12" in wrong.json()["errors"]["turns"][0]
    target = tmp_path / "sheet.png"
    done = CliRunner().invoke(app, ["--jobs-dir", str(workspace.settings.jobs_dir), "preview-augmentation", str(target),
                                    "--dataset", colour.id, "--flip", "both", "--noise", "0.1", "--hsv", "--seed", "3"])
    assert done.exit_code == 0, done.output
    assert target.read_bytes() == augmentation.sheet(pngs)


def test_without_any_option_the_pictures_are_the_datasets_own(workspace: Workspace, colour) -> None:
    pngs = augmentation.augmentation_preview(workspace, "", colour.id, {})
    assert all(pngs[row * 4 + column] == pngs[row * 4] for row in range(4) for column in range(4))


def test_what_does_not_suit_the_dataset_is_said_at_its_field(workspace: Workspace) -> None:
    grey = drawn.dataset(workspace.store)
    with pytest.raises(InvalidOptions, match="needs colour pictures"):
        augmentation.augmentation_preview(workspace, "", grey.id, {"hsv": True})
    with pytest.raises(InvalidOptions, match="needs colour pictures"):
        models.create_model(workspace, "tester", "m", grey.id, {"hsv": True})
    with pytest.raises(InvalidOptions, match="did you mean"):
        augmentation.augmentation_preview(workspace, "", grey.id, {"flipp": "lr"})
    with pytest.raises(NotFound):
        augmentation.augmentation_preview(workspace, "", "20200101-000000-abcd", {})


def test_the_start_report_tells_every_tensor(workspace: Workspace, colour) -> None:
    view = drawn.model(workspace.store, colour)
    assert models.start_report(view) == {}
    line = {"name": "a", "state": "new", "size": "3", "why": "not there"}
    files.write_atomic(view.folder.path / "network.json", {"start": {"model": "x", "tensors": [line, 7]}})
    assert models.start_report(view)["tensors"] == [line]
    files.write_atomic(view.folder.path / "network.json", {"start": 7})
    assert models.start_report(view) == {}
