"""What a person sees of a training that is tried out before it is started."""

from tests.pages.conftest import words
from tests.pages.test_dataset_tabs import press
from tests.train import drawn


def test_the_form_tells_how_long_it_takes_and_takes_over_the_rate(visit, workspace, monkeypatch):
    data = drawn.dataset(workspace.store)
    found = {"seconds_per_epoch": 62.0, "seconds": 1900.0, "reading_s": 40.0, "images_per_s": 3000.0,
             "memory": 1_200_000_000, "gpu_memory": 0, "disk": 18_000_000, "device": "CPU", "batch_size": 64,
             "steps_per_epoch": 704, "curve": [[1e-4, 2.3], [1e-3, 2.0], [1e-2, 9.0]], "suggested": 0.0025}
    asked = []
    monkeypatch.setattr("digits_core.services.rehearsal.rehearse", lambda *arguments: asked.append(arguments) or found)
    app = press(visit("models.py", new="classification", dataset=data.id),
                f"model.classification.{data.id}.try_out.rate")
    assert asked[0][2] == data.id and asked[0][4] is True
    assert {"1 min 2 s", "1.20 GB", "18 MB"} <= {metric.value for metric in app.metric}, app.metric
    app = press(app, f"model.classification.{data.id}.try_out.use")
    assert "form has changed" not in words(app)
    press(app, f"model.classification.{data.id}.try_out.time")
    assert asked[1][3]["learning_rate"] == 0.0025


def test_the_form_shows_the_layers(visit, workspace):
    data = drawn.dataset(workspace.store)
    app = press(visit("models.py", new="classification", dataset=data.id),
                f"model.classification.{data.id}.try_out.layers")
    assert "52,573 parameters" in words(app)
    assert app.dataframe[0].value["name"].tolist() == [
        "interpolate", "conv1", "max_pool2d", "conv2", "max_pool2d", "flatten", "dense1", "relu", "dense2"]
