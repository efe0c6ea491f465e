"""Reports of real trainings and real batches, through the services that pages, REST and command line call."""

import numpy as np
import pytest

from digits_core import files
from digits_core.errors import BadData, InvalidOptions, NotFound
from digits_core.evaluate.predictions import predictions_file, read
from digits_core.jobs.model import Status
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.services import evaluation, inference
from digits_core.train.run import run as train
from tests.infer.model_folders import make_model, picture
from tests.infer.sharing import shared_workspace
from tests.train import drawn
from tests.train.drawn import Recorder


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    yield from shared_workspace(tmp_path_factory.mktemp("shared"))


def trained(workspace, data, **options):
    view = drawn.model(workspace.store, data, **options)
    summary = train(Recorder(workspace.store, view.id))
    attempt = view.folder.attempts()[0]
    files.write_once(attempt.launch, {"process": {"boot_id": "older", "pid": 1, "start_ticks": 1}})
    files.write_once(attempt.result, {"state": "done", "summary": summary, "ended": 1.0})
    return workspace.store.get(view.id)


@pytest.fixture(scope="module")
def data(workspace):
    return drawn.dataset(workspace.store, train=60, val=24, test=12)


@pytest.fixture(scope="module")
def model(workspace, data):
    return trained(workspace, data, epochs=1, learning_rate=0.005)


@pytest.fixture(scope="module")
def tested(workspace, data, model):
    """The model, tested on the validation split of its dataset by a batch."""
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    view = inference.create_batch(workspace, "tester", model.id, "test", {
        "method": "dataset", "dataset": data.id, "split": "val", "top": 2})
    scheduler.tick()
    scheduler.close()
    return workspace.store.get(view.id)


def test_a_training_keeps_every_prediction_of_every_split(workspace, data, model):
    assert evaluation.splits(model) == ["val", "test", "train"]
    for split, entries in (("val", 24), ("test", 12), ("train", 60)):
        found = evaluation.predictions(workspace, model.id, split)
        assert (len(found), found.source["dataset"], found.source["split"]) == (entries, data.id, split)
        assert sorted(found.paths) == sorted(f"{n}.png" for n in range(entries))
    assert files.read_json(model.folder.path / "evaluation" / "train.json") is None


def test_the_report_agrees_with_what_the_training_wrote(workspace, model):
    wrote = files.read_json(model.folder.path / "evaluation" / "test.json")
    found = evaluation.report(workspace, model.id, "test")
    for name in ("accuracy", "top5", "loss"):
        assert found["metrics"][name]["value"] == pytest.approx(wrote[name], rel=1e-5)
    assert found["confusion"]["matrix"] == wrote["confusion"]


def test_a_dataset_tested_by_a_batch_gives_the_predictions_of_the_training(workspace, data, model, tested):
    assert tested.status is Status.DONE, tested.state.reason
    batch, training = (evaluation.predictions(workspace, job.id) for job in (tested, model))
    assert batch.paths == training.paths
    assert np.array_equal(batch.truth, training.truth)
    assert np.allclose(batch.scores, training.scores, atol=1e-5)
    assert tested.folder.summary()["accuracy"] == pytest.approx(model.folder.summary()["accuracy"])
    assert data.id in tested.job.needs
    assert len(inference.batch_results(workspace, tested.id).rows[0]["predictions"]) == 2
    assert not (tested.folder.path / "scores.bin").exists()


def test_a_model_is_as_good_as_itself(workspace, model, tested):
    assert [(view.id, split) for view, split in evaluation.comparable(workspace, model.id, "val")] == [(tested.id, "")]
    found = evaluation.compare(workspace, model.id, tested.id, "val")
    assert (found["p"], found["only_first"], found["only_second"], found["pictures"]) == (1.0, 0, 0, 24)
    with pytest.raises(BadData, match="not measured on the same pictures"):
        evaluation.compare(workspace, model.id, tested.id, "test")


def test_the_pictures_of_a_cell_are_those_that_it_counts(workspace, model, tested):
    for job in (model, tested):
        found = evaluation.report(workspace, job.id)
        for row, truth in enumerate(found["labels"]):
            for column, predicted in enumerate(found["labels"]):
                page = evaluation.pictures(workspace, job.id, "", "cell", truth, predicted)
                assert page.total == found["confusion"]["matrix"][row][column]
                assert {(one["truth"], one["predicted"]) for one in page.rows} <= {(truth, predicted)}
        rows = evaluation.pictures(workspace, job.id, "", "cell").rows
        images = evaluation.thumbnails(workspace, job.id, rows)
        assert len(rows) == 24
        assert all(image and image.startswith(b"\x89PNG") for image in images)


def test_mistakes_come_with_the_most_confident_first(workspace, model):
    page = evaluation.pictures(workspace, model.id, "train", "mistakes")
    assert page.total == sum(row["truth"] != row["predicted"] for row in
                             evaluation.pictures(workspace, model.id, "train", "cell", limit=100).rows)
    sure = [row["probability"] for row in page.rows]
    assert sure == sorted(sure, reverse=True)


def test_the_top_pictures_of_a_class_are_its_most_probable_ones(workspace, tested):
    rows = evaluation.pictures(workspace, tested.id, "", "top", predicted="class 1", limit=9).rows
    found = evaluation.predictions(workspace, tested.id)
    assert [row["index"] for row in rows] == np.argsort(-found.scores[:, 1], kind="stable")[:9].tolist()


def test_a_batch_of_other_pictures_has_top_pictures_and_no_report(workspace, tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(picture(number))
    (tmp_path / "bad.png").write_bytes(b"nothing")
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    view = inference.create_batch(workspace, "tester", make_model(workspace.store).id, "b", {"folder": str(tmp_path)})
    scheduler.tick()
    scheduler.close()
    assert "metrics" not in evaluation.report(workspace, view.id)
    rows = evaluation.pictures(workspace, view.id, "", "top", limit=9).rows
    assert sorted(row["path"] for row in rows) == ["0.png", "1.png", "2.png"]
    assert all(evaluation.thumbnails(workspace, view.id, rows))
    assert evaluation.pictures(workspace, view.id, "", "suspects").total == 0
    assert b"".join(inference.batch_json(workspace, view.id)).count(b'"image"') == 4


def test_what_cannot_be_tested_is_said_at_its_field(workspace, data, model):
    def problems(**options):
        with pytest.raises(InvalidOptions) as raised:
            inference.create_batch(workspace, "tester", model.id, "t", {"method": "dataset", **options})
        return {problem.field: problem.message for problem in raised.value.problems}

    assert problems()["dataset"] == "This field is required."
    assert "is a model" in problems(dataset=model.id)["dataset"]
    other = drawn.dataset(workspace.store, classes=4)
    assert "does not know: class 3" in problems(dataset=other.id)["dataset"]
    assert "has train, val" in problems(dataset=drawn.dataset(workspace.store).id, split="test")["split"]


def test_there_is_no_evaluation_of_what_was_never_measured(workspace, model):
    with pytest.raises(NotFound, match="has no evaluation"):
        evaluation.report(workspace, make_model(workspace.store).id)
    with pytest.raises(NotFound, match="no split"):
        evaluation.report(workspace, model.id, "../x")
    with pytest.raises(InvalidOptions, match="no class"):
        evaluation.curves(workspace, model.id, "val", "cat")


def test_a_batch_that_was_killed_goes_on_and_has_the_same_predictions(workspace, tested):
    """After the rows and before, and within the scores: what does not fit together is made again."""
    from digits_core.infer.batch import run
    from digits_core.infer.results import Results
    from digits_core.infer.scores import Scores

    whole = evaluation.predictions(workspace, tested.id)
    folder = tested.folder.path
    answers = [{"predictions": sorted(({"label": label, "probability": float(score)} for label, score in
                                       zip(whole.labels, row, strict=True)), key=lambda one: -one["probability"])}
               for row in whole.scores]
    predictions_file(folder, "").unlink()
    Scores(folder, whole.labels, 2, 24).append(answers[:10])
    with (folder / "scores.bin").open("ab") as file:
        file.write(b"torn")
    context = Recorder(workspace.store, tested.id)
    run(context)
    assert np.allclose(read(predictions_file(folder, "")).scores, whole.scores)
    assert len(list(Results(folder))) == 24
    assert any("10 of them already classified" in line for line in context.lines), context.lines
