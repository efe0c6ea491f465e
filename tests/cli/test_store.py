"""Model stores in the shell."""

import json

import pytest

from tests.infer.model_folders import make_model, picture
from tests.modelstore.stores import listing, published


@pytest.fixture
def shop(tmp_path, environment, monkeypatch):
    """A store with one model, that the commands of the test list."""
    other = listing(tmp_path / "other")
    published(other, make_model(other.store), license="MIT", note="grey digits")
    environment["DIGITS_MODEL_STORE_URL"] = str(other.settings.team_folder)
    return other


def test_a_model_is_listed_and_imported(digits, shop):
    assert "MB, MIT)  grey digits" in digits("store", "list").stdout
    assert "Zahlen" not in digits("store", "list", "cats").stdout
    told = json.loads(digits("store", "list", "--update", "--json").stdout.splitlines()[-1])
    [entry] = told["stores"][0]["models"]
    done = digits("store", "import", entry["id"], "--name", "mine", "--wait", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["metrics"]["verified"] is True
    assert digits("store", "import", "0" * 16).exit_code == 2


@pytest.mark.slow
def test_a_model_is_published_and_pinned(digits, workspace, tmp_path):
    model = make_model(workspace.store)
    done = digits("store", "publish", model.id, "--publish-as", "Zahlen", "--note", "x", "--wait")
    assert done.exit_code == 0, done.stderr
    (tmp_path / "a.png").write_bytes(picture())
    assert "1 pinned to zahlen" in digits("store", "pin", "zahlen", tmp_path / "a.png", "--label", "eins").stdout
    line = digits("store", "pins", "zahlen").stdout
    assert "a.png  shows eins" in line
    refused = digits("store", "pin-class", "zahlen", "--dataset", "x")
    assert refused.exit_code == 2 and "--dataset" in refused.stderr
    assert digits("store", "unpin", "zahlen", line.split()[0]).exit_code == 0
    assert digits("store", "unpublish", "zahlen", "1").exit_code == 0
    made = digits("make-pretrained", model.id, "--wait")
    assert made.exit_code == 0, made.stderr
