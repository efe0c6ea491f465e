"""What pages do: forms make jobs, rows are stopped, deleted, grouped and brought back, clones start filled in."""

import pytest

from digits_core import files
from digits_core.errors import NotFound
from digits_core.jobs.model import Kind, Status
from tests.faults.folders import picture
from tests.pages.conftest import words


@pytest.fixture
def class_folders(tmp_path):
    """Two classes of four pictures."""
    for name in ("cat", "dog"):
        for number in range(4):
            path = tmp_path / "pets" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture())
    return tmp_path / "pets"


def key(app, ending):
    """The full key of the one widget whose key ends so."""
    found = [element.key for kind in ("button", "text_input", "number_input", "selectbox", "text_area", "toggle")
             for element in getattr(app, kind) if element.key and element.key.endswith(ending)]
    assert len(found) == 1, (ending, found)
    return found[0]


def fill(app, **values):
    for name, value in values.items():
        place = key(app, f".{name}")
        kind = next(kind for kind in ("text_input", "number_input", "selectbox", "toggle")
                    if any(element.key == place for element in getattr(app, kind)))
        getattr(app, kind)(key=place).set_value(value)
    return app.run()


def test_the_dataset_form_says_what_will_come_out_and_makes_the_job(visit, class_folders, store):
    app = visit("datasets.py", new="classification")
    app = fill(app, name="pets", folder=str(class_folders), width=8, height=8)
    assert "Pictures 8" in words(app)
    assert "Classes 2" in words(app)
    app.button(key=key(app, ".create")).click().run()
    (view,) = store.jobs(Kind.DATASET)
    assert (view.name, view.job.owner, view.status) == ("pets", "tester", Status.WAITING)
    assert view.job.options["folder"] == str(class_folders)
    assert (view.job.options["width"], view.job.options["channels"]) == (8, "color")


def test_all_problems_of_a_form_stand_at_their_fields_and_together(visit, store):
    app = visit("datasets.py", new="classification")
    app = fill(app, folder="/no/such/folder", val_percent=80.0, test_percent=50.0)
    app.button(key=key(app, ".create")).click().run()
    assert not store.ids()
    assert "must leave pictures to train on" in app.error[0].value
    assert "/no/such/folder" in app.error[0].value.replace("\\", "")
    at_fields = [element.value for element in app.markdown if element.value.startswith(":red[")]
    assert len(at_fields) >= 2
    app = fill(app, val_percent=25.0, test_percent=0.0)
    assert len([element for element in app.markdown if element.value.startswith(":red[")]) == len(at_fields) - 1


def test_the_model_form_makes_a_job_that_waits_for_its_dataset(visit, finished_job, store):
    dataset = finished_job("dataset", name="pets")
    app = visit("models.py", new="classification")
    app = fill(app, name="first", epochs=3, solver="adam", learning_rate=0.001)
    app.button(key=key(app, ".network.resnet18")).click().run()
    app.button(key=key(app, ".create")).click().run()
    (view,) = store.jobs(Kind.MODEL)
    wanted = {"network": "resnet18", "epochs": 3, "solver": "adam", "learning_rate": 0.001, "dataset": dataset.id}
    assert {name: view.job.options[name] for name in wanted} == wanted
    assert view.job.needs == (dataset.id,)
    assert view.job.options["seed"] is not None


def test_another_policy_brings_its_usual_gamma(visit, finished_job):
    finished_job("dataset")
    app = visit("models.py", new="classification")
    app = fill(app, lr_policy="exp")
    assert app.number_input(key=key(app, ".lr_gamma")).value == 0.95
    app = fill(app, lr_policy="poly")
    assert app.number_input(key=key(app, ".lr_power")).value == 3.0


def test_a_clone_starts_with_the_values_of_its_job(visit, finished_job, store):
    model = finished_job("model", name="net", group="rates", options={"epochs": 7, "learning_rate": 0.25,
                                                                     "solver": "nesterov"})
    app = visit("models.py", clone=model.id)
    app.button(key=key(app, ".create")).click().run()
    copy = next(view for view in store.jobs(Kind.MODEL) if view.id != model.id)
    assert (copy.name, copy.group) == ("net", "rates")
    for name in ("epochs", "learning_rate", "solver", "dataset", "network"):
        assert copy.job.options[name] == model.job.options[name]


def test_a_clone_of_a_dataset_starts_with_its_folder(visit, finished_job):
    view = finished_job("dataset", options={"folder": "/data/pets", "width": 17})
    app = visit("datasets.py", clone=view.id)
    assert app.text_input(key=key(app, ".folder")).value == "/data/pets"
    assert app.number_input(key=key(app, ".width")).value == 17


def test_a_clone_of_nonsense_uses_defaults_where_it_must(visit, finished_job):
    view = finished_job("model", options={"epochs": "many", "learning_rate": -5, "solver": "magic", "lr_steps": 3,
                                          "gpu_list": "x", "network": 7, "start_model": ["a"]})
    assert visit("models.py", clone=view.id).title


def test_a_clone_of_a_job_that_is_gone_is_explained(visit):
    assert "There is no job" in words(visit("models.py", clone="20261120-101500-3f9a"))


def test_training_on_from_a_checkpoint_fills_in_the_start(visit, finished_job):
    model = finished_job("model", name="net")
    app = visit("models.py", start=model.id, checkpoint="1")
    assert app.selectbox(key=key(app, ".start_model.model")).value == model.id
    assert app.selectbox(key=key(app, f".start_checkpoint.{model.id}")).value == "1"


def test_without_a_name_nothing_is_made_and_the_page_says_so(visit, finished_job, store):
    finished_job("dataset")
    app = fill(visit("models.py", user="", new="classification"), name="x")
    app.button(key=key(app, ".create")).click().run()
    assert not [view for view in store.jobs(Kind.MODEL)]
    assert "Choose your name first" in words(app)


def test_a_name_is_chosen_checked_and_forgotten(visit):
    app = visit(user="")
    app.text_input(key="who.text").set_value("No Name!")
    next(button for button in app.button if button.label == "Use this name").click().run()
    assert "starts with a small letter" in words(app)
    app.text_input(key="who.text").set_value("fred")
    next(button for button in app.button if button.label == "Use this name").click().run()
    assert app.session_state["who.name"] == "fred"
    app.button(key="who.out").click().run()
    assert app.session_state["who.name"] == ""


def select(app, place, *rows):
    """Select rows of a table, as a click on their boxes does."""
    app.session_state[place] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return app.run()


def test_selected_jobs_are_deleted_together_and_brought_back(visit, finished_job, store):
    models = [finished_job("model", name=f"net {i}") for i in range(2)]
    app = select(visit("home.py", tab="Models", group="false"), "home.Models.0", 0, 1)
    app.button(key="bulk.delete").click().run()
    assert "net 0" in words(app)
    app.button(key="bulk.delete.yes").click().run()
    assert not store.jobs(Kind.MODEL)
    app.button(key="bulk.undo.do").click().run()
    assert {view.id for view in store.jobs(Kind.MODEL)} == {view.id for view in models}


def test_what_others_need_or_own_stays_and_the_page_says_why(visit, finished_job, store):
    model = finished_job("model", name="net")
    other = finished_job("dataset", name="hers", owner="anna")
    app = select(visit("home.py", tab="Datasets", group="false"), "home.Datasets.0", 0, 1)
    app.button(key="bulk.delete").click().run()
    app.button(key="bulk.delete.yes").click().run()
    assert {other.id, *model.job.needs} <= set(store.ids())
    said = words(app)
    assert "belongs to anna" in said
    assert "it is needed by 'net'" in said


def test_a_selection_is_inverted_and_taken_back(visit, finished_job):
    for number in range(3):
        finished_job("model", name=f"net {number}")
    app = select(visit("home.py", tab="Models", group="false"), "home.Models.0", 1)
    app.button(key="jobs.invert").click().run()
    assert app.session_state["home.Models.0"]["selection"]["rows"] == [0, 2]
    assert "**2 jobs** selected" in words(app)
    app.button(key="bulk.none").click().run()
    assert "selected" not in words(app)
    app.button(key="jobs.invert").click().run()
    assert "**3 jobs** selected" in words(app)


def test_selected_jobs_are_grouped(visit, finished_job, store):
    view = finished_job("model", name="net")
    app = select(visit("home.py", tab="Models", group="false"), "home.Models.0", 0)
    app.button(key="bulk.group").click().run()
    app.text_input(key="bulk.group.name").set_value("rates")
    app.button(key="bulk.group.yes").click().run()
    assert store.get(view.id).group == "rates"


def test_selected_jobs_are_stopped(visit, fake_job, store):
    view = fake_job(kind="model", name="waits")
    app = select(visit("home.py", tab="Models", group="false"), "home.Models.0", 0)
    app.button(key="bulk.stop").click().run()
    assert store.get(view.id).status is Status.STOPPED


def test_the_filter_finds_words_in_name_owner_and_state(visit, finished_job):
    finished_job("dataset", name="pets")
    finished_job("dataset", name="flowers", owner="anna")
    for filter_text, names in (("pet", ["pets"]), ("anna done", ["flowers"]), ("zebra", [])):
        app = visit("datasets.py", filter=filter_text)
        shown = [name for frame in app.dataframe for name in frame.value["name"]]
        assert shown == names


def test_a_job_is_renamed_regrouped_and_noted_in_place(visit, finished_job, store):
    view = finished_job("model", name="net")
    app = visit("job.py", id=view.id, tab="Notes")
    app.text_input(key=f"job.name.{view.id}").set_value("better net")
    app.text_input(key=f"job.group.{view.id}").set_value("rates")
    next(button for button in app.button if button.label == "Save").click().run()
    app.text_area(key=f"job.notes.{view.id}").set_value("half the rate, same result")
    app.button(key="job.notes.save").click().run()
    now = store.get(view.id)
    assert (now.name, now.group, now.notes["notes"]) == ("better net", "rates", "half the rate, same result")


def test_a_blank_name_is_refused(visit, finished_job, store):
    view = finished_job("model", name="net")
    app = visit("job.py", id=view.id)
    app.text_input(key=f"job.name.{view.id}").set_value("   ")
    next(button for button in app.button if button.label == "Save").click().run()
    assert "A name is required" in words(app)
    assert store.get(view.id).name == "net"


def test_a_stopped_job_is_resumed_from_its_page(visit, fake_job, store):
    view = fake_job(kind="model", name="waits")
    app = visit("job.py", id=view.id)
    app.button(key="job.stop").click().run()
    assert store.get(view.id).status is Status.STOPPED
    app.button(key="job.resume").click().run()
    assert store.get(view.id).status is Status.WAITING


def test_a_deleted_job_says_its_size_and_goes_to_the_trash(visit, finished_job, store):
    view = finished_job("model")
    app = visit("job.py", id=view.id)
    app.button(key="job.delete").click().run()
    button = app.button(key="job.delete.yes")
    assert "B)" in button.label
    button.click().run()
    with pytest.raises(NotFound):
        store.get(view.id)
    assert [trashed.id for trashed in store.trashed()] == [view.id]


def test_the_trash_gives_back_and_empties(visit, finished_job, store):
    first, second = finished_job("dataset", name="one"), finished_job("dataset", name="two")
    for view in (first, second):
        store.move_to_trash(view.id)
    app = visit("system.py", tab="Trash")
    app.button(key=f"trash.restore.{first.id}").click().run()
    assert store.get(first.id).name == "one"
    app.button(key=f"trash.purge.{second.id}").click().run()
    app.button(key="trash.purge.yes").click().run()
    assert not store.trashed()


def test_the_queue_shows_reasons_and_moves_jobs(visit, fake_job, store):
    jobs = [fake_job(kind="model", name=f"net {i}") for i in range(3)]
    app = visit("system.py")
    last = sorted(jobs, key=lambda view: view.job.created)[-1]
    app.button(key=f"queue.up.{last.id}").click().run()
    assert store.get(last.id).notes["priority"] == 1


def test_the_first_visit_offers_the_demo_and_starts_it_once(visit, store, fake_workers):
    app = visit("home.py")
    app.button(key="home.demo").click().run(timeout=60)
    kinds = sorted(str(view.job.kind) for view in store.jobs())
    assert kinds == ["dataset", "model"]
    from digits_core.services.demo import start_demo
    from digits_core.services.workspace import Workspace
    from digits_core.settings import Settings

    start_demo(Workspace.open(Settings(jobs_dir=store.root)))
    assert len(store.jobs()) == 2


def test_a_batch_is_made_from_a_folder(visit, finished_job, class_folders, store):
    model = finished_job("model", name="net")
    app = visit("inference.py", mode="Many pictures", model=model.id)
    app.button(key=key(app, ".create")).click().run()
    assert "A name is required" in words(app) and "folder: This field is required" in words(app)
    app = fill(app, name="all pets", folder=str(class_folders))
    app.button(key=key(app, ".create")).click().run()
    (view,) = store.jobs(Kind.INFERENCE)
    assert (view.job.options["model"], view.job.options["folder"]) == (model.id, str(class_folders))


def test_a_running_training_is_steered_from_its_page(visit, fake_job, store, scheduler, until):
    view = fake_job(kind="model", name="runs", steps=100_000)
    until(lambda: scheduler.tick() or bool(store.get(view.id).attempt.launch))
    app = visit("job.py", id=view.id)
    next(button for button in app.button if button.label == "Change from now on").click().run()
    app.button(key="job.finish").click().run()
    wishes = sorted(view.folder.newest().path.glob("steer-*.json"))
    assert [files.read_json(path)["action"] for path in wishes] == ["rate", "finish"]
    assert files.read_json(wishes[0])["factor"] == 0.1 and files.read_json(wishes[0])["by"] == "tester"


def test_an_ended_training_gets_more_epochs_from_its_page(visit, finished_job, store):
    view = finished_job("model", name="net")
    app = visit("job.py", id=view.id)
    app.number_input(key=f"job.epochs.{view.id}").set_value(3)
    next(button for button in app.button if button.label == "Go on").click().run()
    assert store.get(view.id).status is Status.WAITING
    assert files.read_json(view.folder.attempt(1).path / "steer-0001.json")["more"] == 3


def test_a_test_notification_without_channels_says_what_to_set(visit):
    app = visit("system.py", tab="Doctor")
    app.button(key="system.notify").click().run()
    assert "DIGITS_NOTIFY_WEBHOOK" in words(app)


def test_the_slowest_operators_of_a_traced_training_stand_on_its_page(visit, finished_job, digits_trace):
    view = finished_job("model")
    digits_trace(view)
    app = visit("job.py", id=view.id, tab="Timeline")
    assert app.dataframe[0].value["name"].tolist() == ["aten::conv2d"]
