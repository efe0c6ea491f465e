"""The team's own store: versions appear whole, pins keep worse ones out, and nothing is passed by in silence."""

import json

import numpy as np
import pytest

from digits_core import files
from digits_core.data.pictures import to_png
from digits_core.data.records import Record, RecordWriter, pack_record
from digits_core.errors import BadData, InvalidOptions, NotAllowed, NotFound
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.model import Job, Kind, Status
from digits_core.modelstore.pins import Pins
from digits_core.modelstore.team import TeamStore, slug
from digits_core.services import inference, pins, store, team
from tests.faults.folders import end
from tests.infer.model_folders import make_model, picture
from tests.modelstore.stores import done, publish, published, tree

IMAGES = [(f"{n}.png", picture(n)) for n in range(4)]


@pytest.fixture(scope="module")
def good(shared):
    return make_model(shared.store, seed=3, name="good")


@pytest.fixture(scope="module")
def bad(shared):
    return make_model(shared.store, seed=77, name="bad")


def said(space, model):
    return [row["predictions"][0]["label"] for row in inference.classify(space, "", model.id, IMAGES)]


def pin_all(space, model):
    """Pin what a model says, as the truth."""
    for image, label in zip(IMAGES, said(space, model), strict=True):
        pins.pin_pictures(space, "ann", "zahlen", [image], label)


def test_versions_are_counted_and_laid_out_as_a_catalogue(space, good):
    assert [published(space, good), published(space, good, note="better")] == [1, 2]
    assert space.store.dependents(good.id) == []  # each version is a copy
    [model] = team.published(space)
    assert (model["name"], model["owner"], [one["number"] for one in model["versions"]]) == ("zahlen", "ann", [2, 1])
    root = space.settings.team_folder
    assert files.read_json(root / "master.json")["children"] == ["zahlen-v2", "zahlen-v1"]
    info = files.read_json(root / "zahlen-v2" / "info.json")
    assert {"id", "job id", "name", "status", "framework", "image dimensions", "image resize mode", "mean file",
            "snapshot file", "labels file", "model file", "digits version"} <= info.keys()
    assert {name for name in info["files"]} <= set(tree(root / "zahlen-v2"))
    ModelFolder.read(root / "zahlen-v2")
    assert sorted(path.name for path in root.iterdir()) == ["master.json", "zahlen-v1", "zahlen-v2"]
    assert sorted(path.name for path in root.parent.iterdir()) == [".lock", ".models", "public"]


def test_a_worse_model_is_refused_with_what_it_gets_wrong_and_the_store_stays_as_it_was(space, good, bad):
    published(space, good)
    pin_all(space, good)
    before = tree(space.settings.team_folder)
    view = publish(space, bad, user="bob")
    assert view.status is Status.FAILED
    wrong = [row for row in team.gate(space, view.id) if not row["right"]]
    assert wrong and f"{len(wrong)} of 4 pins wrong" in view.state.reason and wrong[0]["why"] in view.state.reason
    assert wrong[0]["said"] != [wrong[0]["pin"]["label"]]
    assert tree(space.settings.team_folder) == before
    assert published(space, good) == 2


def test_what_is_published_anyway_says_why_for_ever(space, good, bad):
    published(space, good)
    pin_all(space, good)
    assert published(space, bad, anyway="The customer wants it today.") == 2
    [model] = team.published(space)
    gate = model["versions"][0]["gate"]
    assert gate["anyway"] == "The customer wants it today." and gate["pins"] == 4 and gate["wrong"]
    assert model["versions"][1]["gate"] == {"pins": 0, "wrong": [], "anyway": ""}
    assert published(space, good, anyway="Just in case.") == 3
    assert team.published(space)[0]["versions"][0]["gate"]["anyway"] == ""


@pytest.fixture(scope="module")
def dataset(shared, good):
    """A dataset whose labels are what the good model says: all "zwei" are right, of "eins" none."""
    workspace = shared
    job = Job(workspace.store.new_id(), Kind.DATASET, "classification", "Proben", "ann", 1.7e9, {})
    folder = workspace.store.submit(job).path
    labels = list(ModelFolder.read(good.folder.path).labels)
    truth = said(workspace, good)
    pixels = [ModelFolder.read(good.folder.path).shown(data, name).convert("L") for name, data in IMAGES]
    with RecordWriter(folder / "val.lmdb") as writer:
        for number, (image, label) in enumerate(zip(pixels, truth, strict=True)):
            array = np.asarray(image)[None]
            writer.put(pack_record(Record(labels.index(label), f"{number}.png", to_png(array), "png", array.shape)))
    counts = [truth.count(label) for label in labels]
    files.write_atomic(folder / "manifest.json", {
        "v": 1, "complete": True, "task": "classification", "shape": [1, 20, 20], "channels": "gray", "labels": labels,
        "encoding": "png", "resize_mode": "squash", "splits": {"val": {"entries": 4, "per_class": counts}}})
    end(folder, {"classes": 10})
    return workspace.store.get(job.id)


def test_a_class_of_a_dataset_must_stay_as_good_as_it_is_pinned(space, good, bad, dataset):
    published(space, good)
    pins.pin_slice(space, "ann", "zahlen", dataset.id, "val", "", 1.0)
    pins.pin_slice(space, "ann", "zahlen", dataset.id, "val", said(space, good)[0], 0.5)
    assert published(space, good) == 2
    view = publish(space, bad)
    rows = team.gate(space, view.id)
    assert view.status is Status.FAILED and not rows[0]["right"] and rows[0]["said"] < 1
    assert "every class in val of Proben" in view.state.reason
    assert rows[0]["wrong"][0]["source"].startswith(f"record:{dataset.id}/val/")


def test_a_dataset_that_is_gone_is_no_reason_to_pass(space, good, dataset):
    published(space, good)
    pin = Pins(team.team_store(space), "zahlen").add_slice("20200101-000000-abcd", "gone", "val", "", 0.5, "ann")
    view = publish(space, good)
    assert view.status is Status.FAILED and "no pictures in its split" in view.state.reason
    pins.unpin(space, "ann", "zahlen", pin["id"])
    assert published(space, good) == 2


@pytest.mark.parametrize(("label", "image", "field"), [
    ("hund", IMAGES[0], "label"), ("eins", ("x.png", b"no picture"), "images")])
def test_what_cannot_be_pinned_is_said_at_its_field(space, good, label, image, field):
    published(space, good)
    with pytest.raises(InvalidOptions) as caught:
        pins.pin_pictures(space, "ann", "zahlen", [image], label)
    assert list(caught.value.by_field()) == [field]
    assert pins.pins(space, "zahlen") == {"pictures": [], "slices": []}


@pytest.mark.parametrize("changes", [{"dataset": "20200101-000000-abcd"}, {"split": "test"}, {"label": "hund"},
                                     {"at_least": 0.0}, {"at_least": 1.5}])
def test_a_class_that_cannot_be_pinned_is_said_at_its_field(space, good, dataset, changes):
    published(space, good)
    with pytest.raises(InvalidOptions) as caught:
        pins.pin_slice(space, "ann", "zahlen", **{"dataset": dataset.id, **changes})
    assert list(caught.value.by_field()) == list(changes)


def test_answers_without_labels_cannot_be_pinned(space, good):
    published(space, good)
    path = space.settings.team_folder / "zahlen-v1" / "info.json"
    files.write_atomic(path, {**files.read_json(path), "task": "generation"})
    with pytest.raises(BadData, match="none of its answers is right or wrong"):
        pins.pin_pictures(space, "ann", "zahlen", IMAGES, "eins")
    with pytest.raises(InvalidOptions, match="published model of the task generation"):
        team.publish(space, "ann", good.id, {"publish_as": "Zahlen"})


def test_only_who_published_takes_away_and_numbers_are_not_used_again(space, good):
    published(space, good)
    published(space, good)
    with pytest.raises(NotAllowed):
        team.unpublish(space, "bob", "zahlen", 2)
    team.unpublish(space, "ann", "zahlen", 2)
    assert files.read_json(space.settings.team_folder / "master.json")["children"] == ["zahlen-v1"]
    assert published(space, good) == 3
    with pytest.raises(NotFound):
        team.unpublish(space, "ann", "zahlen", 2)


def test_pins_are_removed_by_who_made_them_or_published_first(space, good):
    published(space, good)
    [first] = pins.pin_pictures(space, "bob", "zahlen", IMAGES[:1], "eins")
    [second] = pins.pin_pictures(space, "bob", "zahlen", IMAGES[1:2], "eins")
    with pytest.raises(NotAllowed):
        pins.unpin(space, "eve", "zahlen", first["id"])
    assert pins.pinned_picture(space, "zahlen", first["id"]).startswith(b"\x89PNG")
    pins.unpin(space, "bob", "zahlen", first["id"])
    pins.unpin(space, "ann", "zahlen", second["id"])
    assert tree(space.settings.team_folder.parent / ".models" / "zahlen" / "pins") == {}


def test_a_publishing_that_is_done_again_makes_no_second_version(space, good):
    view = publish(space, good)
    place = team.team_store(space)
    info = place.newest("zahlen").info
    with place.new() as hidden:
        assert place.publish(hidden, "zahlen", {**info, "publication": view.id}, "ann") == 1
    assert len(place.versions()) == 1


def test_what_killed_writers_left_is_no_version(space, good):
    published(space, good)
    root = space.settings.team_folder
    (root / ".new-1-abcd").mkdir()
    (root / "zahlen-v7").mkdir()
    (root / "zahlen-v8").mkdir()
    (root / "zahlen-v8" / "info.json").write_text("{torn")
    assert [version.number for version in TeamStore(root).versions()] == [1]


def test_a_store_of_before_is_parted_into_what_is_public_and_what_is_not(space, good):
    published(space, good)
    [pin] = pins.pin_pictures(space, "ann", "zahlen", IMAGES[:1], "eins")
    root = space.settings.team_folder
    for path in list(root.iterdir()):
        path.rename(root.parent / path.name)
    root.rmdir()
    [model] = team.published(space)
    assert [one["number"] for one in model["versions"]] == [1] and model["owner"] == "ann"
    assert pins.pinned_picture(space, "zahlen", pin["id"]).startswith(b"\x89PNG")
    assert sorted(path.name for path in root.iterdir()) == ["master.json", "zahlen-v1"]


@pytest.mark.parametrize("path", ["", ".lock", ".models/zahlen/about.json", "../jobs", "zahlen-v1", "zahlen-v1/",
                                  "zahlen-v1/../master.json", "zahlen-v1/.x", "/etc/passwd", "zahlen-v1//etc/passwd",
                                  "zahlen-v2/info.json", "master.json/x"])
def test_only_files_of_versions_are_served(space, good, path):
    published(space, good)
    with pytest.raises(NotFound):
        team.served(space, path)
    assert json.loads(team.served(space, "master.json").read_text())["children"] == ["zahlen-v1"]
    assert team.served(space, "zahlen-v1/weights.safetensors").stat().st_mode & 0o044


def test_a_published_model_is_imported_from_our_own_store_too(space, good):
    published(space, good, license_text="Free.")
    [model] = team.published(space)
    entry = model["versions"][0]
    assert store.license_text(space, entry["id"]) == "Free."
    view = done(space, store.import_entry(space, "bob", entry["id"]))
    assert view.status is Status.DONE, view.state.reason
    assert team.published(space)[0]["versions"][0]["job"] == view.id


@pytest.mark.parametrize(("name", "wanted"), [
    ("LeNet on MNIST", "lenet-on-mnist"), ("Größe 3!", "grosse-3"), ("../x", "x"), ("___", ""), ("", "")])
def test_names_become_parts_of_addresses(name, wanted):
    assert slug(name) == wanted
