"""Every option that a training can be told stands on its form."""

from digits_core.options import option_fields
from digits_core.tasks import tasks

WIDGETS = ("text_input", "number_input", "selectbox", "multiselect", "toggle", "checkbox", "button_group", "button")


def test_every_option_of_a_training_is_on_the_form(visit, finished_job):
    model = finished_job("model")  # some options are there for those who start from a model only
    app = visit("models.py", new="classification", start=model.id)
    there = [widget.key or "" for kind in WIDGETS for widget in app.get(kind)]
    assert not [field.name for field in option_fields(tasks()["classification"].model_options)
                if not field.when and field.name != "task" and not any(f".{field.name}" in key for key in there)]
