"""Model stores and published models over REST: the same services as pages and shell, and the store as plain files."""

import shutil

import pytest
from starlette.applications import Starlette

from digits_core import files
from digits_core.api.app import create_api
from digits_core.api.team import store_route
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobStore
from tests.api.conftest import TestClient
from tests.infer.model_folders import make_model, picture
from tests.modelstore.stores import done, listing, published


@pytest.fixture
def space(tmp_path):
    """A workspace that lists the store of another one."""
    other = listing(tmp_path / "other")
    published(other, make_model(other.store), license="MIT", license_text="Free.", note="grey digits")
    return listing(tmp_path, str(other.settings.team_folder))


@pytest.fixture
def client(space):
    with TestClient(create_api(space), base_url="http://localhost", headers={"X-Digits-User": "ann"}) as client:
        yield client


def test_a_model_of_a_store_is_found_and_imported(client, space):
    [shop] = client.post("/store/refresh").json()["stores"]
    [entry] = shop["models"]
    assert client.get("/store").json()["stores"][0]["models"] == [entry]
    assert client.get(f"/store/{entry['id']}/license").text == "Free."
    assert client.get(f"/store/{entry['id']}/preview").status_code == 404
    headers = {"Idempotency-Key": "k" * 16}
    one, again = (client.post(f"/store/{entry['id']}/import", json={"name": "mine"}, headers=headers).json()
                  for _ in range(2))
    assert one["id"] == again["id"] and (one["kind"], one["name"]) == ("pretrained", "mine")
    assert done(space, space.store.get(one["id"])).status is Status.DONE
    assert client.post("/store/0000000000000000/import", json={}).json()["error"]["message"].startswith(
        "Unable to find requested model")


def test_a_model_is_published_pinned_and_taken_away(client, space):
    model = make_model(space.store)
    asked = {"options": {"publish_as": "Zahlen"}}
    assert client.post(f"/models/{model.id}/publish", json={}).json()["errors"].keys() == {"name", "publish_as"}
    job = client.post(f"/models/{model.id}/publish", json=asked).json()
    assert done(space, space.store.get(job["id"])).status is Status.DONE
    assert client.get(f"/publications/{job['id']}/gate").json() == {"rows": []}
    [found] = client.get("/published").json()["published"]
    assert (found["name"], found["versions"][0]["number"], found["can_pin"]) == ("zahlen", 1, True)
    image = {"images": ("a.png", picture())}
    [pin] = client.post("/published/zahlen/pins", files=image, data={"label": "eins"}).json()["pictures"]
    assert client.get(f"/published/zahlen/pins/{pin['id']}").headers["content-type"] == "image/png"
    assert client.get("/published/zahlen/pins").json()["pictures"] == [pin]
    assert client.post("/published/zahlen/slices", json={"dataset": "x"}).json()["errors"].keys() == {"dataset"}
    assert client.delete(f"/published/zahlen/pins/{pin['id']}").status_code == 200
    assert client.delete("/published/zahlen/versions/1").status_code == 200
    assert client.get("/published").json() == {"published": []}
    made = client.post(f"/models/{model.id}/pretrained", json={"checkpoint": "1"}).json()
    assert made["options"]["checkpoint_file"] == "epoch_0001.000.safetensors"


def test_our_store_is_served_as_plain_files_that_another_server_can_list(space, tmp_path):
    shutil.copytree(space.settings.model_stores[0], space.settings.team_folder)
    with TestClient(Starlette(routes=[store_route(space)]), base_url="http://localhost") as client:
        assert client.get("/store/master.json").json()["children"] == ["zahlen-v1"]
        info = client.get("/store/zahlen-v1/info.json").json()
        name = "weights.safetensors"
        got = client.get(f"/store/zahlen-v1/{name}", headers={"Range": "bytes=10-19"})
        whole = (space.settings.team_folder / "zahlen-v1" / name).read_bytes()
        assert (got.status_code, got.content) == (206, whole[10:20])
        assert set(info["files"]) >= {name}
        for path in ("/store/", "/store/.lock", "/store/.models/zahlen/about.json", "/store/%2e%2e/x", "/store/x-v1/a"):
            assert client.get(path).status_code == 404
        assert client.post("/store/master.json").status_code == 405


def test_a_damaged_list_of_a_store_is_as_good_as_none(client, space):
    client.post("/store/refresh")
    [path] = (space.settings.jobs_dir / ".stores").glob("*/list.json")
    for content in ({"entries": 3}, {"entries": [{"x": 1}]}, {"read": "x"}, {"entries": [3]}):
        files.write_atomic(path, content)
        assert client.get("/store").status_code == 200
    assert isinstance(space.store, JobStore)
