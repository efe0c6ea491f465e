"""Calls that come together are answered together: small requests fill one batch of a GPU. No torch here."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from digits_core.errors import DigitsError

Item = TypeVar("Item")
Answer = TypeVar("Answer")
WINDOW_S = 0.002


class _Place(Generic[Item, Answer]):
    def __init__(self, item: Item) -> None:
        self.item = item
        self.done = False
        self.answer: Answer | None = None
        self.error: BaseException | None = None


class Gather(Generic[Item, Answer]):
    """Runs what several threads ask for in batches of at most ``size``.

    Whoever gets the ``turn`` (of the device, shared by its models) works for all that wait by then, so requests pile up
    into batches while others are calculated. A batch waits up to ``window_s`` for requests that are being prepared; a
    lone one never does.
    """

    def __init__(self, run: Callable[[list[Item]], list[Answer]], size: int, turn: AbstractContextManager[object],
                 window_s: float = WINDOW_S) -> None:
        self.run, self.size, self.turn, self.window_s = run, size, turn, window_s
        self._news = threading.Condition()
        self._coming = 0
        self._waiting: list[_Place[Item, Answer]] = []

    def ask(self, prepare: Callable[[], list[Item]]) -> list[Answer]:
        """One answer for each item that ``prepare`` gives. Raises what the run raised for one of them."""
        mine = self._enter(prepare)
        with self.turn:
            while not all(place.done for place in mine):
                self._run(self._collected())
        return [_answer(place) for place in mine]

    def _enter(self, prepare: Callable[[], list[Item]]) -> list[_Place[Item, Answer]]:
        with self._news:
            self._coming += 1
        mine: list[_Place[Item, Answer]] = []
        try:
            mine = [_Place(item) for item in prepare()]
        finally:
            with self._news:
                self._coming -= 1
                self._waiting += mine
                self._news.notify_all()
        return mine

    def _collected(self) -> list[_Place[Item, Answer]]:
        with self._news:
            self._news.wait_for(lambda: len(self._waiting) >= self.size or not self._coming, self.window_s)
            batch, self._waiting = self._waiting[:self.size], self._waiting[self.size:]
        return batch

    def _run(self, batch: list[_Place[Item, Answer]]) -> None:
        """Answers all. When one of several is at fault, each runs alone, so that the others get theirs."""
        try:
            for place, answer in zip(batch, self.run([place.item for place in batch]), strict=True):
                place.answer = answer
        except DigitsError as error:
            if len(batch) > 1:
                for place in batch:
                    self._run([place])
            else:
                batch[0].error = error
        except BaseException as error:
            for place in batch:
                place.error = error
        for place in batch:
            place.done = True


def _answer(place: _Place[Item, Answer]) -> Answer:
    if place.error is not None:
        raise place.error
    return place.answer  # type: ignore[return-value]  # done without an error: there is one
