"""Bundles and recipes over HTTP."""

from collections.abc import Callable
from pathlib import Path

import yaml

from digits_core.api.app import create_api
from digits_core.jobs.store import JobView
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.api.conftest import TestClient
from tests.data import planted


def test_a_bundle_goes_out_and_comes_in(client: TestClient, finished_job: Callable[..., JobView],
                                        tmp_path: Path) -> None:
    model = finished_job("model")
    answer = client.get(f"/jobs/{model.id}/bundle?needs=true&state=true")
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert f"{model.id}.digits.tar" in answer.headers["content-disposition"]
    summary = client.get(f"/jobs/{model.id}/bundle/summary?needs=true&state=true").json()
    assert summary["bytes"] == len(answer.content)
    assert [job["id"] for job in summary["jobs"]] == [*model.job.needs, model.id]
    there = Workspace.open(Settings(jobs_dir=tmp_path / "there"))
    with TestClient(create_api(there), headers={"X-Digits-User": "bob"}) as other:
        made = other.post("/bundles", files={"bundle": ("m.tar", answer.content)})
        assert made.status_code == 201
        assert [job["owner"] for job in made.json()["jobs"]] == ["bob", "bob"]
        assert other.post("/bundles", files={"bundle": ("m.tar", answer.content)}).json()["known"] == [
            *model.job.needs, model.id]
        bad = other.post("/bundles", files={"bundle": ("m.tar", answer.content[:5000])})
    assert (bad.status_code, bad.json()["error"]["type"]) == (400, "BadData")
    assert not list((there.store.root / ".uploads").glob("*"))


def test_a_recipe_goes_out_and_runs(client: TestClient, workspace: Workspace, tmp_path: Path) -> None:
    top = planted.class_folders(tmp_path / "set", 8, 0, 0, 0)
    data = client.post("/datasets", json={"name": "pets", "options": {"folder": str(top), "width": 8}}).json()
    recipe = client.get(f"/jobs/{data['id']}/recipe.yaml")
    assert yaml.safe_load(recipe.text)["jobs"][0]["options"] == data["options"]
    made = client.post("/recipes", json={"recipe": recipe.text, "name": "again"})
    assert made.status_code == 201
    assert (made.json()["jobs"][0]["options"], made.json()["jobs"][0]["name"]) == (data["options"], "again")
    top.rename(tmp_path / "other")
    wrong = client.post("/recipes", json={"recipe": recipe.text})
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["jobs.0.options.folder"])
    mapped = client.post("/recipes", json={"recipe": recipe.text, "data": {str(tmp_path): str(tmp_path / "other")}})
    assert mapped.status_code == 400
    mapped = client.post("/recipes", json={"recipe": recipe.text, "data": {str(top): str(tmp_path / "other")}})
    assert mapped.json()["jobs"][0]["options"]["folder"] == str(tmp_path / "other")


def test_an_import_is_a_job_that_can_be_repeated_with_its_key(client: TestClient, workspace: Workspace,
                                                              finished_job: Callable[..., JobView], tmp_path: Path
                                                              ) -> None:
    model = finished_job("model")
    content = client.get(f"/jobs/{model.id}/bundle").content
    made = [client.post("/imports/upload", files={"bundle": ("m.tar", content)}, data={"name": "from B"},
                        headers={"Idempotency-Key": "one"}).json() for _ in range(2)]
    assert made[0]["id"] == made[1]["id"] and (made[0]["kind"], made[0]["status"]) == ("import", "waiting")
    assert client.get(f"/imports/{made[0]['id']}").json() == {}
    assert (workspace.store.folder(made[0]["id"]).path / "upload" / "bundle.tar").read_bytes() == content
    wrong = client.post("/imports", json={"options": {"bundle": str(tmp_path / "none.tar")}})
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["bundle"])
    stolen = client.post("/imports", json={"options": {"bundle": "job:upload"}})
    assert stolen.status_code == 400
