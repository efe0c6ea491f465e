"""A custom network is tried in a process of its own before anything is made of it."""

import contextlib
import os
import time

import pytest

from digits_core.errors import BadData, InvalidOptions, NotAllowed, NotFound
from digits_core.jobs import confine
from digits_core.jobs.model import Kind
from digits_core.services import models, networks, search, sweeps
from digits_core.services.networks import layers
from digits_core.services.workspace import Workspace
from tests.networks.test_usercode import LINEAR, net
from tests.train import drawn


@pytest.fixture
def data(workspace):
    return drawn.dataset(workspace.store, train=40, val=12)


def custom(source, **more):
    return {**drawn.SMALL, "network": "custom", "network_source": source, **more}


def problem(caught):
    (found,) = caught.value.problems
    return found.field, found.message


def test_the_layers_are_those_for_the_dataset(workspace, data):
    found = layers(workspace, "tester", data.id, {"network": "lenet", "device": "gpu"})  # no GPU is needed to look
    assert [row["name"] for row in found["layers"] if row["parameters"]] == ["conv1", "conv2", "dense1", "dense2"]
    assert found["layers"][-1]["shape"] == [3] and found["input_shape"] == [1, 12, 12] and found["parameters"] == 52_573


def test_a_custom_network_is_looked_at_like_any_other(workspace, data):
    found = layers(workspace, "tester", data.id, custom(LINEAR, network_values="width=5", crop=8))
    assert [(row["type"], row["shape"]) for row in found["layers"]] == [
        ("Flatten", [64]), ("Linear", [5]), ("ReLU", [5]), ("Linear", [3])]
    assert found["parameters"] == 64 * 5 + 5 + 5 * 3 + 3 and found["input_shape"] == [1, 8, 8]


@pytest.mark.parametrize(("source", "said"), [
    pytest.param(net("return self.dense(x)"), "line 11, in forward: RuntimeError", marks=pytest.mark.slow),
    ("x = (", "line 1: "),
    (net("return self.dense(x.flatten(1))"), "line 11, in forward: RuntimeError: mat1 and mat2")])
def test_its_mistake_stands_at_the_field_with_the_line_before_a_job_is_made(workspace, data, source, said):
    with pytest.raises(InvalidOptions) as caught:
        models.create_model(workspace, "tester", "mine", data.id, custom(source))
    field, message = problem(caught)
    assert field == "network_source" and message.startswith(said)
    assert not workspace.store.jobs(Kind.MODEL)


@pytest.mark.parametrize("act", [
    "os._exit(0)", pytest.param("os.abort()", marks=pytest.mark.slow),
    pytest.param("print('x' * 10_000_000); os._exit(1)", marks=pytest.mark.slow),
    pytest.param("import ctypes; ctypes.string_at(0)", marks=pytest.mark.slow),
    pytest.param("[bytearray(10**9) for _ in range(1000)]", marks=pytest.mark.slow),
    pytest.param("[os.fork() for _ in range(6)]; os._exit(0)", marks=pytest.mark.slow)])
def test_when_it_dies_that_is_said_at_the_field(workspace, data, act):
    with pytest.raises(InvalidOptions) as caught:
        layers(workspace, "tester", data.id, custom(f"import os\n{act}\n{LINEAR}"))
    assert problem(caught)[0] == "network_source"


@pytest.mark.skipif(not confine.apart(), reason="this system has no namespaces for users: it would kill the tests")
@pytest.mark.slow
@pytest.mark.parametrize("act", ["os.kill(os.getppid(), 9)", "os.kill(0, 9)", "os.kill(-1, 9)"])
def test_it_cannot_kill_anybody_else(workspace, data, act):
    with contextlib.suppress(InvalidOptions):  # it may have killed itself
        layers(workspace, "tester", data.id, custom(f"import os\n{act}\n{LINEAR}"))
    assert os.getpgrp() and workspace.store.get(data.id)


@pytest.mark.slow
def test_a_loop_without_end_is_ended(workspace, data, monkeypatch):
    monkeypatch.setattr(networks, "LONGEST_S", 6.0)
    begun = time.monotonic()
    with pytest.raises(InvalidOptions, match="longer than 6 seconds"):
        layers(workspace, "tester", data.id, custom("while True: pass\n" + LINEAR))
    assert time.monotonic() - begun < 30


@pytest.mark.slow
def test_nothing_of_it_runs_here(workspace, data, tmp_path):
    touched = tmp_path / "touched"
    source = f"import os\nopen({str(touched)!r}, 'a').write(str(os.getpid()) + ' ' + str(os.getppid()))\n{LINEAR}"
    networks.with_source(workspace, custom(source))
    assert not touched.exists()
    layers(workspace, "tester", data.id, custom(source))
    assert str(os.getpid()) not in touched.read_text().split()


def test_a_file_on_the_server_is_read_within_the_roots(workspace, data, tmp_path):
    path = tmp_path / "net.py"
    path.write_text(LINEAR)
    options = {**drawn.SMALL, "network": "custom", "network_file": str(path)}
    view = models.create_model(workspace, "tester", "mine", data.id, options)
    assert view.job.options["network_source"] == LINEAR
    views = sweeps.create_sweep(workspace, "tester", "ours", data.id, {**options, "learning_rate": [0.1, 0.01]})
    assert [view.job.options["network_source"] for view in views] == [LINEAR, LINEAR]
    search.create_search(workspace, "tester", "found", data.id, {**options, "learning_rate": "0.01..0.1"}, {})
    assert search.searches(workspace)[0]["options"]["network_source"] == LINEAR
    roots = {"data_roots": [tmp_path / "elsewhere"]}
    confined = Workspace(workspace.settings.model_copy(update=roots), workspace.store)
    for name, said in ((str(path), "outside"), (str(tmp_path / "none.py"), "none.py"), (str(tmp_path), "Python file")):
        with pytest.raises(InvalidOptions, match=said) as caught:
            networks.with_source(confined if said == "outside" else workspace, {**options, "network_file": name})
        assert problem(caught)[0] == "network_file"


def test_where_users_code_must_not_run_it_does_not(workspace, data):
    for change in ({"custom_networks": "off"}, {"hosts": ["digits.example.org"]}):
        shared = Workspace(workspace.settings.model_copy(update=change), workspace.store)
        with pytest.raises(NotAllowed, match="DIGITS_CUSTOM_NETWORKS"):
            models.create_model(shared, "tester", "mine", data.id, custom(LINEAR))
        with pytest.raises(NotAllowed):
            layers(shared, "tester", data.id, custom(LINEAR))
    both = {"custom_networks": "on", "hosts": ["digits.example.org"]}
    trusting = Workspace(workspace.settings.model_copy(update=both), workspace.store)
    assert layers(trusting, "tester", data.id, custom(LINEAR))


def test_source_to_start_from(workspace, data):
    assert "class LeNet" in networks.source(workspace, "lenet")
    view = models.create_model(workspace, "tester", "mine", data.id, custom(LINEAR))
    with pytest.raises(NotFound):  # it has not begun, and its files do not say what it is
        networks.source(workspace, data.id)
    assert networks.described(view)["network"] == "custom"


def test_a_damaged_source_breaks_no_list(workspace, data):
    view = models.create_model(workspace, "tester", "mine", data.id, custom(LINEAR))
    for content in (b"", b"\xff\xfe\0", b"def ("):
        (view.folder.path / "network.py").write_bytes(content)
        assert networks.own_source(view) == ""
    with pytest.raises((BadData, NotFound)):
        networks.source(workspace, view.id)
