"""Checks, versions and single pictures over REST and from the command line give the same."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.services import fit
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient
from tests.cli.conftest import digits, environment, last_json
from tests.data import planted

__all__ = ["digits", "environment"]


@pytest.fixture
def dataset(client: TestClient, workspace: Workspace, tmp_path: Path) -> str:
    top = planted.class_folders(tmp_path / "set", 24, 4, 4, 2)
    made = client.post("/datasets", json={"name": "pets", "options": {
        "folder": str(top), "width": 32, "height": 32, "val_percent": 40}}).json()["id"]
    work(workspace)
    return made


def work(workspace: Workspace) -> None:
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    scheduler.tick()
    scheduler.close()


def test_check_fix_and_diff(client: TestClient, nobody: TestClient, workspace: Workspace, dataset: str,
                            digits: Callable) -> None:
    path = f"/datasets/{dataset}"
    assert nobody.get(f"{path}/fit").json() == {"state": "none"}
    assert client.post(f"{path}/fit").status_code == 202
    fit.wait_for_fit(workspace.store.get(dataset), lambda done: None)
    report = nobody.get(f"{path}/fit", params={"kind": "labels", "limit": 1}).json()
    assert (report["state"], report["total"], len(report["groups"])) == ("done", 2, 1)
    assert {member["class"] for member in report["groups"][0]["members"]} == {"cat", "dog"}
    told = digits("fit", dataset, "--kind", "labels", "--json")
    assert told.exit_code == 1 and json.loads(told.stdout.splitlines()[-1])["counts"] == report["counts"]
    answer = client.post(f"{path}/versions", json={"fixes": ["drop-exact"], "edits": [
        {"do": "relabel", "split": "val", "index": 0, "label": "dog"}]})
    assert (answer.status_code, answer.json()["name"]) == (201, "pets v2")
    work(workspace)
    done = digits("create-version", dataset, "--fix", "drop-exact", "--relabel", "val:0:dog", "--name", "mine",
                  "--wait")
    assert done.exit_code == 0, done.stderr
    rows = client.get(f"{path}/versions").json()["versions"]
    assert [row["name"] for row in rows] == ["pets", "pets v2", "mine"] and rows[1]["diff"] == rows[2]["diff"]
    assert rows[1]["diff"]["removed"] == 4 and rows[1]["parent"] == dataset
    assert json.loads(digits("versions", dataset, "--json").stdout)["versions"] == rows
    edits = client.get(f"/datasets/{rows[1]['id']}/edits").json()
    assert edits["total"] == 5 and edits["edits"][-1]["do"] == "relabel"


def test_one_picture_in_full(client: TestClient, dataset: str, digits: Callable) -> None:
    row = client.get(f"/datasets/{dataset}/records/train/1").json()
    told = json.loads(digits("explore", dataset, "--index", "1", "--json").stdout)
    assert {key: row[key] for key in told} == told and len(row["channels"][0]["histogram"]) == 32
    assert client.get(f"/datasets/{dataset}/records/train/999").status_code == 404
    listed = json.loads(digits("explore", dataset, "--search", "cat/", "--limit", "2", "--json").stdout)
    assert listed["items"][0]["class"] == "cat" and len(listed["items"]) == 2
    found = client.get(f"/datasets/{dataset}/samples", params={"min_side": 41}).json()
    assert 0 < found["total"] < 20


@pytest.mark.parametrize("body", [{}, {"fixes": ["eat"]}, {"edits": [{"do": "exclude"}]}, {"edits": 3}, {"more": 1}])
def test_wrong_versions_are_refused(client: TestClient, dataset: str, body: dict) -> None:
    assert client.post(f"/datasets/{dataset}/versions", json=body).status_code == 400


def test_flags_that_are_none_are_told(digits: Callable, dataset: str) -> None:
    assert "SPLIT:INDEX" in digits("create-version", dataset, "--exclude", "train").stderr


def test_pictures_are_added_and_a_subset_is_made(client: TestClient, workspace: Workspace, dataset: str, tmp_path: Path,
                                                 digits: Callable) -> None:
    more, random = tmp_path / "more", np.random.default_rng(9)
    for number in range(8):
        path = more / ("cat", "dog")[number % 2] / f"new{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (32, 32, 3), np.uint8)).save(path)
    shutil.make_archive(str(tmp_path / "more"), "zip", more)
    asked = client.post(f"/datasets/{dataset}/additions", json={"options": {"folder": str(more), "split": "test"}})
    assert asked.status_code == 201
    with (tmp_path / "more.zip").open("rb") as archive:
        sent = client.post(f"/datasets/{dataset}/additions/upload", files={"archive": ("more.zip", archive)},
                           data={"name": "sent", "options": '{"duplicates": "keep", "split": "test"}'})
    by_hand = digits("add-pictures", dataset, "--folder", str(more), "--split", "test", "--json")
    subset = digits("create-subset", dataset, "--take", "random", "--count", "3", "--splits", "train", "--name", "few",
                    "--json")
    work(workspace)
    work(workspace)  # two at the same time
    views = [workspace.store.get(made) for made in (
        asked.json()["id"], sent.json()["id"], last_json(by_hand.stdout)["id"], last_json(subset.stdout)["id"])]
    assert [view.status for view in views] == ["done"] * 4
    added = [view.folder.manifest()["diff"]["added"] for view in views[:3]]
    assert added == [8, 8, 8]
    few = client.post(f"/datasets/{dataset}/subsets", json={"options": {"take": "random", "count": 3,
                                                                        "splits": ["train"]}})
    work(workspace)
    manifests = [client.get(f"/datasets/{made}/manifest").json() for made in (views[3].id, few.json()["id"])]
    assert manifests[0]["splits"] == manifests[1]["splits"]
    refused = client.post(f"/datasets/{dataset}/subsets", json={"options": {"classes": ["cow"]}})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["classes"])
