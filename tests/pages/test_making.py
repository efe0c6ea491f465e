"""Generators on the pages: samples of their training, and what they make now."""

from collections.abc import Iterator

import pytest

from digits_core.infer import client
from tests.faults.folders import end
from tests.pages.conftest import words
from tests.train import generators


@pytest.fixture
def model(workspace) -> Iterator:
    view = generators.trained(workspace.store)
    end(view.folder.path, {"likeness": 0.5, "best_epoch": 2.0, "network": "dcgan_tiny"})
    yield view
    client.stop(workspace.settings)


def captions(app) -> list[str]:
    return [part.caption for image in app.get("image") for part in image.proto.imgs]


@pytest.mark.slow
def test_samples_stand_on_the_page_of_the_training_with_a_slider_over_epochs(visit, model):
    app = visit("job.py", id=model.id)
    assert "Samples" in words(app) and "Best likeness" in words(app)
    slider = app.select_slider(key=f"samples.{model.id}")
    assert (slider.options, slider.value) == (["1", "2"], "2")
    slider.set_value("1").run()
    assert app.select_slider(key=f"samples.{model.id}").value == "1" and not app.exception


def test_a_generator_makes_pictures_on_the_inference_page_and_others_are_not_asked_to(visit, model, finished_job):
    app = visit("inference.py", model=model.id, mode="Generate")
    assert captions(app) == ["Rows: class 0, class 1, class 2"]
    app.segmented_control(key="make.method").set_value("path").run()
    assert [button.label for button in app.get("download_button")] == ["PNG", "GIF"]
    app.slider(key="make.weight.1").set_value(1.0).run()
    assert captions(app) == ["", "There and back"] and not app.exception
    app.segmented_control(key="make.method").set_value("analogy").run()
    assert "Drop a picture at the left" in words(app)
    app.segmented_control(key="make.method").set_value("classes").run()
    assert captions(app) == ["Columns: class 0, class 1, class 2"]
