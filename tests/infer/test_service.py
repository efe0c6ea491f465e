import concurrent.futures
import json
import os

import numpy as np
import pytest

from digits_core.infer import server
from digits_core.infer.predictor import GPU_BATCH
from digits_core.infer.protocol import Question, chunks, pack, record_of, unpack
from digits_core.infer.served import Served
from digits_core.infer.service import Service
from digits_core.jobs.devices import Gpu
from tests.infer.model_folders import make_model, picture

BEST = "epoch_0002.000.safetensors"
IMAGES = [("a.png", picture(1)), ("bad", b"x"), ("b.png", picture(2))]


def answer(service, view, images=IMAGES, top=2):
    response = service._answer(pack(Question(view.id, BEST, top, images)))
    return response.status_code, json.loads(response.body)


def rows_of(service, view):
    return [(row["image"], row["predictions"]) for row in answer(service, view)[1]["rows"]]


class OnPretendedGpu:
    """A model whose forward pass fails as a GPU does."""

    def __init__(self, view):
        from digits_core.infer.model_folder import ModelFolder

        self.model = ModelFolder.read(view.folder.path)

    def predict(self, pictures):
        raise RuntimeError("CUDA error: device-side assert triggered")


def test_batches_for_a_gpu_give_each_picture_its_own_row(store, settings):
    view = make_model(store)
    on_cpu, on_gpu = Service(settings, "cpu"), Service(settings, "cpu")
    on_gpu.device = "cuda"
    wanted = rows_of(on_cpu, view)
    assert rows_of(on_gpu, view) == wanted
    assert [len(predictions) for _, predictions in wanted] == [2, 0, 2]


def test_requests_of_several_clients_share_batches_on_a_gpu(store, settings):
    view = make_model(store)
    service = Service(settings, "cpu")
    pictures = [[(f"{number}.png", picture(number)), ("bad", b"x")] for number in range(12)]
    wanted = [answer(service, view, asked)[1]["rows"][0]["predictions"] for asked in pictures]
    service.device = "cuda"
    with service._gpu, concurrent.futures.ThreadPoolExecutor(12) as clients:  # the device is busy while they come
        found = [clients.submit(answer, service, view, asked) for asked in pictures]
        served = service.loaded.get(view.id, BEST)
        while len(served.gather._waiting) < 12:
            concurrent.futures.wait(found, 0.001)
        service._gpu.release()
        rows = [one.result(60)[1]["rows"] for one in found]
        service._gpu.acquire()
    assert [first["predictions"] for first, _ in rows] == wanted
    assert all("error" in second for _, second in rows)
    facts = served.facts()
    assert facts["batches"][-1][:2] == [12, 1] and facts["requests"] == 24


def test_filling_a_batch_changes_nothing_but_its_size(store, settings):
    predictor = Service(settings, "cpu").loaded.get(make_model(store).id, BEST).predictor
    pixels = [predictor.model.prepare(picture(seed), "a").pixels for seed in range(3)]
    filled = predictor._batch(pixels, GPU_BATCH)
    assert [len(row) for row in filled] == [10, 10, 10]
    assert np.allclose(filled, predictor.predict(pixels), atol=1e-5)


def test_a_gpu_that_fails_ends_the_process_after_an_answer(store, settings):
    view = make_model(store)
    service = Service(settings, "cpu")
    service.device = "cuda"
    service.loaded.load = lambda model, row: Served(OnPretendedGpu(view), service._gpu)
    record_of(settings.jobs_dir).parent.mkdir()
    record_of(settings.jobs_dir).write_text("{}")
    code, body = answer(service, view)
    assert (code, body["error"]["text"]) == (503, "The GPU reported an error.")
    assert service.ending.is_set()
    assert not record_of(settings.jobs_dir).exists()


def test_an_unexpected_error_is_an_answer(store, settings):
    view = make_model(store)
    service = Service(settings, "cpu")
    service.loaded.load = lambda model, row: 1 / 0
    code, body = answer(service, view)
    assert code == 500
    assert "division by zero" in body["error"]["text"]
    assert not service.ending.is_set()


@pytest.mark.parametrize("body", [b"", b"abc", b"\xff\xff\xff\xff{}", pack(Question("x", "y", 1, IMAGES))[:-1],
                                  pack(Question("x", "y", 1, IMAGES)) + b"z", b"\x00\x00\x00\x02[]"])
def test_a_request_that_is_none_is_refused(settings, body):
    assert Service(settings, "cpu")._answer(body).status_code == 400


def test_a_question_survives_the_journey():
    question = Question("id", "file", 3, [("größe 日 \udcff", b"\x00\xff"), ("empty", b"")])
    assert unpack(pack(question)) == question


def test_large_pictures_travel_alone():
    sizes = [[len(data) for _, data in piece] for piece in chunks([("a", b"x" * 20_000_000)] * 3 + [("b", b"")] * 70)]
    assert [len(piece) for piece in sizes] == [1, 1, 64, 7]


def gpu(index, used):
    return Gpu(f"GPU-{index}", index, "pretended", 100, used)


@pytest.mark.parametrize(("wanted", "gpus", "leased", "device", "visible"), [
    ("auto", [], [], "cpu", ""),
    ("auto", [gpu(0, 50), gpu(1, 20)], [], "cuda", "GPU-1"),
    ("auto", [gpu(0, 50), gpu(1, 20)], ["GPU-1"], "cuda", "GPU-0"),
    ("auto", [gpu(0, 0)], ["GPU-0"], "cpu", ""),
    ("gpu", [gpu(0, 0)], ["GPU-0"], "cuda", "GPU-0"),
    ("gpu", [], [], "cpu", ""),
    ("cpu", [gpu(0, 0)], [], "cpu", ""),
])
def test_predictions_are_made_where_no_training_is(settings, monkeypatch, wanted, gpus, leased, device, visible):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "none")
    monkeypatch.setattr(server.devices, "gpus", lambda: gpus)
    monkeypatch.setattr(server, "free_gpus", lambda store, ids: [uuid for uuid in ids if uuid not in leased])
    monkeypatch.setattr(server.torch.cuda, "is_available", lambda: True)
    assert server.choose_device(settings.model_copy(update={"inference_device": wanted})) == device
    assert os.environ["CUDA_VISIBLE_DEVICES"] == visible
