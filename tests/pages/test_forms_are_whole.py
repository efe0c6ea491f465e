"""Every option that a training can be told stands on its form."""

import pytest

from digits_core.options import option_fields
from digits_core.tasks import tasks

WIDGETS = ("text_input", "number_input", "selectbox", "multiselect", "toggle", "checkbox", "button_group", "button")


STARTING = {"start_model", "start_checkpoint", "trainable_stages", "backbone_rate"}


@pytest.mark.parametrize("task", ["classification", "generation"])
def test_every_option_of_a_training_is_on_the_form(visit, finished_job, task):
    model = finished_job("model")  # a classifier: some options are there for those who start from a model only
    app = visit("models.py", new=task, start=model.id)
    there = [widget.key or "" for kind in WIDGETS for widget in app.get(kind)]
    elsewhere = {"task", *(STARTING if task != "classification" else ())}
    assert not [field.name for field in option_fields(tasks()[task].model_options) if not field.when
                and field.name not in elsewhere and not any(f".{field.name}" in key for key in there)]
