"""What generators make, asked for on every way: service, REST, command line; and the samples of their training."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from digits_core.api.app import create_api
from digits_core.cli import app
from digits_core.errors import BadData, InvalidOptions, NotFound
from digits_core.jobs.store import JobView
from digits_core.services import inference, making, models
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient
from tests.infer.model_folders import make_model, picture
from tests.infer.sharing import shared_workspace
from tests.train import drawn, generators

LABELS = [f"class {number}" for number in range(3)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    yield from shared_workspace(tmp_path_factory.mktemp("making"))


@pytest.fixture(scope="module")
def model(workspace: Workspace) -> JobView:
    return generators.trained(workspace.store)


def problems(workspace: Workspace, model: JobView, options: dict[str, Any], images: Any = ()) -> list[str]:
    with pytest.raises(InvalidOptions) as found:
        making.make(workspace, "tester", model.id, options, images)
    return list(found.value.by_field())


def size(png: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(png)) as image:
        return image.size


@pytest.mark.parametrize(("options", "given", "captions"), [
    ({"rows": 3, "columns": 2}, 0, [f"Rows: {', '.join(LABELS)}"]),
    ({"method": "classes", "rows": 2}, 1, [f"Columns: the picture, {', '.join(LABELS)}"]),
    ({"method": "path", "steps": 3}, 2, ["", "There and back"]),
    ({"method": "analogy", "plus": "class 0", "minus": "class 2", "count": 3}, 1,
     ["The picture, then with class 0 minus class 2 added, 0 to 1 times"])])
def test_pictures_are_made_from_seeds_and_from_given_pictures(workspace: Workspace, model: JobView,
                                                              options: dict[str, Any], given: int,
                                                              captions: list[str]) -> None:
    images = [(f"{number}.png", picture(number)) for number in range(given)]
    panels = making.make(workspace, "tester", model.id, options, images)
    assert [panel.caption for panel in panels] == captions
    assert panels == making.make(workspace, "tester", model.id, options, images)


def test_what_does_not_fit_is_told_at_its_field(workspace: Workspace, model: JobView) -> None:
    assert problems(workspace, model, {"rows": 0, "wobble": 1}) == ["rows", "wobble"]
    assert problems(workspace, model, {"method": "analogy", "plus": "x"}) == ["images", "plus", "minus"]
    assert problems(workspace, model, {"weights": [1, 2]}) == ["weights"]
    with pytest.raises(BadData, match=r"a\.png is no picture"):
        making.make(workspace, "tester", model.id, {"method": "classes"}, [("a.png", b"no picture")])


def test_a_model_that_makes_no_pictures_says_so(workspace: Workspace) -> None:
    other = make_model(workspace.store, side=28)
    with pytest.raises(BadData, match="makes no pictures: it was trained for image classification"):
        making.make(workspace, "tester", other.id, {})
    assert making.samples(other) == []
    with pytest.raises(NotFound, match="there are none"):
        making.sample(workspace, other.id)


def test_an_analogy_needs_the_dataset(workspace: Workspace, tmp_path: Path) -> None:
    alone = generators.trained(workspace.store)
    workspace.store.move_to_trash(str(alone.job.options["dataset"]))
    asked = {"method": "analogy", "plus": "class 0", "minus": "class 1"}
    assert problems(workspace, alone, asked, [("a.png", picture())]) == ["plus"]


def test_a_plain_generator_makes_and_encodes_pictures_without_classes(workspace: Workspace) -> None:
    plain = generators.trained(workspace.store, conditional=False)
    panel, = making.make(workspace, "tester", plain.id, {"rows": 2, "columns": 2})
    assert (panel.caption, size(panel.png)) == ("", (35, 35))
    assert problems(workspace, plain, {"method": "classes"}) == ["method"]
    answer, = inference.classify(workspace, "tester", plain.id, [("a.png", picture())])
    assert (len(answer["z"]), answer["predictions"]) == (100, [])
    assert "accuracy" not in models.evaluation(plain)


def test_colour_and_sides_that_differ_are_no_special_case(workspace: Workspace) -> None:
    colour = generators.trained(workspace.store, (3, 20, 24), flip="lr")
    strip, film = making.make(workspace, "tester", colour.id, {"method": "path", "steps": 3})
    assert (size(strip.png), film.png[:3]) == ((3 * 25 + 1, 3 * 21 + 1), b"GIF")
    panel, _ = making.make(workspace, "tester", colour.id, {"method": "encode"}, [("a.png", picture())])
    with Image.open(io.BytesIO(panel.png)) as image:
        assert image.mode == "RGB"


def test_samples_are_listed_and_read_by_epoch(workspace: Workspace, model: JobView) -> None:
    assert making.samples(model) == [1.0, 2.0]
    assert size(making.sample(workspace, model.id, "1")) == size(making.sample(workspace, model.id)) == (171, 52)
    assert making.sample(workspace, model.id) == making.sample(workspace, model.id, "2")
    with pytest.raises(NotFound, match="left no samples of epoch 7; there are 1, 2"):
        making.sample(workspace, model.id, "7")


def test_the_same_over_rest(workspace: Workspace, model: JobView, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(picture())
    with TestClient(create_api(workspace)) as client:
        assert client.get(f"/models/{model.id}/samples").json() == {"epochs": [1.0, 2.0]}
        shown = client.get(f"/models/{model.id}/samples/last")
        assert (shown.headers["content-type"], shown.content) == ("image/png", making.sample(workspace, model.id))
        asked = {"options": {"method": "classes"}, "images": [str(path)]}
        one, = client.post(f"/models/{model.id}/make", json=asked).json()["panels"]
        sent = client.post(f"/models/{model.id}/make/upload", data={"options": '{"method": "classes"}'},
                           files=[("images", ("a.png", picture()))]).json()["panels"]
        assert [one] == sent and base64.b64decode(one["png"]).startswith(b"\x89PNG")
        refused = client.post(f"/models/{model.id}/make", json={"options": {"columns": 99}})
        assert (refused.status_code, list(refused.json()["errors"])) == (400, ["columns"])


def test_the_same_on_the_command_line(workspace: Workspace, model: JobView, tmp_path: Path) -> None:
    environment = {"DIGITS_JOBS_DIR": str(workspace.settings.jobs_dir), "DIGITS_USER": "tester"}

    def digits(*words: str) -> Any:
        return CliRunner().invoke(app, [*words, "--to", str(tmp_path / "out")], env=environment)

    assert digits("make", model.id, "--method", "path", "--steps", "3", "--weights", "0,1,1").exit_code == 0
    assert digits("samples", model.id, "--epoch", "all").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "epoch-1.png", "epoch-2.png", "path-1.png", "path-2.gif"]
    bad = digits("make", model.id, "--method", "classes", "--rows", "99")
    assert bad.exit_code == 2 and bad.stderr.startswith("--rows:")


def test_pictures_of_a_size_that_no_generator_takes_are_refused(workspace: Workspace) -> None:
    for shape, options, field in (((1, 12, 12), {}, "dataset"), ((1, 140, 140), {}, "dataset"),
                                  ((1, 140, 140), {"crop": 8}, "crop")):
        data = drawn.dataset(workspace.store, shape, train=6, val=3)
        with pytest.raises(InvalidOptions) as found:
            models.create_model(workspace, "tester", "x", data.id, {"task": "generation", **options})
        assert list(found.value.by_field()) == [field]
        assert "takes pictures of 16 to 128 pixels a side" in str(found.value)
    assert models.create_model(workspace, "tester", "x", data.id, {"task": "generation", "crop": 64}).id
