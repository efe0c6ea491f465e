"""Below a prediction: the layers of the network, and why this label."""

import pytest

from tests.infer.model_folders import make_model, picture
from tests.pages.conftest import words


@pytest.mark.slow
def test_the_layers_of_a_prediction_are_shown(visit, workspace, tmp_path):
    make_model(workspace.store, side=28)
    (tmp_path / "a.png").write_bytes(picture(3, 28))
    app = visit("inference.py", layers="true")
    app.session_state["inference.source"] = "Server path or URL"
    app.session_state["inference.path"] = str(tmp_path / "a.png")
    app.session_state["look.methods"] = ["grad-cam"]
    app.run()
    assert not app.exception, [element.message for element in app.exception]
    text = words(app)
    assert "went wrong" not in text
    assert "520 learned parameters" in text and "What speaks for" in text


def test_an_address_is_completed_by_no_folder(visit, workspace):
    make_model(workspace.store, side=28)
    app = visit("inference.py")
    app.session_state["inference.source"] = "Server path or URL"
    app.session_state["inference.path"] = "http://127.0.0.1:1/a.png"
    app.run()
    assert "private or local" in words(app)
    assert "inference.path.pick" not in app.session_state
