"""Model stores: served by a real web server, listed and imported whole; a hostile one changes nothing on disk."""

import json
import shutil
import time
import zipfile

import pytest

from digits_core import files
from digits_core.errors import BadData, NotAllowed, NotFound
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.predictor import Predictor
from digits_core.jobs.model import Status
from digits_core.modelstore.shelves import FRESH_S, Shelves
from digits_core.services import modelstore, store
from digits_core.services.models import find_checkpoint
from tests.data import webserver
from tests.data.webserver import serving
from tests.infer.model_folders import make_model, picture
from tests.modelstore import caffe_nets
from tests.modelstore.caffe_files import caffemodel, prototxt
from tests.modelstore.stores import done, http_server, listing, published, tree

IMAGES = [(f"{n}.png", picture(n)) for n in range(6)]
V1 = "zahlen-v1"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A jobs folder with one published model."""
    workspace = listing(tmp_path_factory.mktemp("home"))
    model = make_model(workspace.store, seed=3, name="Zahlen 3")
    published(workspace, model, note="Reads **digits**.", license="MIT", license_text="Do as you like.")
    return workspace


@pytest.fixture
def copied(home, tmp_path):
    """A copy of its store, to be spoiled."""
    shutil.copytree(home.settings.team_folder, tmp_path / "store")
    return tmp_path / "store"


def predictions(view):
    """Probabilities of each of the pictures."""
    model = ModelFolder.read(view.folder.path)
    predictor = Predictor(model, model.checkpoint(find_checkpoint(view)["file"]))
    return [array.tolist() for array in predictor.predict([model.prepare(data, name).pixels for name, data in IMAGES])]


def entries(workspace):
    store.refresh(workspace)
    return [model for shop in store.stores(workspace) for model in shop["models"]]


def answers(folder, **changed):
    """What a web server says that has the files of a folder; some of them changed (a None: not there)."""
    good = {f"/{path.relative_to(folder).as_posix()}": webserver.body(path.read_bytes())
            for path in folder.rglob("*") if path.is_file()}
    return {**good, **{f"/{V1}/{name.replace('__', '.')}": answer for name, answer in changed.items()}}


def test_a_store_on_any_web_server_is_imported_whole_and_predicts_the_same(home, tmp_path):
    with http_server(home.settings.team_folder) as address:
        there = listing(tmp_path, address)
        assert [shop["state"] for shop in store.stores(there)] == ["unread"]
        [entry] = entries(there)
        [shop] = store.stores(there)
        assert (shop["state"], shop["message"]) == ("ready", "Models of our team")
        assert (entry["name"], entry["note"], entry["license"], entry["version"]) == (
            "Zahlen", "Reads **digits**.", "MIT", 1)
        assert entry["verified"] and entry["metrics"]["accuracy"] == 0.5 and entry["bytes"] > 10_000
        assert store.license_text(there, entry["id"]) == "Do as you like."
        view = done(there, store.import_entry(there, "bob", entry["id"]))
    assert view.status is Status.DONE, view.state.reason
    [model] = [one.id for one in home.store.jobs() if one.name == "Zahlen 3"]
    assert predictions(home.store.get(model)) == predictions(view)
    origin = files.read_json(view.folder.path / "origin.json") or {}
    assert (origin["verified"], origin["license"], origin["published_version"]) == (True, "MIT", 1)
    assert not (view.folder.path / "upload").exists()
    [entry] = store.stores(there)[0]["models"]
    assert (entry["job"], entry["ready"]) == (view.id, True)


def test_without_master_json_the_page_that_lists_the_folder_is_read(copied, tmp_path):
    (copied / "master.json").unlink()
    (copied / "empty").mkdir()
    with http_server(copied) as address:
        [by_page] = entries(listing(tmp_path, address))
    [by_folder] = entries(listing(tmp_path / "other", f"file://{copied}"))
    assert by_page["name"] == by_folder["name"] == "Zahlen"


def test_ids_stay_the_same_whenever_the_list_is_read(copied, tmp_path):
    space = listing(tmp_path, str(copied))
    first, again = entries(space), entries(space)
    assert first[0]["id"] == again[0]["id"]
    assert entries(listing(tmp_path / "other", str(copied)))[0]["id"] == first[0]["id"]


def test_a_store_that_went_away_keeps_its_list_and_says_why_while_the_others_are_listed(copied, tmp_path):
    other = shutil.copytree(copied, tmp_path / "other-store")
    space = listing(tmp_path, str(copied), str(other))
    assert len(entries(space)) == 2
    shutil.rmtree(copied)
    store.refresh(space)
    gone, there = store.stores(space)
    assert (gone["state"], there["state"]) == ("unreachable", "ready")
    assert str(copied) in gone["reason"] and len(gone["models"]) == len(there["models"]) == 1
    view = done(space, store.import_entry(space, "bob", gone["models"][0]["id"]))
    assert view.status is Status.FAILED and "Resume goes on" in view.state.reason
    assert done(space, store.import_entry(space, "bob", there["models"][0]["id"])).status is Status.DONE


def test_lists_are_told_at_once_whatever_the_stores_do(tmp_path, copied):
    with serving({"/master.json": webserver.silent}) as (address, seen):
        space = listing(tmp_path, address, str(copied))
        start = time.monotonic()
        shops = store.stores(space)
        assert time.monotonic() - start < 1
        assert [shop["state"] for shop in shops] == ["unread", "unread"] and seen == []


def test_a_list_is_read_again_after_a_day(tmp_path, copied, until):
    space = listing(tmp_path, str(copied))
    assert store.wake(space)
    until(lambda: store.stores(space)[0]["state"] == "ready")
    assert not store.wake(space)
    shelves = Shelves(space.settings)
    path = shelves.folder(str(copied)) / "list.json"
    files.write_atomic(path, {**files.read_json(path), "read": time.time() - FRESH_S - 1})
    assert store.wake(space)
    until(lambda: shelves.shelf(str(copied)).read > time.time() - 60 and not shelves.is_being_read(str(copied)))


def test_an_unpacked_archive_is_a_model_of_a_store_with_all_its_checksums(home, tmp_path):
    [model] = [one.id for one in home.store.jobs() if one.name == "Zahlen 3"]
    path = modelstore.export_model(home, "ann", model)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "shop" / "zahlen")
    space = listing(tmp_path, str(tmp_path / "shop"))
    [entry] = entries(space)
    assert entry["verified"] and entry["name"] == "Zahlen 3"
    view = done(space, store.import_entry(space, "bob", entry["id"]))
    assert view.status is Status.DONE, view.state.reason
    assert predictions(home.store.get(model)) == predictions(view)


CAFFE = {"name": "LeNet", "framework": "caffe", "snapshot file": "s.caffemodel", "model file": "deploy.prototxt",
         "username": "NVIDIA", "image dimensions": [28, 28, 1]}


def old_store(folder, info):
    (folder / "lenet").mkdir(parents=True)
    files.write_atomic(folder / "master.json", {"msg": "Welcome", "children": ["lenet"]})
    files.write_atomic(folder / "lenet" / "info.json", info)
    return folder


def test_a_catalogue_of_digits_itself_is_read_and_marked_as_unverified(tmp_path):
    shop = old_store(tmp_path / "old", {**CAFFE, "labels file": "labels.txt"})
    files.write_atomic(shop / "lenet" / "aux.json", {"dataset": "MNIST", "license": "BSD", "logo": "none.png"})
    [entry] = entries(listing(tmp_path, str(shop)))
    assert (entry["contributor"], entry["dataset"], entry["license"]) == ("NVIDIA", "MNIST", "BSD")
    assert list(entry["files"]) == ["s.caffemodel", "deploy.prototxt", "labels.txt"]
    assert not entry["verified"] and not entry["problem"]


@pytest.mark.slow
def test_a_segmentation_of_caffe_in_a_store_becomes_one(tmp_path):
    definition = prototxt(caffe_nets.narrow(caffe_nets.FCN_ALEXNET, 16), (3, 50, 60))
    shop = old_store(tmp_path / "old", {**CAFFE, "name": "FCN", "image dimensions": [50, 60, 3]})
    (shop / "lenet" / "deploy.prototxt").write_text(definition)
    caffemodel(definition, shop / "lenet" / "s.caffemodel")
    space = listing(tmp_path, str(shop))
    [entry] = entries(space)
    view = done(space, store.import_entry(space, "bob", entry["id"]))
    assert (view.status, view.job.task) == (Status.DONE, "segmentation"), view.state.reason
    assert ModelFolder.read(view.folder.path).network.task == "segmentation"


@pytest.mark.parametrize(("named", "layers", "task"), [
    ("deploy file", 'type: "Deconvolution"', "segmentation"), ("network file", "type: CONVOLUTION", "segmentation"),
    ("model file", 'type: "Convolution" type: "InnerProduct"', "classification"), ("model file", None, "")])
def test_the_task_that_the_catalogue_of_digits_does_not_name_is_told_from_the_network(tmp_path, named, layers, task):
    shop = old_store(tmp_path / "old", {**CAFFE, "model file": "", named: "net.prototxt"})
    if layers:
        (shop / "lenet" / "net.prototxt").write_text(f"layer {{ {layers} }}")
    space = listing(tmp_path, str(shop))
    [entry] = entries(space)
    assert entry["task"] == task
    assert store.import_entry(space, "bob", entry["id"]).job.task == (task or "classification")


@pytest.mark.parametrize("info", [
    {**CAFFE, "snapshot file": "../../../etc/passwd"}, {**CAFFE, "model file": "/etc/passwd"},
    {**CAFFE, "labels file": ".."}, {**CAFFE, "mean file": "a\\b"}, {**CAFFE, "snapshot file": "x\n"},
    {**CAFFE, "snapshot file": ["a"]}, {**CAFFE, "snapshot file": "s?token=1"}, {**CAFFE, "snapshot file": ""},
    {**CAFFE, "files": {"../x": "0" * 64}}, {**CAFFE, "files": {"/x": "0" * 64}}, {**CAFFE, "files": {"x": "short"}},
    {**CAFFE, "files": {".hidden/x": "0" * 64}}, {**CAFFE, "files": ["x"]}, {**CAFFE, "files": {}}])
def test_an_info_json_that_names_other_places_is_listed_with_the_reason_and_not_imported(tmp_path, info):
    space = listing(tmp_path, str(old_store(tmp_path / "old", info)))
    [entry] = entries(space)
    assert "info.json" in entry["problem"] and entry["files"] == {}
    before = tree(tmp_path)
    with pytest.raises(BadData, match="cannot be imported"):
        store.import_entry(space, "bob", entry["id"])
    assert tree(tmp_path) == before


@pytest.mark.parametrize("master", [
    b"", b"no json", b"[]", b"{}", b'{"children": "lenet"}', b'{"children": ' + b"[" * 5000, b"\xff" * 100,
    b'{"msg": 1e999, "children": []}', b" " * 2_000_000])
def test_a_master_json_that_is_none_makes_the_store_unreachable_and_nothing_else(tmp_path, master):
    with serving({"/master.json": webserver.body(master)}) as (address, seen):
        space = listing(tmp_path, address)
        before = tree(tmp_path, "jobs/.stores")
        store.refresh(space)
        assert store.stores(space)[0]["state"] == "unreachable" and seen == ["/master.json"]
        assert tree(tmp_path, "jobs/.stores") == before
        assert sum(map(len, tree(space.settings.jobs_dir / ".stores").values())) < 2000


def test_children_that_lead_elsewhere_are_not_asked_for(tmp_path):
    children = ["..", "../x", "/etc", "a/b", ".git", "http://127.0.0.1/x", 7, None, "x" * 400, "fine", "fine/"]
    master = webserver.body(json.dumps({"children": children}).encode())
    with serving({"/master.json": master, "/fine/info.json": webserver.body(json.dumps(CAFFE).encode())}) as (
            address, seen):
        assert [entry["folder"] for entry in entries(listing(tmp_path, address))] == ["fine"]
        assert {path.split("/")[1] for path in seen} == {"master.json", "fine"}


def elsewhere(handler):
    webserver.status(302, f"http://localhost:{handler.server.server_address[1]}/secret")(handler)


def next_door(handler):
    webserver.status(302, f"http://127.0.0.1:{handler.server.server_address[1] + 1}/secret")(handler)


HOSTILE = {
    "wrong": (webserver.body(b"something else"), "is not the file that the store listed"),
    "endless": (webserver.endless, "larger than"),
    "cut off": (webserver.pieces(bytes(50_000), 10_000, ranges=False), "broke off"),
    "gone": (webserver.status(404), "404"),
    "a page": (webserver.body(b"<html>Please log in</html>"), "is not the file"),
    "to a private address": (elsewhere, "private or local network address"),
    "to another port": (next_door, "private or local network address"),
    "in circles": (lambda handler: webserver.status(302, handler.path)(handler), "redirects more than"),
    "packed": (webserver.body(b"x", Content_Encoding="gzip"), "compressed"),
}


@pytest.mark.parametrize("trick", HOSTILE)
def test_a_hostile_store_installs_nothing_and_changes_nothing(copied, tmp_path, trick):
    answer, words = HOSTILE[trick]
    with serving(answers(copied)) as (address, seen):
        space = listing(tmp_path, address)
        [entry] = entries(space)
    with serving({**answers(copied, weights__safetensors=answer), "/secret": webserver.body(b"secret")}) as (
            other, seen):
        entry = moved(space, address, other)
        before = tree(tmp_path)
        view = done(listing(tmp_path, other), store.import_entry(listing(tmp_path, other), "bob", entry))
        assert view.status is Status.FAILED and words in view.state.reason, view.state.reason
        assert "/secret" not in seen
        assert "Resume" not in view.state.reason or trick not in ("wrong", "endless", "to a private address")
    assert tree(tmp_path, f"jobs/{view.id}", "jobs/.locks", "jobs/digits.log") == {
        name: content for name, content in before.items() if not name.startswith(("jobs/.locks", "jobs/digits.log"))}
    left = set(tree(view.folder.path))
    assert not [name for name in left if name.split("/")[0] in ("checkpoints", "network.json", ".unpacked")]
    assert not [name for name in left if name.endswith("weights.safetensors")]
    with pytest.raises(NotFound):
        find_checkpoint(view)


def moved(space, address, other):
    """The id of the model, when the store has moved to another port with the list it had."""
    shelves = Shelves(space.settings)
    content = (shelves.folder(address) / "list.json").read_text().replace(address, other)
    shelves.folder(other).mkdir()
    files.write_atomic(shelves.folder(other) / "list.json", content)
    return shelves.shelf(other).entries[0].id


def test_an_import_that_broke_off_goes_on_where_it_was(copied, tmp_path):
    weights = (copied / V1 / "weights.safetensors").read_bytes()
    piece = webserver.pieces(weights, len(weights) // 3 + 1)
    with serving(answers(copied, weights__safetensors=webserver.in_turn(*[piece] * 3))) as (address, seen):
        space = listing(tmp_path, address)
        [entry] = entries(space)
        view = done(space, store.import_entry(space, "bob", entry["id"]))
        assert view.status is Status.DONE, view.state.reason
        assert seen.count(f"/{V1}/weights.safetensors") == 3


def test_links_in_a_folder_store_do_not_lead_out_of_it(copied, tmp_path):
    space = listing(tmp_path, str(copied))
    [entry] = entries(space)
    secret = tmp_path / "secret"
    shutil.copy(copied / V1 / "weights.safetensors", secret)
    (copied / V1 / "weights.safetensors").unlink()
    (copied / V1 / "weights.safetensors").symlink_to(secret)
    view = done(space, store.import_entry(space, "bob", entry["id"]))
    assert view.status is Status.FAILED and "leads out of its folder" in view.state.reason
    secret.replace(copied / V1 / "weights.safetensors")
    assert done(space, store.import_entry(space, "bob", entry["id"])).status is Status.DONE


def test_a_store_that_is_not_configured_any_more_is_not_asked(copied, tmp_path):
    space = listing(tmp_path, str(copied))
    [entry] = entries(space)
    view = store.import_entry(space, "bob", entry["id"])
    assert "no model store of this server" in done(listing(tmp_path), view).state.reason
    with pytest.raises(NotFound, match="Unable to find requested model"):
        store.find(listing(tmp_path), entry["id"])
    with pytest.raises(NotAllowed):
        store.import_entry(space, "", entry["id"])


def test_a_checkpoint_becomes_a_pretrained_model_that_outlives_its_training(home, tmp_path):
    space = listing(tmp_path)
    model = make_model(space.store, seed=5)
    view = done(space, modelstore.make_pretrained(space, "bob", model.id, "1", "kept"))
    assert view.status is Status.DONE, view.state.reason
    assert find_checkpoint(view)["sha256"] == find_checkpoint(model, "1")["sha256"]
    assert view.job.needs == () and (view.name, view.job.owner) == ("kept", "bob")
    space.store.move_to_trash(model.id)
    again = modelstore.make_pretrained(space, "bob", view.id)
    assert done(space, again).status is Status.DONE
