"""A model of Caffe in the shell."""

import json

from tests.modelstore import caffe_nets as nets
from tests.modelstore.caffe_files import caffemodel, prototxt


def test_files_become_a_job_and_what_is_missing_is_said(digits, workspace, tmp_path):
    definition = tmp_path / "deploy.prototxt"
    definition.write_text(prototxt(nets.narrow(nets.LENET, 10), (1, 28, 28)))
    weights = caffemodel(definition.read_text(), tmp_path / "net.caffemodel")
    wrong = digits("import-files", weights)
    assert wrong.exit_code == 2 and "Missing model definition file" in wrong.stderr
    made = json.loads(digits("import-files", weights, "--definition", definition, "--json").stdout.splitlines()[-1])
    options = workspace.store.get(made["id"]).job.options["files"]
    assert (options["file"], options["definition"]) == (str(weights), str(definition))
