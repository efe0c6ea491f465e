"""The server itself, asked by the public client of inference servers; and publishing over REST and the command line."""

import json
import socket

import httpx
import numpy as np
import pytest
import tritonclient.http as client
from typer.testing import CliRunner

from digits_core.cli import app
from digits_core.services import inference
from tests.e2e.conftest import Server
from tests.infer.model_folders import LABELS, make_model, picture
from tests.infer.triton import agrees, asked, file_of


@pytest.fixture
def url(workspace):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(workspace.store.root, port)
    server.start()
    yield server.url
    server.stop()


def test_the_server_speaks_to_inference_clients(workspace, url):
    one, two = make_model(workspace.store, 1, side=12, crop=10), make_model(workspace.store, 2, side=12)
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 1), np.uint8)
    with client.InferenceServerClient(url.removeprefix("http://")) as triton:
        assert triton.is_server_live() and triton.is_server_ready() and triton.is_model_ready(one.id)
        assert not triton.is_model_ready("nothing")
        assert {row["name"] for row in triton.get_model_repository_index()} == {one.id, two.id}
        for view in (one, two):
            native, = inference.classify(workspace, "", view.id, [("a", file_of(pixels))])
            agrees(triton, view.id, pixels, file_of(pixels), native)
        first, = asked(triton, one.id, pixels, ["probabilities"], version="1")
        assert not np.array_equal(first, asked(triton, one.id, pixels, ["probabilities"])[0])
        with pytest.raises(client.InferenceServerException, match="must be uint8"):
            asked(triton, one.id, pixels[:5], ["probabilities"])
        counts = triton.get_inference_statistics(one.id)["model_stats"][0]
        assert counts["inference_count"] == counts["execution_count"] > 3
    predicted = httpx.post(f"{url}/api/models/{one.id}/predict/upload", files={"images": ("a.png", picture())}).json()
    assert {row["label"] for row in predicted["results"][0]["predictions"]} < set(LABELS)
    loaded = httpx.get(f"{url}/api/serving").json()["models"]
    assert {row["model"] for row in loaded} == {one.id, two.id}
    assert all(0 < row["p50_ms"] <= row["p95_ms"] for row in loaded)
    said = CliRunner().invoke(app, ["--jobs-dir", str(workspace.store.root), "serving", "--json"])
    assert {row["model"] for row in json.loads(said.stdout.splitlines()[-1])} == {one.id, two.id}


def test_nothing_is_published_before_it_is_exported(client, store):
    view = make_model(store)
    answer = client.post(f"/models/{view.id}/publish-inference", json={"options": {}})
    assert (answer.status_code, answer.json()["error"]["type"]) == (409, "BadState")
    said = CliRunner().invoke(app, ["--jobs-dir", str(store.root), "publish-inference", view.id, "--user", "tester"])
    assert said.exit_code == 2 and "was not exported yet" in said.stderr


@pytest.mark.parametrize("data", ["!", "a", "ä"])
def test_a_picture_that_is_no_base64_is_refused(client, data, store):
    answer = client.post(f"/models/{make_model(store).id}/predict", json={"pictures": [{"data": data}]})
    assert answer.status_code == 400 and "base64" in answer.json()["errors"]["pictures"][0]
