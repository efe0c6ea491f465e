"""Pretrained networks on the pages: chosen for a training, looked for in the Model Store."""

import pytest

from digits_core.jobs.model import Kind
from tests.modelstore.publishing import NETWORK, publish
from tests.pages.conftest import words


@pytest.fixture
def shelf(monkeypatch, tmp_path):
    """A folder with the weights of one network; nothing is downloaded."""
    publish(monkeypatch, tmp_path / "shelf")
    monkeypatch.setenv("DIGITS_WEIGHTS_DIR", str(tmp_path / "shelf"))
    monkeypatch.setenv("DIGITS_WEIGHTS_URL", "none")


def widget(app, kind, ending):
    return next(element for element in app.get(kind) if (element.key or "").endswith(ending))


def test_a_training_from_published_weights_waits_for_the_job_that_gets_them(visit, shelf, finished_job, store):
    dataset = finished_job("dataset")
    app = visit("models.py", new="classification", dataset=dataset.id)
    widget(app, "button_group", "network.method").set_value("pretrained")
    app.run()
    widget(app, "selectbox", ".published").set_value(NETWORK).run()
    assert "Their file is on this server" in words(app)
    widget(app, "text_input", ".name").set_value("tuned").run()
    widget(app, "button", ".create").click().run()
    assert not app.exception
    model = next(view for view in store.jobs(Kind.MODEL) if view.job.kind is Kind.MODEL)
    start = store.get(model.job.options["start_model"])
    assert (model.job.options["network"], start.job.options) == (NETWORK, {"network": NETWORK,
                                                                           "weights": "IMAGENET1K_V1"})
    assert start.id in model.job.needs


def test_weights_that_cannot_be_had_are_said_before_and_after(visit, shelf, finished_job, store):
    app = visit("models.py", new="classification", dataset=finished_job("dataset").id)
    widget(app, "button_group", "network.method").set_value("pretrained")
    app.run()
    widget(app, "selectbox", ".published").set_value("resnet34").run()
    assert "which downloads nothing: Put the file resnet34-b627a593.pth" in words(app)
    widget(app, "text_input", ".name").set_value("tuned").run()
    widget(app, "button", ".create").click().run()
    assert "is not on this server" in words(app)
    assert not [view for view in store.jobs(Kind.MODEL) if view.job.kind is Kind.MODEL]


def test_any_network_can_be_chosen_by_its_name(visit, finished_job, store):
    app = visit("models.py", new="classification", dataset=finished_job("dataset").id)
    widget(app, "selectbox", "network.more").set_value("regnet_y_400mf").run()
    assert not [button for button in app.button if button.label == "Chosen"]
    widget(app, "text_input", ".name").set_value("regnet").run()
    widget(app, "button", ".create").click().run()
    model = next(view for view in store.jobs(Kind.MODEL) if view.job.kind is Kind.MODEL)
    assert model.job.options["network"] == "regnet_y_400mf"
    app = visit("models.py", new="classification", clone=model.id)
    assert widget(app, "selectbox", "network.more").value == "regnet_y_400mf"
    widget(app, "button", "network.lenet").click().run()
    assert widget(app, "selectbox", "network.more").value is None


def test_the_store_lists_published_weights_and_takes_files(visit, shelf):
    app = visit("model_store.py")
    widget(app, "button", "store.weights").click().run()  # a dialog's own runs need a browser
    frame = app.dataframe[0].value
    assert len(frame) > 100 and list(frame[frame["where"] == "on disk"]["network"]) == ["SqueezeNet 1.1"]
    app = visit("model_store.py")
    widget(app, "button", "store.open").click().run()
    assert widget(app, "button", "upload.go").disabled
    assert not app.exception
