"""A real export of a small network, published: into a repository, as an archive, to a server on a real port."""

import http.server
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from email.parser import BytesParser

import numpy as np
import onnxruntime
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as triton

from digits_core.errors import BadData, BadState, InvalidOptions, NotAllowed
from digits_core.jobs.model import Status
from digits_core.services import exports, inference, publish
from digits_core.services.workspace import Workspace
from tests.infer.model_folders import LABELS, make_model
from tests.infer.sharing import shared_workspace
from tests.infer.triton import file_of
from tests.ticking import ticking


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Workspace]:
    yield from shared_workspace(tmp_path_factory.mktemp("publish"))


@pytest.fixture(scope="module")
def model(shared):
    """A model with a finished export."""
    view = make_model(shared.store, name="The digits!", side=12, crop=10)
    for tick in ticking(shared):
        made = tick(exports.create(shared, "tester", view.id, {"pictures": 4}))
        assert made.status is Status.DONE, made.state.reason
    return view


def configured(text) -> triton.ModelConfig:
    return text_format.Parse(text.decode(), triton.ModelConfig())


def test_an_archive_is_a_repository_that_triton_understands(shared, model, tmp_path):
    told = publish.publish(shared, "tester", model.id, {"version": 3, "max_batch": 16})
    assert (told["where"], told["name"]) == ("archive", "The_digits")
    with zipfile.ZipFile(told["path"]) as archive:
        assert sorted(archive.namelist()) == ["The_digits/3/model.onnx", "The_digits/config.pbtxt",
                                              "The_digits/labels.txt"]
        config = configured(archive.read("The_digits/config.pbtxt"))
        graph = archive.read("The_digits/3/model.onnx")
        assert archive.read("The_digits/labels.txt").decode().splitlines() == LABELS
    assert (config.name, config.platform, config.max_batch_size) == ("The_digits", "onnxruntime_onnx", 16)
    assert config.dynamic_batching.max_queue_delay_microseconds == 100
    taken, = config.input
    given, = config.output
    assert (taken.name, taken.data_type, list(taken.dims)) == ("image", triton.TYPE_UINT8, [12, 12, 1])
    assert (given.name, given.data_type, list(given.dims)) == ("probabilities", triton.TYPE_FP32, [10])
    assert given.label_filename == "labels.txt"
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == ["image"]
    pixels = np.random.default_rng(1).integers(0, 256, (2, 12, 12, 1), np.uint8)
    native = inference.classify(shared, "", model.id, [("a", file_of(one)) for one in pixels], top=1)
    rows, = session.run(["probabilities"], {"image": pixels})
    assert [LABELS[k] for k in rows.argmax(1)] == [row["predictions"][0]["label"] for row in native]


def test_without_batches_every_length_is_in_the_shapes(shared, model):
    told = publish.publish(shared, "tester", model.id, {"max_batch": 0})
    with zipfile.ZipFile(told["path"]) as archive:
        config = configured(archive.read("The_digits/config.pbtxt"))
    assert (config.max_batch_size, list(config.input[0].dims)) == (0, [-1, 12, 12, 1])
    assert not config.HasField("dynamic_batching")


def test_a_repository_gets_versions_that_appear_whole(shared, model, tmp_path):
    space = Workspace(shared.settings.model_copy(update={"publish_dir": str(tmp_path)}), shared.store)
    for version in (1, 2):
        publish.publish(space, "tester", model.id, {"where": "folder", "version": version, "model_name": "digits"})
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [
        "digits/1/model.onnx", "digits/2/model.onnx", "digits/config.pbtxt", "digits/labels.txt"]
    with pytest.raises(BadState, match="version 2 there already"):
        publish.publish(space, "tester", model.id, {"where": "folder", "version": 2, "model_name": "digits"})
    with pytest.raises(BadState, match="another model called digits"):
        publish.publish(space, "tester", model.id, {"where": "folder", "version": 3, "model_name": "digits",
                                                    "max_batch": 0})
    assert not (tmp_path / "digits" / "3").exists()


@pytest.mark.parametrize(("options", "why"), [
    ({"where": "folder"}, "DIGITS_PUBLISH_DIR"), ({"where": "server"}, "DIGITS_PUBLISH_URL"),
    ({"model_name": "../x"}, "first a letter"), ({"export": "20200101-000000-0000"}, "no finished export"),
    ({"precision": "int8"}, "The export has fp32"), ({"version": 0}, "greater")])
def test_what_cannot_be_published_is_refused_in_words(shared, model, options, why):
    with pytest.raises((BadState, InvalidOptions), match=why):
        publish.publish(shared, "tester", model.id, options)


def test_only_a_verified_export_is_published(shared):
    view = make_model(shared.store)
    with pytest.raises(BadState, match="was not exported yet"):
        publish.publish(shared, "tester", view.id, {})
    with pytest.raises(NotAllowed):
        publish.publish(shared, "", view.id, {})


class Rie(http.server.BaseHTTPRequestHandler):
    """An inference server that keeps what it gets; ``status`` and ``headers`` are its answer."""

    status, headers_sent, got = 201, (("Location", "/models/17"),), None

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).got = (self.path, dict(self.headers), body)
        self.send_response(self.status)
        for name, value in self.headers_sent:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"no room" if self.status >= 400 else b"")

    def log_message(self, *args):
        """Quiet."""


@pytest.fixture
def rie(monkeypatch):
    kind = type("Mine", (Rie,), {})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        kind.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield kind
        server.shutdown()
        thread.join(30)


def at(shared, url, **settings) -> Workspace:
    return Workspace(shared.settings.model_copy(update={"publish_url": url, **settings}), shared.store)


def test_a_server_gets_the_archive_and_says_where_it_is(shared, model, rie, monkeypatch):
    monkeypatch.setenv("RIE_TOKEN", "s3cret")
    told = publish.publish(at(shared, rie.url, publish_token="env:RIE_TOKEN"), "tester", model.id, {
        "where": "server", "description": "Reads digits", "modality": "CT"})
    assert told["location"] == f"{rie.url}/models/17"
    path, headers, body = rie.got
    assert (path, headers["Authorization"]) == ("/models", "Bearer s3cret")
    part, = BytesParser().parsebytes(b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body
                                     ).get_payload()
    assert part.get_param("name", header="content-disposition") == "model"
    with tarfile.open(fileobj=io.BytesIO(part.get_payload(decode=True))) as archive:
        names = archive.getnames()
        info = json.loads(archive.extractfile("info.json").read())
    assert {"info.json", "model.onnx", "labels.txt", "preprocessing.json"} <= set(names)
    assert {name: info[name] for name in ("description", "modality", "input layer", "input shape", "output layer",
                                          "output shape", "model file", "framework")} == {
        "description": "Reads digits", "modality": "CT", "input layer": "image", "input shape": [-1, 12, 12, 1],
        "output layer": "probabilities", "output shape": [-1, 10], "model file": "model.onnx", "framework": "pytorch"}
    assert not list((shared.store.root / ".exports").rglob("*.tar.gz"))


@pytest.mark.parametrize(("status", "headers", "why"), [
    (500, (), "status 500: no room"), (302, (("Location", "http://169.254.169.254/"),), "status 302")])
def test_a_server_that_refuses_or_leads_elsewhere_is_named(shared, model, rie, status, headers, why):
    rie.status, rie.headers_sent = status, headers
    with pytest.raises(BadData, match=why):
        publish.publish(at(shared, rie.url + "/secret-path"), "tester", model.id, {"where": "server"})


def test_a_server_that_is_not_there_is_named_without_its_path(shared, model, rie):
    with pytest.raises(BadData, match=r"^127\.0\.0\.1 cannot be reached"):
        publish.publish(at(shared, "http://127.0.0.1:9/secret"), "tester", model.id, {"where": "server"})
    with pytest.raises(BadData, match="env:NOT_THERE holds nothing"):
        publish.publish(at(shared, rie.url, publish_token="env:NOT_THERE"), "tester", model.id, {"where": "server"})
