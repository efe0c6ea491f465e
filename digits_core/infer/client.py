"""Asks the resident inference process, and starts it when there is none. No torch here."""

import base64
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import filelock

from digits_core import files
from digits_core.errors import DigitsError, NotAllowed
from digits_core.infer.protocol import Image, Question, chunks, folder_of, log_of, pack, record_of, to_error
from digits_core.jobs import confine, process
from digits_core.networks.custom import CUSTOM
from digits_core.settings import PREFIX, Settings

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
START_S = 120.0
ANSWER_S = 300.0
SOCKET_PREFIX = "digits-inference-"


class InferenceDown(DigitsError):
    """The inference process does not start, or ended twice over the same question."""


class InferenceClient:
    """Asks the inference process of one jobs folder; cheap, and safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def classify(self, model: str, file: str, images: Sequence[Image], top: int, embed: bool = False,
                 whole: bool = False) -> list[Json]:
        """One answer per picture, see ``services.inference.classify``; ``file`` names the checkpoint's weights.

        ``embed``: each answer has the picture's "features" too, see infer.features. ``whole``: pictures keep their
        size.

        Raises the DigitsError that the model causes, InferenceDown when the process cannot be kept alive.
        """
        return self._rows(Question(model, file, top, list(images), None, embed, whole))

    def tensors(self, model: str, file: str, entries: Sequence[Image], pixels: bool, top: int = 0) -> list[Json]:
        """Answers with their numbers as "array" (see infer.tensors), of pictures or of arrays that hold ``pixels``.

        With ``top`` also what ``classify`` tells.
        """
        return self._rows(Question(model, file, top, list(entries), pixels=pixels, raw=True))

    def _rows(self, question: Question) -> list[Json]:
        answers: list[Json] = []
        own = self._own(question.model)
        for piece in chunks(question.images):
            answers += self._ask("/classify", pack(question._replace(images=piece)), own)["rows"]
        return answers

    def augment(self, dataset: str, options: Json, seed: int) -> list[bytes]:
        """PNGs of training pictures, see ``services.models.augmentation_preview``."""
        body = json.dumps({"dataset": dataset, "options": options, "seed": seed}).encode()
        return [base64.b64decode(picture) for picture in self._ask("/augment", body)["pictures"]]

    def look(self, model: str, file: str, image: Image, top: int, wanted: Json) -> Json:
        """The answer for one picture and what happened inside, see ``services.inference.look``."""
        return self._ask("/look", pack(Question(model, file, top, [image], wanted)), self._own(model))

    def weights(self, model: str, file: str, colormap: str | None) -> Json:
        """What every layer has learned, and which units there are, see ``services.maxima.weights``."""
        return self._ask("/look", pack(Question(model, file, 1, [], {"colormap": colormap})), self._own(model))

    def make(self, model: str, file: str, images: Sequence[Image], wanted: Json) -> list[Json]:
        """Panels as JSON: what a model that makes pictures was asked for, see ``services.making.make``."""
        question = Question(model, file, 1, list(images), make=wanted)
        panels: list[Json] = self._ask("/classify", pack(question), self._own(model))["panels"]
        return panels

    def status(self) -> Json:
        """What the process says about itself: pid, device, loaded models. Starts it when there is none."""
        return self._ask("/status", b"")

    def running(self) -> list[Json]:
        """The same of every process that runs now, also of those of one model each; starts none."""
        found = []
        for own in _served(self.settings.jobs_dir):
            record = current(self.settings.jobs_dir, own)
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                found += [_post(record, "/status", b"", 5)[1]] if record else []
        return found

    def _own(self, model: str) -> str:
        """The model itself when its network is custom: its code runs in a process that answers for it alone."""
        described = files.read_json(self.settings.jobs_dir / model / "network.json") or {}
        if described.get("network") != CUSTOM:
            return ""
        if not self.settings.runs_user_code:
            raise NotAllowed("Custom networks are switched off on this server (DIGITS_CUSTOM_NETWORKS), so this model "
                             "cannot be used here.")
        return model

    def _ask(self, path: str, body: bytes, own: str = "") -> Json:
        for _ in range(2):
            record = ensure(self.settings, own)
            try:
                code, answer = _post(record, path, body, ANSWER_S)
            except (OSError, http.client.HTTPException):
                self._give_up_on(record)
                continue
            if code == 503:  # it ends by itself: its GPU is gone or full
                continue
            if code != 200:
                raise to_error(answer.get("error", {}))
            return answer
        raise InferenceDown("The inference process ended twice while it worked on this. The end of its log: "
                            + last_words(self.settings.jobs_dir, own))

    def _give_up_on(self, record: Json) -> None:
        """End the process unless it is well, so that the next try gets a new one."""
        with _lock(self.settings):
            if process.is_alive(record.get("process")) and not _is_well(record):
                process.signal_group(record["process"], signal.SIGKILL)
                _await_end(record, 10)


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("inference", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        """See HTTPConnection."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def _post(record: Json, path: str, body: bytes, timeout_s: float) -> tuple[int, Json]:
    """Status code and answer. Raises OSError or HTTPException when the process does not answer."""
    connection = _Connection(str(record["socket"]), timeout_s)
    try:
        connection.request("POST", path, body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def current(jobs_dir: Path, own: str = "") -> Json | None:
    """The record of the process that serves a jobs folder, or one model of it; None when there is none alive."""
    record = files.read_json(record_of(jobs_dir, own))
    alive = record and isinstance(record.get("socket"), str) and process.is_alive(record.get("process"))
    return record if alive else None


def ensure(settings: Settings, own: str = "") -> Json:
    """The record of the running process; starts one when there is none. Raises InferenceDown with the reason."""
    record = current(settings.jobs_dir, own)
    if record is not None:
        return record
    with _lock(settings):
        record = current(settings.jobs_dir, own)
        if record is None and own:
            _make_room(settings)
        return record or _start(settings, own)


def _make_room(settings: Settings) -> None:
    """End the oldest of the processes that serve one model, so that there are never more than models are kept."""
    found = {own: current(settings.jobs_dir, own) for own in _served(settings.jobs_dir) if own}
    alive = sorted((record["started"], own) for own, record in found.items() if record)
    for _, own in alive[:max(0, len(alive) - settings.inference_models + 1)]:
        _end(settings, own, 10)


def _served(jobs_dir: Path) -> list[str]:
    """For whom there are records: "" is everybody."""
    return ["" if path == record_of(jobs_dir) else path.stem for path in folder_of(jobs_dir).glob("*.json")]


def stop(settings: Settings, wait_s: float = 10) -> None:
    """End the processes that run; answers that are under way are finished first."""
    with _lock(settings):
        for own in _served(settings.jobs_dir):
            _end(settings, own, wait_s)


def _end(settings: Settings, own: str, wait_s: float) -> None:
    record = current(settings.jobs_dir, own)
    if record is not None:
        process.signal_group(record["process"], signal.SIGTERM)
        if not _await_end(record, wait_s):
            process.signal_group(record["process"], signal.SIGKILL)
            _await_end(record, wait_s)
    _remove_stale(settings.jobs_dir, own)


def last_words(jobs_dir: Path, own: str = "") -> str:
    """The last line of the process's log that says something."""
    lines = [line.strip() for line in files.tail(log_of(jobs_dir, own), 8_000).splitlines() if line.strip()]
    return lines[-1][:300] if lines else "(it is empty)"


@contextlib.contextmanager
def _lock(settings: Settings) -> Any:
    """Only one client at a time starts or ends the process."""
    path = settings.jobs_dir / ".locks" / "inference.lock"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with filelock.FileLock(path, timeout=START_S + 30):
            yield
    except filelock.Timeout:
        raise InferenceDown("Another program has been starting the inference process for minutes. "
                            f"Look at {log_of(settings.jobs_dir)}, then try again.") from None


def _start(settings: Settings, own: str) -> Json:
    _remove_stale(settings.jobs_dir, own)
    folder_of(settings.jobs_dir).mkdir(exist_ok=True, mode=0o700)
    with log_of(settings.jobs_dir, own).open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "digits_core.infer.server", str(settings.jobs_dir), own], cwd=ROOT,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=_environment(settings, own))
    threading.Thread(target=child.wait, daemon=True, name="inference-reaper").start()  # leaves no zombie behind
    if _until(lambda: _serves(settings.jobs_dir, own, child.pid) or child.poll() is not None, START_S):
        record = current(settings.jobs_dir, own)
        if record is not None:
            return record
        if files.free_bytes(settings.jobs_dir) < 1_000_000:
            raise files.DiskFull("The inference process does not start: the disk is full. Free some space (System "
                                 "page: disk by job).")
        raise InferenceDown("The inference process does not start. The end of its log: "
                            + last_words(settings.jobs_dir, own))
    process.signal_group(process.identity(child.pid), signal.SIGKILL)
    raise InferenceDown(f"The inference process did not get ready within {START_S:.0f} s: the machine is very busy, "
                        "or its disk very slow. Try again.")


def _serves(jobs_dir: Path, own: str, pid: int) -> bool:
    record = current(jobs_dir, own)
    return record is not None and record["process"].get("pid") == pid


def _environment(settings: Settings, own: str) -> dict[str, str]:
    """One thread a picture: answers do not depend on the load, and a training beside it keeps its processors.

    No secrets where a user's code runs.
    """
    names = ("inference_idle_s", "inference_models", "inference_device")
    ours = {PREFIX + name.upper(): str(getattr(settings, name)) for name in names}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "PYTHONPATH": path}
    inherited = confine.scrubbed(os.environ) if own else confine.without_keys(os.environ)
    return {**inherited, **ours, **threads, PREFIX + "JOBS_DIR": str(settings.jobs_dir)}


def _remove_stale(jobs_dir: Path, own: str) -> None:
    """Clear away what a killed process left: its record and its socket's folder."""
    record = files.read_json(record_of(jobs_dir, own)) or {}
    folder = Path(str(record.get("socket", ""))).parent
    if folder.name.startswith(SOCKET_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)
    record_of(jobs_dir, own).unlink(missing_ok=True)


def _is_well(record: Json) -> bool:
    if not process.is_alive(record.get("process")):
        return False
    try:
        return _post(record, "/status", b"", 5)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def _await_end(record: Json, wait_s: float) -> bool:
    return _until(lambda: not process.is_alive(record.get("process")), wait_s)


def _until(condition: Callable[[], bool], wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
