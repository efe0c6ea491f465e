"""The Model Store page: every source in every state, without waiting for any network."""

import shutil

import pytest

from digits_core.services import pin_wants, store
from tests.infer.model_folders import make_model, picture
from tests.modelstore.stores import listing, publish, published
from tests.pages.conftest import words


@pytest.fixture
def shop(tmp_path, workspace, monkeypatch):
    """The folder of a store that the page lists, besides one that cannot be reached."""
    other = listing(tmp_path / "other")
    published(other, make_model(other.store), license="MIT", license_text="Free.", note="grey [digits](x)")
    folder = other.settings.team_folder
    monkeypatch.setenv("DIGITS_MODEL_STORE_URL", f"{folder},/nowhere/store")
    space = listing(workspace.settings.jobs_dir.parent, str(folder), "/nowhere/store")
    store.refresh(space)
    return folder


def press(app, ending):
    return next(button for button in app.button if (button.key or "").endswith(ending)).click().run()


def test_cards_of_a_store_say_what_there_is_and_import_makes_a_job(visit, shop, workspace):
    app = visit("model_store.py", **{"from": str(shop)})
    said = words(app)
    assert "Models of our team" in said and "Zahlen" in said and "grey [digits](x)" in said and "MIT" in said
    button = next(button for button in app.button if ".import." in (button.key or ""))
    button.click().run()
    assert not app.exception
    [view] = workspace.store.jobs()
    assert view.job.options["entry"]["name"] == "Zahlen"
    assert "On its way" in words(visit("model_store.py", **{"from": str(shop)}))


def test_details_show_licence_and_files(visit, shop):
    app = visit("model_store.py", **{"from": str(shop)})
    next(button for button in app.button if ".details." in (button.key or "")).click().run()
    assert "Free." in words(app) and "weights.safetensors" in words(app)


def test_a_store_that_cannot_be_reached_says_why_and_the_others_are_there(visit, shop):
    app = visit("model_store.py", **{"from": "/nowhere/store"})
    assert "It cannot be reached: The folder /nowhere/store cannot be read" in words(app)
    assert words(visit("model_store.py", **{"from": str(shop)})).count("Zahlen") == 1


def test_the_filter_counts_in_every_source(visit, shop):
    app = visit("model_store.py", **{"from": str(shop)})
    next(field for field in app.text_input if field.key == "store.filter").set_value("resnet18").run()
    assert "Nothing matches the filter." in words(app)
    control = next(group for group in app.get("button_group") if group.key == "store.source")
    labels = [option.content for option in control.proto.options]
    assert labels[0] == "On this server (0)" and labels[-1] == "torchvision (1)"


def test_our_team_shows_versions_and_pins(visit, shop, workspace):
    app = visit("model_store.py", **{"from": "team"})
    assert "Nothing is published yet" in words(app)
    shutil.copytree(shop, workspace.settings.team_folder)
    app = visit("model_store.py", **{"from": "team"})
    assert "1 version" in words(app) and "0 pins" in words(app)
    press(app, "team.versions.zahlen")
    assert not app.exception and "version 1" in words(app)
    app = visit("model_store.py", **{"from": "team"})
    press(app, "team.pins.zahlen")
    assert not app.exception and "Nothing is pinned yet." in words(app)


def test_numbers_are_pinned_in_the_dialog_and_what_a_refused_version_said_is_on_its_page(visit, workspace):
    space = listing(workspace.settings.jobs_dir.parent)
    kind = {"labels": ["x"], "task": "regression", "details": {"mean": [0.0], "std": [1.0]}}
    model = make_model(space.store, **kind)
    published(space, model)
    pin_wants.pin_values(space, "ann", "zahlen", [("a.png", picture())], [{"label": "x", "value": 1e6, "within": 0.5}])
    app = visit("model_store.py", **{"from": "team"})
    press(app, "team.pins.zahlen")
    assert not app.exception and "x 1e+06 ± 0.5" in words(app) and "Pin a split of a dataset" in str(app.tabs)
    view = publish(space, model)
    said = words(visit("job.py", id=view.id))
    assert "Wrong" in said and "a.png" in said and "Wanted: x 1e+06 ± 0.5" in said and "Came: x " in said
