"""What REST says of a trained model, and the wrong labels it mends; the same numbers as the services."""

import base64

import pytest

from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.services import evaluation
from tests.evaluate import judged
from tests.infer.model_folders import picture
from tests.infer.sharing import shared_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    yield from shared_workspace(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def model(workspace):
    return judged.model(workspace.store, judged.dataset(workspace.store))


def got(client, path, **query):
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_report_with_its_intervals(client, workspace, model):
    found = got(client, f"/evaluations/{model.id}", split="test")
    assert found["metrics"] == evaluation.report(workspace, model.id, "test")["metrics"]
    accuracy = found["metrics"]["accuracy"]
    assert accuracy["low"] < accuracy["value"] <= accuracy["high"] and found["entries"] == 12


def test_pictures_of_a_cell_mistakes_top_and_suspects(client, workspace, model):
    for show in ("mistakes", "cell", "top", "suspects"):
        found = got(client, f"/evaluations/{model.id}/pictures", split="train", show=show, limit=5)
        expected = evaluation.pictures(workspace, model.id, "train", show, limit=5)
        assert (found["rows"], found["total"]) == (expected.rows, expected.total)
    assert got(client, f"/evaluations/{model.id}/pictures", split="val", show="cell", truth="cat")["total"] == 8


def test_curves_and_a_paired_test(client, workspace, model):
    found = got(client, f"/evaluations/{model.id}/curves", label="dog")
    assert found["label"] == "dog" and 0 <= found["auc"]["low"] <= found["auc"]["value"] <= 1
    assert got(client, f"/evaluations/{model.id}/compare", other=model.id)["p"] == 1
    assert client.get(f"/evaluations/{model.id}/curves", params={"label": "cow"}).status_code == 400


def test_suspicious_labels_become_a_version_once(client, workspace, model):
    body = {"do": "relabel", "split": "train", "first": 9}
    first, again = (client.post(f"/evaluations/{model.id}/fix-labels", json=body, headers={"Idempotency-Key": "k"})
                    for _ in range(2))
    assert first.status_code == 201 and first.json()["id"] == again.json()["id"], first.text
    rows = got(client, f"/datasets/{first.json()['id']}/edits")["edits"]
    assert {row["index"] for row in rows} == set(judged.SEEN)
    assert client.post(f"/evaluations/{model.id}/fix-labels", json={"do": "burn"}).status_code == 400


@pytest.mark.slow
def test_a_look_inside_with_every_explanation(client, model):
    answer = client.post("/look/upload", data={"model": model.id, "methods": "grad-cam,integrated-gradients,occlusion"},
                         files={"images": ("one.png", picture(1))})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert abs(sum(row["probability"] for row in found["row"]["predictions"]) - 1) < 1e-5
    drawn = [layer["picture"] for layer in found["layers"] if layer["picture"]]
    assert drawn and all(base64.b64decode(png).startswith(b"\x89PNG") for png in drawn)
    assert len(found["explanations"]) == 3


def test_a_model_is_tested_on_a_dataset(client, workspace, model):
    options = {"method": "dataset", "dataset": model.job.options["dataset"], "split": "val"}
    made = client.post("/inferences", json={"model": model.id, "name": "test", "options": options})
    assert made.status_code == 201, made.text
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    scheduler.tick()
    scheduler.close()
    found = got(client, f"/evaluations/{made.json()['id']}")
    assert found["confusion"] == evaluation.report(workspace, model.id, "val")["confusion"]
    assert got(client, f"/evaluations/{model.id}/compare", other=made.json()["id"], split="val")["p"] == 1
