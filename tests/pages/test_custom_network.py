"""The tab for a network of one's own, on the page."""

import pytest

from digits_core.jobs.model import Kind
from tests.networks.test_usercode import LINEAR, net
from tests.pages.conftest import words
from tests.train import drawn


def form(visit, workspace, source=LINEAR):
    data = drawn.dataset(workspace.store)
    app = visit("models.py", new="classification", dataset=data.id)
    prefix = f"model.classification.{data.id}"
    app.button(key=f"{prefix}.network.lenet.code").click().run()
    app.session_state[f"{prefix}.network_source.text"] = source
    return app.run(), prefix


def test_customize_goes_to_the_editor_with_the_source(visit, workspace):
    data = drawn.dataset(workspace.store)
    app = visit("models.py", new="classification", dataset=data.id)
    prefix = f"model.classification.{data.id}"
    app.button(key=f"{prefix}.network.resnet18.code").click().run()
    assert "class BasicBlock" in app.session_state[f"{prefix}.network_source.text"]
    assert "Your network" in words(app)


@pytest.mark.slow
def test_a_training_of_ones_own_network_is_made(visit, workspace):
    app, prefix = form(visit, workspace)
    app.text_input(key=f"{prefix}.name").set_value("mine").run()
    app.text_input(key=f"{prefix}.network_values").set_value("width=5").run()
    app.button(key=f"{prefix}.create").click().run()
    (view,) = workspace.store.jobs(Kind.MODEL)
    assert (view.job.options["network"], view.job.options["network_values"]) == ("custom", "width=5")
    assert view.job.options["network_source"] == LINEAR


def test_a_mistake_is_shown_with_its_line_and_nothing_is_lost(visit, workspace):
    source = net("return self.dense(x)")
    app, prefix = form(visit, workspace, source)
    app.button(key=f"{prefix}.try_out.layers").click().run()
    assert "line 11, in forward" in words(app)
    assert app.session_state[f"{prefix}.network_source.text"] == source
    app.button(key=f"{prefix}.create").click().run()
    assert not workspace.store.jobs(Kind.MODEL)


def test_where_it_is_switched_off_the_tab_says_so(visit, workspace, monkeypatch):
    monkeypatch.setenv("DIGITS_CUSTOM_NETWORKS", "off")
    app, _ = form(visit, workspace)
    assert "DIGITS_CUSTOM_NETWORKS" in words(app)
