"""Models in single files over REST and from the command line: one service, the same words at the same fields."""

import pytest

from digits_core.services import as_code, made_of
from tests.modelstore import caffe_nets as nets
from tests.modelstore.caffe_files import caffemodel, prototxt


@pytest.fixture
def files(tmp_path):
    """A small LeNet of Caffe: definition and weights."""
    definition = tmp_path / "deploy.prototxt"
    definition.write_text(prototxt(nets.narrow(nets.LENET, 10), (1, 28, 28)))
    return definition, caffemodel(definition.read_text(), tmp_path / "net.caffemodel")


def test_files_on_the_server_and_uploaded_ones_become_a_job(client, files, workspace):
    definition, weights = files
    answer = client.post("/models/files", json={"name": "a", "options": {"file": str(weights),
                                                                         "definition": str(definition)}})
    assert answer.status_code == 201
    view = workspace.store.get(answer.json()["id"])
    assert view.job.options["files"]["file"] == str(weights)
    code = made_of.asked(view)
    assert as_code.command_line(code).endswith(f"import-files {weights} --name a --definition {definition}")
    answer = client.post("/models/files/upload", data={"name": "b", "options": '{"resize_mode": "fill"}'}, files={
        "weights": (weights.name, weights.read_bytes()), "definition": (definition.name, definition.read_bytes())})
    view = workspace.store.get(answer.json()["id"])
    assert view.job.options["files"]["definition"] == "job:upload/definition.prototxt"
    assert (view.folder.path / "upload" / "file.caffemodel").read_bytes() == weights.read_bytes()


def test_what_is_missing_is_told_at_its_field(client, files):
    answer = client.post("/models/files", json={"name": "a", "options": {"file": str(files[1])}})
    assert answer.json()["errors"] == {"definition": ["Missing model definition file."]}
    answer = client.post("/models/files/upload", data={"name": "b"}, files={"weights": ("x.t7", b"x")})
    assert "Weights must be a .caffemodel file" in answer.json()["errors"]["file"][0]
