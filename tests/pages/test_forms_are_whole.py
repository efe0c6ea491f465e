"""Every option that a training can be told stands on its form, whatever the task."""

import pytest

from digits_core.options import option_fields
from digits_core.tasks import sources, tasks, trainable

WIDGETS = ("text_input", "number_input", "selectbox", "multiselect", "toggle", "checkbox", "button_group", "button",
           "text_area")
BY_ITSELF = "task"
"""The form is that of a task."""


def missing(app, options) -> list[str]:
    there = [widget.key or "" for kind in WIDGETS for widget in app.get(kind)]
    return [field.name for field in option_fields(options) if not field.when and field.name != BY_ITSELF
            and not any(f".{field.name}" in key for key in there)]


def test_every_option_of_a_training_is_on_the_form(visit, finished_job):
    model = finished_job("model")  # some options are there for those who start from a model only
    app = visit("models.py", new="classification", start=model.id)
    assert not missing(app, tasks()["classification"].model_options)


@pytest.mark.parametrize("task", [name for name in trainable() if name != "classification"])
def test_every_option_of_another_task_s_training_is_on_its_form(task, visit):
    start = {"start_model", "start_checkpoint", "trainable_stages", "backbone_rate"}
    assert set(missing(visit("models.py", new=task), tasks()[task].model_options)) <= start


@pytest.mark.parametrize("task", sources())
def test_every_option_of_a_dataset_is_on_its_form(task, visit):
    assert not missing(visit("datasets.py", new=task), tasks()[task].dataset_options)
