import threading

import pytest

from digits_core.errors import BadData, NotFound
from digits_core.infer.client import InferenceClient
from tests.infer.model_folders import add_checkpoint, make_model, picture
from tests.infer.sharing import shared_workspace

BEST = "epoch_0002.000.safetensors"
IMAGES = [("a.png", picture(1)), ("b.png", picture(2))]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    yield from shared_workspace(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def inference(workspace):
    return InferenceClient(workspace.settings)


def test_many_clients_at_once_share_one_process_and_agree(store, inference):
    view, answers, pids = make_model(store), [], set()

    def ask():
        rows = inference.classify(view.id, BEST, IMAGES, 5)
        answers.append([row["predictions"] for row in rows])
        pids.add(inference.status()["pid"])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert all(answer == answers[0] for answer in answers)
    assert len(pids) == 1


def test_broken_models_and_pictures_are_answers_not_deaths(store, inference):
    good, bad = make_model(store), make_model(store, 1)
    inference.classify(good.id, BEST, IMAGES, 1)
    first = inference.status()["pid"]
    path = bad.folder.checkpoints / BEST
    path.write_bytes(path.read_bytes()[:-4] + b"abcd")
    with pytest.raises(BadData, match="wrong sha256"):
        inference.classify(bad.id, BEST, IMAGES, 1)
    with pytest.raises(NotFound):
        inference.classify("20200101-000000-0000", BEST, IMAGES, 1)
    with pytest.raises(BadData):
        inference.classify(good.id, "../../x.safetensors", IMAGES, 1)
    mixed = inference.classify(good.id, BEST, [("x", b"not a picture"), IMAGES[0], ("empty", b"")], 1)
    assert [("error" in row) for row in mixed] == [True, False, True]
    assert inference.status()["pid"] == first


def test_names_that_are_no_utf8_come_back_as_they_were(store, inference):
    name = b"\xff\xfe \xe2\x82\xac.png".decode("utf-8", "surrogateescape")
    assert inference.classify(make_model(store).id, BEST, [(name, picture())], 1)[0]["image"] == name


def test_a_new_checkpoint_is_loaded_while_it_runs(store, inference):
    view = make_model(store)
    before = inference.classify(view.id, BEST, IMAGES, 10)
    add_checkpoint(view.folder.path, 2.0, seed=123, best=True)
    after = inference.classify(view.id, BEST, IMAGES, 10)
    assert before[0]["predictions"] != after[0]["predictions"]
