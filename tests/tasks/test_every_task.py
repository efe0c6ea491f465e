"""Every task on pictures of the registry, from a folder to an answer: by the real build, training and inference."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from digits_core import files, views
from digits_core.data.videos import Video
from digits_core.errors import BadData, InvalidOptions
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.services import augmentation, datasets, exports, inference, models, modelstore, networks, videos
from digits_core.services.workspace import Workspace
from digits_core.tasks import tasks
from digits_core.train.dataset import Dataset
from tests.data.videos import video
from tests.export import alone
from tests.infer.triton import agrees, asked, file_of
from tests.pages.conftest import visit, words
from tests.tasks import drawn
from tests.ticking import Tick

__all__ = ["visit"]

Json = dict[str, Any]
Visit = Callable[..., AppTest]


class Made(NamedTuple):
    """A dataset of a task and a model that learned it."""

    task: str
    dataset: JobView
    model: JobView
    tick: Tick


@pytest.fixture(scope="module", params=[name for name, task in tasks().items() if task.pictures])
def made(request: pytest.FixtureRequest, workspace: Workspace, tick: Tick,
         tmp_path_factory: pytest.TempPathFactory) -> Made:
    name, kind = request.param, tasks()[request.param]
    source = drawn.DRAWN[name](tmp_path_factory.mktemp(name) / "pictures", drawn.COUNT.get(name, 120))
    options = {**source, "channels": "gray", "width": drawn.SIDE, "height": drawn.SIDE, "val_percent": 20}
    data = tick(datasets.create_dataset(workspace, "tester", kind.learns_from, f"drawn {name}", options))
    assert data.status is Status.DONE, data.state.reason
    training = {"batch_size": 8, "solver": "adam", "learning_rate": 0.005, "seed": 1, **drawn.asked(name)}
    model = tick(models.create_model(workspace, "tester", f"a {name}", data.id, training))
    assert model.status is Status.DONE, model.state.reason
    return Made(name, data, model, tick)


def test_its_records_hold_what_the_manifest_promises(made: Made) -> None:
    data = Dataset.read(made.dataset.folder)
    pixels, target = data.records("train").batch(range(4), data.target)
    assert pixels.shape == (4, 1, drawn.SIDE, drawn.SIDE)
    assert target.shape == (4, *data.target.shape) and str(target.dtype) == data.target.dtype
    assert sum(data.entries.values()) == drawn.COUNT.get(made.task, 120)


def test_its_pictures_are_shown_with_their_targets(made: Made, workspace: Workspace) -> None:
    page = datasets.samples(workspace, made.dataset.id, "val", limit=3)
    assert [sample.png[:4] for sample in page.items] == [b"\x89PNG"] * 3
    assert datasets.record(workspace, made.dataset.id, "val", 0)["png"].startswith(b"\x89PNG")


def test_a_training_beats_its_floor_and_says_where_it_is_worst(made: Made) -> None:
    goal, *others = tasks()[made.task].measures
    report = models.evaluation(made.model)
    assert report[goal.name] >= drawn.FLOOR[made.task], report[goal.name]
    assert all(other.name in report for other in others)
    assert made.model.folder.summary()[goal.name] == report[goal.name]
    best = next(row for row in models.checkpoints(made.model) if row["best"])
    assert best["metrics"][f"val/{goal.name}"] == pytest.approx(report[goal.name], rel=1e-4)
    if made.task != "classification":
        scores = [score for _, score in report["pictures"]]
        assert scores == sorted(scores) and len(scores) == min(100, report["entries"])


def test_its_model_answers_and_the_answer_can_be_shown(made: Made, workspace: Workspace) -> None:
    image = ("a.png", drawn.picture())
    answer, = inference.classify(workspace, "tester", made.model.id, [image])
    panels = inference.panels(workspace, made.model.id, image, answer, {})
    assert panels and all(views.to_json(panel)["kind"] for panel in panels)
    assert inference.classify(workspace, "tester", made.model.id, [image])[0] | {"latency_ms": 0} == (
        answer | {"latency_ms": 0})


def test_inference_clients_get_the_same_answer(made: Made, workspace: Workspace, triton: Any) -> None:
    with Image.open(io.BytesIO(drawn.picture())) as picture:
        pixels = np.asarray(picture.convert("L").resize((drawn.SIDE, drawn.SIDE)))[..., None]
    native, = inference.classify(workspace, "", made.model.id, [("a.png", file_of(pixels))])
    agrees(triton, made.model.id, pixels, file_of(pixels), native)
    counts = triton.get_inference_statistics(made.model.id)["model_stats"][0]["inference_stats"]
    assert counts["success"]["count"] >= 4


def test_pictures_keep_their_size_where_answers_are_about_places(made: Made, workspace: Workspace) -> None:
    image = ("a.png", drawn.picture())
    if not tasks()[made.task].dense:
        with pytest.raises(BadData, match="one size only"):
            inference.classify(workspace, "tester", made.model.id, [image], whole=True)
        return
    answer, = inference.classify(workspace, "tester", made.model.id, [image], whole=True)
    for png in (answer[name] for name in ("mask", "picture") if name in answer):
        with Image.open(io.BytesIO(base64.b64decode(png))) as found:
            assert found.size == (50, 40)


def test_a_view_refuses_options_that_it_does_not_have(made: Made, workspace: Workspace) -> None:
    if tasks()[made.task].view:
        image = ("a.png", drawn.picture())
        answer, = inference.classify(workspace, "tester", made.model.id, [image])
        with pytest.raises(InvalidOptions, match="wobble"):
            inference.panels(workspace, made.model.id, image, answer, {"wobble": 1})


def test_a_folder_of_pictures_is_worked_through(made: Made, workspace: Workspace, tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.png").write_bytes(drawn.picture(number))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    view = made.tick(inference.create_batch(workspace, "tester", made.model.id, "many", {"folder": str(tmp_path)}))
    assert view.status is Status.DONE, view.state.reason
    rows = inference.batch_results(workspace, view.id).rows
    assert [bool(row.get("error")) for row in rows] == [False] * 5 + [True]
    assert len(b"".join(inference.batch_csv(workspace, view.id)).splitlines()) == 7


@pytest.mark.slow
def test_a_video_is_asked_about_and_the_answers_are_drawn(made: Made, workspace: Workspace, tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", 3)
    view = made.tick(videos.create(workspace, "tester", made.model.id, "a video", {"video": str(path)}))
    assert view.status is Status.DONE, view.state.reason
    rows = inference.batch_results(workspace, view.id).rows
    assert [(row["frame"], bool(row.get("error"))) for row in rows] == [(0, False), (1, False), (2, False)]
    with Video(str(videos.film(workspace, view.id))) as film:
        assert len(list(film)) == 3
    assert len(b"".join(videos.csv(workspace, view.id)).splitlines()) == 4
    assert len(inference.batch_summary(workspace, view.id)["chart"]["seconds"]) == 3


def test_a_whole_dataset_is_tested_as_its_training_does(made: Made, workspace: Workspace) -> None:
    kind, options = tasks()[made.task], {"method": "dataset", "dataset": made.dataset.id, "split": "val"}
    if not (kind.names_labels or kind.judge):
        with pytest.raises(InvalidOptions, match="cannot be tested"):
            inference.create_batch(workspace, "tester", made.model.id, "all", options)
        return
    view = made.tick(inference.create_batch(workspace, "tester", made.model.id, "all", options))
    assert view.status is Status.DONE, view.state.reason
    summary, trained = inference.batch_summary(workspace, view.id), models.evaluation(made.model)
    goal = kind.measures[0].name
    if not kind.embeds:  # those look for neighbours elsewhere
        assert summary.get("report", summary)[goal] == pytest.approx(trained[goal], rel=0.02)
    assert view.folder.summary()[goal] == summary.get("report", summary)[goal]
    assert inference.batch_results(workspace, view.id).total == trained["entries"]
    if kind.judge:
        assert models.evaluation(view)["pictures"][0][0] == trained["pictures"][0][0]


@pytest.mark.slow
def test_its_pages_open(made: Made, visit: Visit, tmp_path: Path) -> None:
    forms = [("datasets.py", {"new": made.task}), ("models.py", {"clone": made.model.id}),
             ("job.py", {"id": made.dataset.id}), ("job.py", {"id": made.model.id})]
    for page, query in forms:
        assert "went wrong" not in words(visit(page, **query)), (page, query)
    (tmp_path / "a.png").write_bytes(drawn.picture())
    app = visit("inference.py", model=made.model.id)
    app.session_state["inference.source"] = "Server path or URL"
    app.session_state["inference.path"] = str(tmp_path / "a.png")
    app.run()
    assert not app.exception and "went wrong" not in words(app) and not app.error


def test_its_model_travels(made: Made, workspace: Workspace, tmp_path: Path) -> None:
    path = modelstore.export_model(workspace, "tester", made.model.id)
    copied = tmp_path / "model.zip"
    copied.write_bytes(path.read_bytes())
    view = made.tick(modelstore.import_model(workspace, "tester", "travelled", copied))
    assert (view.status, view.job.task) == (Status.DONE, made.task), view.state.reason
    image = ("a.png", drawn.picture())
    answers = [inference.classify(workspace, "tester", job_id, [image])[0] for job_id in (made.model.id, view.id)]
    assert answers[0] | {"latency_ms": 0} == answers[1] | {"latency_ms": 0}


@pytest.mark.slow
def test_it_says_the_same_everywhere(made: Made, workspace: Workspace, tmp_path: Path, address: str,
                                     triton: Any) -> None:
    """The inference process that the page asks, REST, Triton's protocol, ONNX Runtime on the exported graph, and
    predict.py where nothing else is installed."""
    view = made.tick(exports.create(workspace, "tester", made.model.id, {
        "pictures": 100, "precisions": ["fp32", "fp16"], "fp16_agreement": 90}))
    assert view.status is Status.DONE, view.state.reason
    row, _ = exports.report(workspace, view.id)["variants"]
    assert (row["difference"] or 0) < alone.NEAR and row["agreement"] > 0.999, row
    assert row["metric"] == pytest.approx(exports.report(workspace, view.id)["reference"]["metric"], abs=0.002)
    images = [(f"{seed}.png", drawn.picture(seed)) for seed in range(100)]
    for name, content in images:
        (tmp_path / name).write_bytes(content)
    whole = exports.file(workspace, "tester", view.id, "predict.py").parent
    found = alone.predicted(whole, alone.empty(tmp_path / "packages"), *(tmp_path / name for name, _ in images))
    told = inference.classify(workspace, "tester", made.model.id, images)
    for ours, theirs in zip(told, found, strict=True):
        alone.same(ours, theirs)
    sent = httpx.post(f"http://{address}/api/models/{made.model.id}/predict/upload", timeout=120,
                      files=[("images", image) for image in images]).json()["results"]
    clients = [json.loads(asked(triton, made.model.id, content, ["answer"])[0][0]) for _, content in images]
    for ours, by_rest, by_client in zip(told, sent, clients, strict=True):
        assert by_rest | {"latency_ms": 0} == ours | {"latency_ms": 0}
        assert by_client | {"image": "", "latency_ms": 0} == ours | {"image": "", "latency_ms": 0}


@pytest.mark.slow
def test_its_network_is_told_and_its_augmentation_shown(made: Made, workspace: Workspace) -> None:
    options = drawn.asked(made.task)
    assert networks.layers(workspace, "tester", made.dataset.id, options)["parameters"] > 1000
    shown = augmentation.augmentation_preview(workspace, "tester", made.dataset.id, {**options, "flip": "lr"})
    assert len(shown) == 16


def test_a_network_of_another_task_is_refused(made: Made, workspace: Workspace) -> None:
    other = "lenet" if tasks()[made.task].dense else "unet"
    with pytest.raises(InvalidOptions, match="network"):
        models.create_model(workspace, "tester", "x", made.dataset.id, {**drawn.asked(made.task), "network": other})


def test_what_inference_needs_is_in_the_model_folder(made: Made) -> None:
    model = ModelFolder.read(made.model.folder.path)
    assert model.network.task == made.task
    assert len(model.labels) == model.network.classes
    prepared = model.prepare(drawn.picture(), "a.png")
    assert (prepared.pixels.shape, prepared.size) == (model.network.input_shape, (50, 40))
    assert files.read_json(made.model.folder.path / "network.json")
    assert np.isfinite(prepared.pixels).all()


@pytest.mark.slow
def test_its_weights_are_a_start_and_its_network_may_be_ones_own(made: Made, workspace: Workspace) -> None:
    asked = {**drawn.asked(made.task), "epochs": 1, "batch_size": 8, "seed": 1}
    again = made.tick(models.create_model(workspace, "tester", "again", made.dataset.id, {
        **asked, "start_model": made.model.id}))
    assert again.status is Status.DONE, again.state.reason
    start = models.start_report(again)
    assert start["loaded"] == start["of"] > 0 and {line["state"] for line in start["tensors"]} == {"loaded"}
    own = made.tick(models.create_model(workspace, "tester", "own", made.dataset.id, {
        **asked, "network": "custom", "network_source": drawn.OWN.format(network=asked["network"])}))
    assert own.status is Status.DONE, own.state.reason
    answer, = inference.classify(workspace, "tester", own.id, [("a.png", drawn.picture())])
    assert not answer.get("error")
