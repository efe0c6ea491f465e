"""What a person can do on the tabs Pictures, Fit and Versions of a dataset."""

from pathlib import Path

import pytest

from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.services import datasets, fit
from tests.data import planted
from tests.pages.conftest import words


def work(workspace):
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    scheduler.tick()
    scheduler.close()


@pytest.fixture
def dataset(workspace, tmp_path: Path):
    top = planted.class_folders(tmp_path / "set", 24, 4, 4, 2)
    view = datasets.create_dataset(workspace, "tester", "classification", "pets",
                                   {"folder": str(top), "width": 32, "height": 32, "val_percent": 40})
    work(workspace)
    return workspace.store.get(view.id)


def press(app, key):
    button = next(button for button in app.button if button.key and button.key.startswith(key))
    button.click().run()
    assert not app.exception, [element.message for element in app.exception]
    return app


def test_the_check_is_started_and_a_fix_makes_a_version(visit, workspace, dataset):
    app = press(visit("job.py", id=dataset.id, tab="Fit"), "dataset.fit.start")
    assert fit.wait_for_fit(dataset, lambda done: None)["state"] == "done"
    app = visit("job.py", id=dataset.id, tab="Fit")
    text = words(app)
    assert "Same pixels" in text and "6 groups" in text and "Under two labels" in text
    press(app, "dataset.fix.exact")
    made = next(view for view in workspace.store.jobs() if view.name == "pets v2")
    assert made.job.options["fixes"] == ["drop-exact"] and made.job.needs == (dataset.id,)
    work(workspace)
    text = words(visit("job.py", id=made.id, tab="Versions"))
    assert "4 pictures left out" in text and "pets" in text


def test_a_picture_is_opened_left_out_and_becomes_a_version(visit, workspace, dataset):
    app = press(visit("job.py", id=dataset.id, tab="Pictures"), "dataset.open.train")
    assert "position 0" in words(app) and "source" in words(app)
    app.session_state[f"dataset.edits.{dataset.id}"] = {  # "Leave out": a dialog's own runs need a browser
        ("train", 0, "exclude"): {"do": "exclude", "split": "train", "index": 0}}
    app = app.run()
    assert "1 picture left out" in words(app)
    press(app, "dataset.edits.make")
    made = next(view for view in workspace.store.jobs() if view.name == "pets v2")
    work(workspace)
    assert workspace.store.get(made.id).folder.manifest()["diff"]["removed"] == 1


def test_pictures_are_added_and_a_subset_is_made_from_their_dialogs(visit, workspace, dataset, tmp_path):
    app = press(visit("job.py", id=dataset.id, tab="Versions"), "dataset.add")
    assert "stored like the others" in words(app)
    app = press(visit("job.py", id=dataset.id, tab="Versions"), "dataset.subset")
    assert "34 pictures" in words(app) and "Training" in words(app)
    app = press(visit("job.py", id=dataset.id, tab="Pictures", search="cat/"), "dataset.subset.these")
    assert "of 1 class" in words(app)
