"""Model stores: published, served by a real web server, listed and imported; a hostile one changes nothing."""

import subprocess
import sys

import pytest

from digits_core import files
from digits_core.infer import client
from digits_core.jobs.model import Status
from digits_core.services import inference, store, team
from digits_core.services.workspace import Workspace
from tests.infer.model_folders import make_model, picture
from tests.infer.sharing import shared_workspace
from tests.ticking import ticking

IMAGES = [(f"{n}.png", picture(n)) for n in range(6)]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Where models are trained and published."""
    yield from shared_workspace(tmp_path_factory.mktemp("home"))


@pytest.fixture
def visible(monkeypatch):
    """The settings of a workspace as a worker will read them."""
    def see(workspace):
        monkeypatch.setenv("DIGITS_JOBS_DIR", str(workspace.settings.jobs_dir))
        monkeypatch.setenv("DIGITS_MODEL_STORE_URL", workspace.settings.model_store_url)
        monkeypatch.setenv("DIGITS_INFERENCE_DEVICE", "cpu")
        return workspace
    return see


def done(workspace, view):
    for tick in ticking(workspace):
        view = tick(view)
    return view


def published(home, visible, model, **options):
    view = done(visible(home), team.publish(home, "ann", model.id, {"publish_as": "Zahlen", **options}))
    assert view.status is Status.DONE, view.state.reason
    return view


@pytest.fixture
def served():
    """``served(folder)``: the address of a real ``python -m http.server`` there."""
    started = []

    def serve(folder):
        server = subprocess.Popen([sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory",
                                   str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        started.append(server)
        return f"http://127.0.0.1:{server.stdout.readline().split('port ')[1].split()[0]}"

    yield serve
    for server in started:
        server.kill()
        server.wait()
        server.stdout.close()


def elsewhere(tmp_path, address):
    settings = shared_settings(tmp_path).model_copy(update={"model_store_url": address})
    return Workspace.open(settings)


def shared_settings(tmp_path):
    return next(shared_workspace(tmp_path / "elsewhere")).settings


@pytest.mark.parametrize("listing", [False, True])
def test_a_published_model_served_by_any_web_server_predicts_the_same_elsewhere(home, visible, served, tmp_path,
                                                                                listing):
    model = make_model(home.store, seed=3, name="Zahlen 3")
    published(home, visible, model, note="Reads **digits**.", license="MIT", license_text="Do as you like.")
    folder = home.settings.team_folder
    if listing:
        (folder / "master.json").unlink()
    there = visible(elsewhere(tmp_path, served(folder)))
    assert [one["state"] for one in store.stores(there)] == ["unread"]
    store.refresh(there)
    [shop] = store.stores(there)
    entry = shop["models"][-1]
    assert (shop["state"], entry["name"], entry["note"]) == ("ready", "Zahlen", "Reads **digits**.")
    assert (entry["license"], entry["verified"], entry["version"]) == ("MIT", True, entry["version"])
    assert store.license_text(there, entry["id"]) == "Do as you like."
    view = done(there, store.import_entry(there, "bob", entry["id"]))
    assert view.status is Status.DONE, view.state.reason
    before = inference.classify(home, "", model.id, IMAGES, top=10)
    after = inference.classify(there, "", view.id, IMAGES, top=10)
    assert [row["predictions"] for row in before] == [row["predictions"] for row in after]
    assert (files.read_json(view.folder.path / "origin.json") or {})["verified"] is True
    client.stop(there.settings)


