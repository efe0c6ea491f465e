import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from digits_core.errors import BadData, InvalidOptions, NotAllowed, NotFound, Unsafe
from digits_core.jobs.model import Status
from digits_core.services import inference
from tests.infer.model_folders import LABELS, add_checkpoint, make_model, picture
from tests.infer.sharing import shared_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    yield from shared_workspace(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def model(workspace):
    return make_model(workspace.store)


def test_classify_gives_the_best_labels_first_with_latency(workspace, model):
    answer, = inference.classify(workspace, "", model.id, [("a.png", picture())], top=3)
    assert answer["image"] == "a.png"
    probabilities = [entry["probability"] for entry in answer["predictions"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert len(probabilities) == 3
    assert {entry["label"] for entry in answer["predictions"]} <= set(LABELS)
    assert answer["latency_ms"] > 0


def test_all_labels_together_are_one(workspace, model):
    answer, = inference.classify(workspace, "", model.id, [("a.png", picture())], top=99)
    assert len(answer["predictions"]) == 10
    assert sum(entry["probability"] for entry in answer["predictions"]) == pytest.approx(1, abs=1e-6)


def test_any_checkpoint_can_be_asked(workspace):
    view = make_model(workspace.store)
    add_checkpoint(view.folder.path, 0.5, seed=9, best=False)
    answers = {which: inference.classify(workspace, "", view.id, [("a", picture())], which)[0]["predictions"][0]
               for which in ("best", "last", "2", "1", "0.5")}
    assert answers["best"] == answers["last"] == answers["2"]
    assert len({answer["probability"] for answer in answers.values()}) == 3
    with pytest.raises(NotFound, match=r"there are: best, last, 0\.5, 1, 2"):
        inference.classify(workspace, "", view.id, [("a", picture())], "77")


def test_a_picture_that_cannot_be_read_is_an_answer_among_others_and_an_error_alone(workspace, model):
    good, bad = inference.classify(workspace, "", model.id, [("a.png", picture()), ("b.png", b"GIF89a")])
    assert "error" not in good
    assert bad["predictions"] == []
    assert bad["error"].startswith("is ")
    with pytest.raises(BadData, match=r"b\.png is "):
        inference.classify(workspace, "", model.id, [("b.png", b"")])
    with pytest.raises(BadData, match="No picture was given"):
        inference.classify(workspace, "", model.id, [])


def test_only_models_classify(workspace, model, tmp_path):
    (tmp_path / "x.png").write_bytes(picture())
    batch = inference.create_batch(workspace, "tester", model.id, "b", {"folder": str(tmp_path)})
    with pytest.raises(NotFound, match="is a inference, not a model or pretrained"):
        inference.classify(workspace, "", batch.id, [("a", picture())])


def test_pictures_come_from_paths_below_the_roots_only(workspace, tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "in_evil"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "größe 日.png").write_bytes(b"x")
    (inside / "link.png").symlink_to(outside / "größe 日.png")
    limited = type(workspace)(workspace.settings.model_copy(update={"data_roots": [inside]}), workspace.store)
    assert inference.load_images(limited, [f"{inside}/größe 日.png"]) == [(f"{inside}/größe 日.png", b"x")]
    for path in (f"{outside}/größe 日.png", f"{inside}/../in_evil/größe 日.png", f"{inside}/link.png", "/etc/passwd"):
        with pytest.raises(Unsafe):
            inference.load_images(limited, [path])
    with pytest.raises(NotFound):
        inference.load_images(limited, [f"{inside}/none.png"])
    with pytest.raises(BadData, match="is a folder, not a file"):
        inference.load_images(limited, [str(inside)])


@pytest.fixture
def address(tmp_path):
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    handler.log_message = lambda *words: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_pictures_come_from_addresses_that_are_allowed(workspace, address, tmp_path):
    (tmp_path / "a.png").write_bytes(picture())
    allowed = type(workspace)(workspace.settings.model_copy(update={"private_hosts": ["127.0.0.1"]}), workspace.store)
    assert inference.load_images(allowed, [f"{address}/a.png"]) == [(f"{address}/a.png", picture())]
    with pytest.raises(Unsafe):
        inference.load_images(workspace, [f"{address}/a.png"])


def test_what_the_network_sees_is_a_png_of_its_size(workspace, model):
    png = inference.network_input(workspace, "", model.id, ("a.png", picture(side=50)))
    assert png.startswith(b"\x89PNG")
    assert png[16:24] == (12).to_bytes(4, "big") * 2


@pytest.mark.parametrize(("options", "field"), [
    ({}, "folder"), ({"folder": "/nowhere/at/all"}, "folder"), ({"folder": "relative"}, "folder"),
    ({"method": "text"}, "image_list"), ({"method": "text", "image_list": "/tmp"}, "image_list"),
    ({"method": "upload"}, "uploads"), ({"folder": "/tmp", "limit": 0}, "limit"),
    ({"folder": "/tmp", "checkpoint": "99"}, "model"), ({"folder": "/tmp", "tpo": 3}, "tpo"),
])
def test_a_batch_that_cannot_work_is_refused_at_its_field(workspace, model, options, field):
    with pytest.raises(InvalidOptions) as caught:
        inference.create_batch(workspace, "tester", model.id, "b", options)
    assert field in caught.value.by_field()


def test_a_batch_needs_a_name_and_a_user_and_a_model(workspace, model):
    with pytest.raises(NotAllowed):
        inference.create_batch(workspace, "", model.id, "b", {"folder": "/tmp"})
    with pytest.raises(InvalidOptions):
        inference.create_batch(workspace, "tester", model.id, " ", {"folder": "/tmp"})
    with pytest.raises(InvalidOptions, match="model"):
        inference.create_batch(workspace, "tester", "20200101-000000-0000", "b", {"folder": "/tmp"})


def test_a_waiting_batch_has_no_rows_and_no_summary_yet(workspace, model, tmp_path):
    view = inference.create_batch(workspace, "tester", model.id, "b", {"folder": str(tmp_path)}, "gruppe")
    assert (view.status, view.group, view.job.needs) == (Status.WAITING, "gruppe", (model.id,))
    assert inference.batch_results(workspace, view.id) == ([], 0)
    assert inference.batch_summary(workspace, view.id) == {}
    assert b"".join(inference.batch_csv(workspace, view.id)).startswith(b"path,truth,error,label1,probability1")
