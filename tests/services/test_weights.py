"""Pretrained networks: found, fetched once, waited for by trainings that start from them; over REST and shell alike."""

import json

import pytest
from typer.testing import CliRunner

from digits_core import files
from digits_core.cli import app
from digits_core.errors import InvalidOptions
from digits_core.services import foreign, made_of, models, rehearsal, weights
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.api.conftest import TestClient
from tests.faults.folders import end
from tests.modelstore.publishing import NETWORK, publish


@pytest.fixture
def shelf(workspace, monkeypatch, tmp_path):
    """A workspace whose only weights lie in a folder."""
    publish(monkeypatch, tmp_path / "shelf")
    return Workspace.open(workspace.settings.model_copy(update={"weights_dir": str(tmp_path / "shelf"),
                                                                "weights_url": "none"}))


def row(space, name=NETWORK):
    return next(row for row in weights.networks(space) if row["name"] == name)


def test_networks_tell_what_was_published_and_what_is_here(shelf):
    rows = weights.networks(shelf)
    assert len(rows) > 80 and rows[0]["name"] == "lenet" and rows[0]["weights"] == []
    here, other = row(shelf)["weights"]
    assert (here["tag"], here["on_disk"], here["job"], other["on_disk"]) == ("IMAGENET1K_V1", True, "", False)
    assert here["recipe"].startswith("https://github.com/pytorch/vision/")
    view = weights.fetch_weights(shelf, "ann", NETWORK)
    assert (row(shelf)["weights"][0]["job"], row(shelf)["weights"][0]["ready"]) == (view.id, False)
    json.dumps(rows, allow_nan=False)


def test_the_same_weights_are_fetched_once_until_they_fail(shelf):
    first = weights.fetch_weights(shelf, "ann", NETWORK, "v1")
    assert (first.name, first.job.options) == ("SqueezeNet 1.1, ImageNet V1", {"network": NETWORK,
                                                                               "weights": "IMAGENET1K_V1"})
    assert weights.fetch_weights(shelf, "bob", NETWORK).id == first.id
    files.write_once(first.folder.attempt(1).result, {"state": "failed", "reason": "No network."})
    assert weights.fetch_weights(shelf, "bob", NETWORK).id != first.id


@pytest.mark.parametrize(("network", "tag", "field", "words"), [
    ("resnet19", "DEFAULT", "network", "perhaps resnet1"), ("lenet", "DEFAULT", "network", "no published weights"),
    (NETWORK, "V9", "weights", "there are IMAGENET1K_V1"),
    (NETWORK, "V2", "weights", "Put the file other-00000000.pth")])
def test_what_cannot_be_had_is_said_before_a_job_is_made(shelf, network, tag, field, words):
    with pytest.raises(InvalidOptions, match=words) as caught:
        weights.fetch_weights(shelf, "ann", network, tag)
    assert list(caught.value.by_field()) == [field]
    assert not shelf.store.ids()


def test_a_training_starts_from_published_weights_and_waits_for_them(shelf, finished_job):
    dataset = finished_job("dataset")
    view = models.create_model(shelf, "ann", "x", dataset.id, {"network": NETWORK, "start_model": "torchvision"})
    fetching = view.job.options["start_model"]
    assert view.job.needs == (dataset.id, fetching)
    assert shelf.store.get(fetching).job.options["network"] == NETWORK
    again = models.create_model(shelf, "ann", "y", dataset.id, {"network": NETWORK, "start_model": fetching})
    assert again.job.needs == (dataset.id, fetching)
    with pytest.raises(InvalidOptions, match="brings weights of squeezenet1_1, not of lenet"):
        models.create_model(shelf, "ann", "z", dataset.id, {"start_model": fetching})


def test_a_start_from_weights_that_are_not_there_is_a_problem_of_its_field(shelf, finished_job):
    for network, start in ((NETWORK, "torchvision:V2"), ("lenet", "torchvision")):
        with pytest.raises(InvalidOptions) as caught:
            models.create_model(shelf, "ann", "x", finished_job("dataset").id, {"network": network,
                                                                                "start_model": start})
        assert list(caught.value.by_field()) == ["start_model"]


def test_trying_out_leaves_out_weights_that_are_not_here_yet(shelf):
    assert weights.ready_start(shelf, NETWORK, "torchvision") == ""
    view = weights.fetch_weights(shelf, "ann", NETWORK)
    assert weights.ready_start(shelf, NETWORK, "torchvision") == weights.ready_start(shelf, NETWORK, view.id) == ""
    end(view.folder.path, {"network": NETWORK})
    assert weights.ready_start(shelf, NETWORK, "torchvision") == view.id
    assert weights.ready_start(shelf, NETWORK, "other") == "other"
    assert rehearsal.ready_start is weights.ready_start


@pytest.mark.parametrize(("options", "fields"), [
    ({}, ["file"]), ({"file": "/nowhere/x.pth"}, ["file"]), ({"file": "/etc/passwd"}, ["file"]),
    ({"network": "resnet19"}, ["network"]), ({"crop": 225, "network": "lenet"}, ["crop"]),
    ({"scale": "odd"}, ["scale"]), ({"width": 10, "height": 10, "crop": 20}, ["crop"])])
def test_a_file_of_ones_own_is_checked_before_a_job_is_made(workspace, options, fields):
    with pytest.raises(InvalidOptions) as caught:
        foreign.import_files(workspace, "ann", "x", options)
    assert list(caught.value.by_field()) == fields


def test_an_uploaded_file_moves_into_its_job(workspace, tmp_path):
    sent = {"file": foreign.Sent("w.pth", tmp_path / "up"), "labels_file": foreign.Sent("l.txt", tmp_path / "names")}
    sent["file"].path.write_bytes(b"weights")
    sent["labels_file"].path.write_text("a\nb\n")
    view = foreign.import_files(workspace, "ann", "x", {"network": NETWORK}, "", sent)
    options = view.job.options["files"]
    assert (options["file"], options["labels_file"]) == ("job:upload/file.pth", "job:upload/labels_file.txt")
    assert (view.folder.path / "upload" / "file.pth").read_bytes() == b"weights"
    assert not (tmp_path / "up").exists()
    asked = made_of.asked(view)
    assert asked.options["file"] == str(view.folder.path / "upload" / "file.pth")


def test_what_means_nothing_for_a_known_network_is_refused(workspace, tmp_path):
    mean, path = tmp_path / "m.npy", tmp_path / "w.pth"
    mean.touch()
    path.touch()
    for field, value in (("mean_file", str(mean)), ("task", "segmentation")):
        with pytest.raises(InvalidOptions) as caught:
            foreign.import_files(workspace, "ann", "x", {"file": str(path), "network": NETWORK, field: value})
        assert list(caught.value.by_field()) == [field]


def test_a_training_can_be_planned_on_weights_that_are_still_being_read(workspace, finished_job, tmp_path):
    (tmp_path / "w.pth").touch()
    start = foreign.import_files(workspace, "ann", "x", {"file": str(tmp_path / "w.pth"), "network": NETWORK}).id
    dataset = finished_job("dataset").id
    view = models.create_model(workspace, "ann", "y", dataset, {"network": NETWORK, "start_model": start})
    assert view.job.needs == (dataset, start)
    with pytest.raises(InvalidOptions, match=f"brings weights of {NETWORK}, not of lenet"):
        models.create_model(workspace, "ann", "z", dataset, {"start_model": start})


def test_a_training_with_a_key_that_starts_from_weights_is_made_once_and_is_a_training(shelf, finished_job):
    from digits_core.api.app import create_api

    body = {"name": "m", "dataset": finished_job("dataset").id, "options": {"network": NETWORK,
                                                                            "start_model": "torchvision:V1"}}
    with TestClient(create_api(shelf), base_url="http://localhost", headers={
            "X-Digits-User": "tester", "Idempotency-Key": "k" * 16}) as client:
        one, other = (client.post("/models", json=body).json() for _ in range(2))
    assert one["kind"] == "model" and one["id"] == other["id"]
    assert one["options"]["start_model"] in one["needs"]
    assert len(shelf.store.ids()) == 3


def test_weights_over_rest(shelf):
    from digits_core.api.app import create_api

    with TestClient(create_api(shelf), base_url="http://localhost", headers={"X-Digits-User": "tester"}) as client:
        listed = {row["name"]: row for row in client.get("/networks").json()["networks"]}
        assert listed[NETWORK]["weights"][0]["on_disk"] and "arguments" not in listed["resnet34"]
        answer = client.post("/models/weights", json={"network": NETWORK}, headers={"Idempotency-Key": "k" * 16})
        assert (answer.status_code, answer.json()["kind"]) == (201, "pretrained")
        assert client.post("/models/weights", json={"network": NETWORK}).json()["id"] == answer.json()["id"]
        wrong = client.post("/models/weights", json={"network": "resnet19"})
        assert list(wrong.json()["errors"]) == ["network"]


def test_weights_from_the_shell(shelf: Workspace, settings: Settings):
    environment = {"DIGITS_JOBS_DIR": str(settings.jobs_dir), "DIGITS_USER": "tester", "DIGITS_WEIGHTS_URL": "none",
                   "DIGITS_WEIGHTS_DIR": shelf.settings.weights_dir}

    def digits(*words):
        return CliRunner().invoke(app, list(words), env=environment, catch_exceptions=False)

    lines = digits("networks", "squeezenet").stdout.splitlines()
    assert len(lines) == 2 and "IMAGENET1K_V1*" in lines[1] and "IMAGENET1K_V2 " in lines[1]
    made = json.loads(digits("get-weights", NETWORK, "--json").stdout.splitlines()[-1])
    assert made["kind"] == "pretrained"
    wrong = digits("get-weights", NETWORK, "--weights", "V7")
    assert wrong.exit_code == 2 and "there are IMAGENET1K_V1" in wrong.stderr
    assert digits("import-files", "/nowhere/x.pth", "--network", "lenet").exit_code == 2


@pytest.mark.parametrize(("network", "body"), [("fasterrcnn_resnet50_fpn", "resnet50"), ("detectnet", "googlenet"),
                                               ("fcn8s", "vgg16"), ("resnet18", "resnet18")])
def test_a_network_for_another_task_starts_with_the_weights_of_the_classifier_it_is_built_on(shelf, network, body):
    with pytest.raises(InvalidOptions, match=f"{body}-[0-9a-f]+.pth is not on this server"):
        weights.start_of(shelf, "ann", network, "torchvision")
