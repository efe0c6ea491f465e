"""Answers questions about pictures, inside the inference process."""

import concurrent.futures
import functools
import json
import logging
import os
import threading
import time
from pkgutil import resolve_name
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digits_core.errors import BadData, DigitsError, InvalidOptions
from digits_core.infer.answers import Asked, Found
from digits_core.infer.augmentation import preview
from digits_core.infer.loaded import Loaded
from digits_core.infer.model_folder import Prepared
from digits_core.infer.predictor import Predictor
from digits_core.infer.protocol import LARGEST, Image, Question, record_of, unpack
from digits_core.infer.served import Served
from digits_core.infer.tensors import to_input, to_output, to_text
from digits_core.jobs import devices
from digits_core.jobs.failures import explain
from digits_core.jobs.store import JobStore
from digits_core.settings import Settings
from digits_core.tasks import task
from digits_core.views import to_json

Json = dict[str, Any]
log = logging.getLogger("digits.inference")


class Service:
    """Answers questions. Counts what is under way, so that the process knows when it is idle."""

    def __init__(self, settings: Settings, device: str, own: str = "") -> None:
        """``own``: the only model that is answered for, whose network may then be custom."""
        self.settings, self.device, self.own = settings, device, own
        self._gpu = threading.Lock()
        self.loaded: Loaded[Served] = Loaded(
            JobStore(settings.jobs_dir), settings.inference_models,
            lambda model, row: Served(Predictor(model, row, device, user_code=bool(own)), self._gpu))
        self.pool = concurrent.futures.ThreadPoolExecutor(devices.cpu_count(), "picture")
        self.ending = threading.Event()
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._busy = 0
        self._last = time.monotonic()

    def app(self) -> Starlette:
        """The routes; a question says itself whether it wants to look inside."""
        return Starlette(routes=[Route("/classify", self.classify, methods=["POST"]),
                                 Route("/look", self.classify, methods=["POST"]),
                                 Route("/augment", self.augment, methods=["POST"]),
                                 Route("/status", self.status, methods=["POST"])])

    async def status(self, request: Request) -> Response:
        """What this process is and holds, and how much that was asked. Does not count as use."""
        served = [{"model": model, "file": file, **one.facts()} for (model, file), one in self.loaded.ready()]
        return _json({"pid": os.getpid(), "device": self.device, "models": self.loaded.keys(), "busy": self._busy,
                      "served": served})

    async def classify(self, request: Request) -> Response:
        """Labels of pictures; errors as {"error": {"type", "text"}}."""
        self._begin(1)
        try:
            if int(request.headers.get("content-length", 0)) > LARGEST:
                return _failure("BadData", f"More than {LARGEST / 1e9:.0f} GB of pictures at once.", 413)
            return await run_in_threadpool(self._answer, await request.body())
        finally:
            self._begin(-1)

    async def augment(self, request: Request) -> Response:
        """Training pictures as augmentation makes them, from {"dataset", "options", "seed"}."""
        self._begin(1)
        try:
            return await run_in_threadpool(self._augmented, await request.body())
        finally:
            self._begin(-1)

    def _augmented(self, body: bytes) -> Response:
        try:
            asked = json.loads(body)
            return _json({"pictures": preview(self.settings.jobs_dir, str(asked["dataset"]), dict(asked["options"]),
                                              int(asked["seed"]))})
        except DigitsError as error:
            kind = "BadData" if isinstance(error, InvalidOptions) else type(error).__name__
            return _failure(kind, str(error), 400)
        except Exception as error:
            log.exception("a preview could not be made")
            return _failure("DigitsError", explain(error).reason, 500)

    def _begin(self, change: int) -> None:
        with self._lock:
            self._busy += change
            self._last = time.monotonic()

    def idle_s(self) -> float:
        """Seconds since the last question was answered; 0 while one is under way."""
        with self._lock:
            return 0.0 if self._busy else time.monotonic() - self._last

    def _answer(self, body: bytes) -> Response:
        try:
            question = unpack(body)
            if self.own and question.model != self.own:
                raise BadData(f"This process answers for {self.own} only.")
            return _json(self._counted(self.loaded.get(question.model, question.file), question))
        except DigitsError as error:
            return _failure(type(error).__name__, str(error), 400)
        except Exception as error:
            log.exception("a question could not be answered")
            if self.device == "cpu" or not isinstance(error, RuntimeError):
                return _failure("DigitsError", explain(error).reason, 500)
            log.error("the GPU failed or is full; this process ends, the next one looks for another device")
            self.ending.set()
            record_of(self.settings.jobs_dir, self.own).unlink(missing_ok=True)  # first: nobody new shall come
            return _failure("DigitsError", explain(error).reason, 503)

    def _counted(self, served: Served, question: Question) -> Json:
        started, failed = time.perf_counter(), True
        try:
            answer = self._said(served, question)
            failed = False
        finally:
            served.tally.asked(len(question.images), time.perf_counter() - started, failed)
        return answer

    def _said(self, served: Served, question: Question) -> Json:
        predictor = served.predictor
        if question.make is not None:
            return {"panels": self._made(predictor, question.images, question.make)}
        if not question.images:
            return self._weights(predictor, question.look or {})
        if question.look is not None:
            return self._look(predictor, question)
        return {"rows": self._rows(served, question)}

    def _made(self, predictor: Predictor, images: list[Image], wanted: Json) -> list[Json]:
        prepared = [_prepared(predictor, image) for image in images]
        if failed := [f"{name} {error}." for (name, _), (_, error) in zip(images, prepared, strict=True) if error]:
            raise BadData(" ".join(failed[:5]))
        maker = resolve_name(task(predictor.model.network.task).maker)
        with self._looking:
            pictures = [(name, one.pixels) for (name, _), (one, _) in zip(images, prepared, strict=True) if one]
            return [to_json(panel) for panel in maker(predictor, pictures, wanted)]

    def _look(self, predictor: Predictor, question: Question) -> Json:
        from digits_core.infer.looking import look  # captum and its companions are heavy, and few ask for it

        (name, _), = question.images[:1]
        prepared, error = _prepared(predictor, question.images[0])
        if prepared is None:
            raise BadData(f"{name} {error}.")
        asked = Asked(name, prepared.size, question.top)
        with self._looking:  # one at a time: pictures of all layers take much memory
            return {"row": _row(predictor, question, asked, predictor.predict([prepared.pixels])[0], "", 0.0),
                    **look(predictor, prepared.pixels, question.look or {})}

    def _weights(self, predictor: Predictor, wanted: Json) -> Json:
        from digits_core.infer.layers import weights  # as above

        with self._looking:
            colormap = wanted.get("colormap")
            return {"parameters": sum(part.numel() for part in predictor.network.parameters()),
                    **weights(predictor, None if colormap is None else str(colormap))}

    def _rows(self, served: Served, question: Question) -> list[Json]:
        if self.device == "cpu":
            return list(self.pool.map(functools.partial(_classified, served, question), question.images))
        started = time.perf_counter()
        prepared: list[tuple[Prepared | None, str]] = []

        def prepare() -> list[Any]:
            wanted = functools.partial(_prepared, served.predictor, question=question)
            prepared.extend(self.pool.map(wanted, question.images))
            return [one.pixels for one, _ in prepared if one is not None]

        found = iter(served.together(prepare, question.embed, alike=not question.whole))
        spent = (time.perf_counter() - started) / len(question.images)
        return [_failed(name, error, spent) if one is None else
                _row(served.predictor, question, _asked(name, one, question), *next(found), spent)
                for (name, _), (one, error) in zip(question.images, prepared, strict=True)]


def _classified(served: Served, question: Question, image: Image) -> Json:
    started = time.perf_counter()
    prepared, error = _prepared(served.predictor, image, question)
    if prepared is None:
        return _failed(image[0], error, time.perf_counter() - started)
    (found, features), = served.run([prepared.pixels], question.embed)
    return _row(served.predictor, question, _asked(image[0], prepared, question), found, features,
                time.perf_counter() - started)


def _asked(name: str, prepared: Prepared, question: Question) -> Asked:
    return Asked(name, prepared.size, question.top, question.whole)


def _prepared(predictor: Predictor, image: Image, question: Question | None = None) -> tuple[Prepared | None, str]:
    """The network's input, or None and why not. No picture may end the process, whatever a decoder raises."""
    name, data = image
    try:
        if question and question.pixels:
            return to_input(predictor.model, data), ""
        return predictor.model.prepare(data, name, bool(question and question.whole)), ""
    except DigitsError as error:
        return None, str(error)
    except Exception as error:
        log.exception("%r could not be read", name)
        return None, f"{name}: {explain(error).reason}"


def _row(predictor: Predictor, question: Question, asked: Asked, found: Found, features: str, spent_s: float) -> Json:
    model = predictor.model.sized(asked.size) if asked.whole else predictor.model
    words = predictor.answerer.words(found, model, asked) if asked.top else {}
    extra = {**({"features": features} if features else {}),
             **({"array": to_text(to_output(model, found))} if question.raw else {})}
    return {"image": asked.name, **words, "latency_ms": round(spent_s * 1000, 2), **extra}


def _failed(name: str, error: str, spent_s: float) -> Json:
    return {"image": name, "predictions": [], "error": error, "latency_ms": round(spent_s * 1000, 2)}


def _json(value: Json, status: int = 200) -> Response:
    """ASCII: a file name that is no valid UTF-8 travels as an escape."""
    return Response(json.dumps(value, allow_nan=False), status, media_type="application/json")


def _failure(kind: str, text: str, status: int) -> Response:
    return _json({"error": {"type": kind, "text": text}}, status)
