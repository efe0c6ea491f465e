"""The models that the inference process keeps ready: the last few used, each loaded once, again when it changes."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from digits_core.infer.model_files import CheckpointFile
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.store import JobStore

Model = TypeVar("Model")
Key = tuple[str, str]


class _Place(Generic[Model]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stamp: tuple[object, ...] = ()
        self.model: Model | None = None


class Loaded(Generic[Model]):
    """At most ``limit`` models; the one that nobody asked for the longest goes first."""

    def __init__(self, store: JobStore, limit: int, load: Callable[[ModelFolder, CheckpointFile], Model]) -> None:
        self.store, self.limit, self.load = store, limit, load
        self._places: OrderedDict[Key, _Place[Model]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, job_id: str, file: str) -> Model:
        """The model of a job with the weights ``file``. Raises a DigitsError when it cannot be loaded."""
        folder = self.store.folder(job_id).path
        key = (job_id, file)
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
            while len(self._places) > self.limit:
                self._places.popitem(last=False)
        with place.lock:  # of one model only: a large one does not keep the others waiting
            try:
                return self._current(place, folder, file)
            except BaseException:
                self._forget(key, place)
                raise

    def _current(self, place: _Place[Model], folder: Path, file: str) -> Model:
        model = ModelFolder.read(folder)
        stamp = model.stamp(file)
        if place.model is None or place.stamp != stamp:
            place.model, place.stamp = self.load(model, model.checkpoint(file)), stamp
        return place.model

    def _forget(self, key: Key, place: _Place[Model]) -> None:
        with self._lock:
            if self._places.get(key) is place:
                del self._places[key]

    def keys(self) -> list[Key]:
        """What is loaded, the one used last at the end."""
        return [key for key, _ in self._held()]

    def ready(self) -> list[tuple[Key, Model]]:
        """The same with the models, without those that are still being loaded."""
        return [(key, place.model) for key, place in self._held() if place.model is not None]

    def _held(self) -> list[tuple[Key, _Place[Model]]]:
        with self._lock:
            return list(self._places.items())
