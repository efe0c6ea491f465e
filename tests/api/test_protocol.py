"""The Open Inference Protocol, in this process; tests/tasks/test_serving.py asks a real server by a real client."""

import asyncio
import base64
import contextlib
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digits_core.api.protocol import create_protocol
from digits_core.api.tensors import inputs, parse
from digits_core.errors import BadData
from tests.infer.model_folders import LABELS, make_model, picture


def request(*tensors, **more):
    return json.dumps({"inputs": list(tensors), **more}).encode()


def tensor(name="image", datatype="UINT8", shape=(1,), **more):
    return {"name": name, "datatype": datatype, "shape": list(shape), **more}


@pytest.mark.parametrize(("bad", "why"), [
    (tensor(data=[256]), "no UINT8"), (tensor(data=[-1]), "no UINT8"), (tensor(data=[1.5]), "no UINT8"),
    (tensor(data=["a"]), "no UINT8"), (tensor(data=[None]), "no UINT8"), (tensor(data=[True]), "no UINT8"),
    (tensor(data=[2**70]), "no UINT8"), (tensor(data=[[1], [2, 3]]), "not of one length"),
    (tensor(datatype="FP32", data=[1e39]), "no FP32"), (tensor(datatype="FP64", data=[1.0]), "FP64"),
    (tensor(datatype=7, data=[1]), "'7'"), (tensor(data=[1, 2]), "has 2 numbers"), (tensor(data=5), "has no data"),
    (tensor(), "has no data"), (tensor(shape=[-1], data=[1]), "no shape"), (tensor(shape=[1.0], data=[1]), "no shape"),
    (tensor(shape=[1] * 9, data=[1]), "no shape"), (tensor(shape=[2**40], data=[1]), "no shape"),
    ({"name": "a", "data": [1]}, "no shape"), ({"shape": [1]}, "needs a name"), ({"name": 3}, "needs a name"),
    (tensor(datatype="BYTES", data=["ä!"]), "base64"), (tensor(datatype="BYTES", data=[]), "has 0 elements"),
    (tensor(parameters=3, data=[1]), "parameters"), (tensor(parameters={"binary_data_size": 5}), "4 bytes follow"),
    (tensor(parameters={"binary_data_size": -1}), "4 bytes follow"), (tensor(data=[1]), "belong to no input"),
    (tensor(parameters={"binary_data_size": "4"}), "4 bytes follow"),
    (tensor(datatype="BYTES", parameters={"binary_data_size": 4}), "do not fit"),
    (tensor(datatype="BYTES", parameters={"binary_data_size": 3}), "do not fit"),
    (tensor(datatype="FP32", parameters={"binary_data_size": 3}), "no row of FP32"),
])
def test_a_bad_tensor_is_refused_in_words(bad, why):
    behind = b"" if "data" in bad and why != "belong to no input" else b"\xff\x00\x00\x00"
    with pytest.raises(BadData, match=why):
        inputs({"inputs": [bad]}, behind)


NAMES = st.sampled_from(["name", "shape", "datatype", "data", "parameters", "binary_data_size"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3) | st.just("image")
    | st.sampled_from(["UINT8", "BYTES", "FP32"]) | st.lists(st.integers(0, 3), max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=12)


@given(st.lists(st.dictionaries(NAMES, JSON, max_size=6), max_size=3), st.binary(max_size=12))
def test_no_tensor_is_a_fault(tensors, behind):
    asked = [{"name": "image", "datatype": "FP32", **one} for one in tensors]
    with contextlib.suppress(BadData):
        assert all(isinstance(found, np.ndarray | list) for found in inputs({"inputs": asked}, behind).values())


@pytest.mark.parametrize(("body", "length", "why"), [
    (b"", None, "not JSON"), (b"[]", None, "JSON object"), (b"\xff", None, "not JSON"), (b'{"a": NaN}', None, "NaN"),
    (b"[" * 100_000, None, "not JSON"), (b"{}", "3", "has 2 bytes"), (b"{}", "-1", "has 2 bytes"),
    (b"{}", "²", "has 2 bytes")])
def test_a_bad_request_is_refused_in_words(body, length, why):
    with pytest.raises(BadData, match=why):
        parse(body, length)


def test_numbers_in_words_are_limited():
    with pytest.raises(BadData, match="may have 32 MB"):
        parse(b" " * 32_000_001, None)


def test_bytes_and_json_say_the_same():
    pixels = np.arange(6, dtype="<f4").reshape(1, 2, 3)
    in_json = tensor(datatype="FP32", shape=pixels.shape, data=pixels.tolist())
    behind = tensor(datatype="FP32", shape=pixels.shape, parameters={"binary_data_size": pixels.nbytes})
    words = tensor("words", "BYTES", [2], parameters={"binary_data_size": 11})
    found = inputs({"inputs": [behind, words]}, pixels.tobytes() + struct.pack("<I", 3) + b"abc" + struct.pack("<I", 0))
    assert np.array_equal(found["image"], pixels) and found["words"] == [b"abc", b""]
    assert np.array_equal(inputs({"inputs": [in_json]}, b"")["image"], pixels)


@pytest.fixture
def model(store):
    return make_model(store, name="the digits", crop=10, side=12)


@pytest.fixture
def path(nobody, model):
    return f"http://localhost:8501/v2/models/{model.id}"


def test_a_model_is_described(nobody, path, model):
    found = nobody.get(path).json()
    assert found["versions"] == ["1", "2"] and found["name"] == model.id
    assert found["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 12, 12, 1]},
                               {"name": "image_bytes", "datatype": "BYTES", "shape": [-1]}]
    assert found["outputs"][0] == {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}
    assert nobody.get(f"{path}/versions/1").json() == found
    assert nobody.get("http://localhost:8501/v2/models/the digits").json() == {**found, "name": "the digits"}


def test_health_index_and_what_is_missing(nobody, path, model, store):
    root = "http://localhost:8501/v2"
    assert nobody.get(root).json()["extensions"] == ["binary_tensor_data", "classification", "statistics"]
    assert [nobody.get(f"{root}/health/{what}").status_code for what in ("live", "ready")] == [200, 200]
    assert nobody.post(f"{root}/repository/index").json() == [
        {"name": model.id, "version": "2", "state": "READY", "reason": ""}]
    for missing in ("/models/nothing", "/models/nothing/ready", f"/models/{model.id}/versions/7/ready", "/nothing"):
        answer = nobody.get(root + missing)
        assert answer.status_code == 404 and isinstance(answer.json()["error"], str), missing
    make_model(store, name="the digits")
    assert "use the id" in nobody.get(f"{root}/models/the digits").json()["error"]
    assert nobody.get(f"{path}/stats").json()["model_stats"][0]["inference_count"] == 0


@pytest.mark.parametrize(("tensors", "more", "why"), [
    ([], {}, "Give one input"), ([tensor("other", shape=[0], data=[])], {}, "Give one input"),
    ([tensor(shape=[1, 2, 2, 1], data=[0] * 4)], {}, "must be uint8"), ([tensor(data=[1])], {}, "must be uint8"),
    ([tensor(shape=[0, 12, 12, 1], data=[])], {}, "holds 0 entries"),
    ([tensor(datatype="BYTES", data=["AAAA"])], {}, "must be uint8"),
    ([tensor("image_bytes", data=[1])], {}, "holds files"),
    ([tensor("image_bytes", "BYTES", data=["AAAA"])], {"outputs": [{"name": "mask"}]}, "no output 'mask'"),
    ([tensor("image_bytes", "BYTES", data=["AAAA"])], {"outputs": ["x"]}, "list of objects"),
    ([tensor("image_bytes", "BYTES", data=["AAAA"])], {"parameters": {"top": 0}}, "top is"),
])
def test_what_does_not_fit_the_model_is_refused(nobody, path, tensors, more, why):
    answer = nobody.post(f"{path}/infer", content=request(*tensors, **more))
    assert answer.status_code == 400 and why in answer.json()["error"]


def test_the_rules_of_the_server_hold_here_too(nobody, path):
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        assert "Give one input" not in nobody.post(f"{path}/infer", content=b"{}", headers=headers).text
    assert "Give one input" in nobody.post(f"{path}/infer", content=b"{}").text
    assert nobody.get("http://localhost:8501/v2").headers["X-Content-Type-Options"] == "nosniff"


def test_compressed_and_endless_requests_are_refused(nobody, path, monkeypatch):
    answer = nobody.post(f"{path}/infer", content=b"x", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 400 and "Compressed" in answer.json()["error"]
    monkeypatch.setattr("digits_core.api.protocol.LARGEST", 10)
    assert nobody.post(f"{path}/infer", content=iter([b"x" * 6] * 3)).status_code == 413


def test_half_a_request_is_no_fault_of_the_server(workspace, caplog):
    sent = [{"type": "http.request", "body": b'{"in', "more_body": True}, {"type": "http.disconnect"}]
    answers = []

    async def receive():
        return sent.pop(0)

    async def send(message):
        answers.append(message)

    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/v2/models/x/infer", "query_string": b"",
             "headers": [(b"content-length", b"100")], "root_path": "", "scheme": "http", "server": ("localhost", 80)}
    asyncio.run(create_protocol(workspace)(scope, receive, send))
    assert answers[0]["status"] == 400 and not caplog.records


def test_json_gives_probabilities_and_words(nobody, path):
    files = tensor("image_bytes", "BYTES", [2], data=[base64.b64encode(picture(seed)).decode() for seed in (1, 2)])
    said = nobody.post(f"{path}/infer", content=request(files, id="7", outputs=[
        {"name": "probabilities"}, {"name": "answer"}], parameters={"top": 1})).json()
    assert (said["id"], said["model_version"]) == ("7", "2")
    numbers, words = said["outputs"]
    assert numbers["shape"] == [2, 10] and words["shape"] == [2]
    best = np.argmax(np.reshape(numbers["data"], (2, 10)), 1)
    assert [json.loads(text)["predictions"][0]["label"] for text in words["data"]] == [LABELS[k] for k in best]
    ranked = nobody.post(f"{path}/infer", content=request(files, outputs=[
        {"name": "probabilities", "parameters": {"classification": 2}}])).json()["outputs"][0]
    assert ranked["shape"] == [2, 2] and ranked["data"][0].split(":")[1:] == [str(best[0]), LABELS[best[0]]]
    broken = nobody.post(f"{path}/infer", content=request(tensor("image_bytes", "BYTES", data=["AAAA"])))
    assert broken.status_code == 400 and "image_bytes 0" in broken.json()["error"]
    stats = nobody.get(f"{path}/stats").json()["model_stats"][0]
    assert stats["inference_count"] == 5 and stats["execution_count"] == 4
    assert nobody.get("http://localhost:8501/v2/models/stats").json()["model_stats"][0]["name"] in path
