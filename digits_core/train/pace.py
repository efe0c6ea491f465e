"""How fast a training is, told to the people who wait for it."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from digits_core.jobs.context import Context
from digits_core.train.plan import Plan

Item = TypeVar("Item")
EVERY_S = 0.5
TRAINING = 0.97
"""Share of a job that is training; the rest is the evaluation at its end."""


class Pace:
    """Counts pictures and reports them at most twice a second."""

    def __init__(self, context: Context, plan: Plan) -> None:
        self.context, self.plan = context, plan
        self.since = time.monotonic()
        self.pictures = 0

    def step(self, step: int, pictures: int) -> None:
        """A step with so many pictures is over."""
        self.pictures += pictures
        now = time.monotonic()
        if now - self.since >= EVERY_S:
            self.context.progress(TRAINING * step / self.plan.total, "training", unit="images",
                                  rate=self.pictures / (now - self.since), epoch=self.plan.epoch(step),
                                  epochs=self.plan.epoch(self.plan.total))
            self.since, self.pictures = now, 0

    def watched(self, batches: Iterable[Item]) -> Iterator[Item]:
        """The same batches; a stop is noticed between them, and measuring does not count as slow training."""
        for batch in batches:
            self.context.check_stop()
            yield batch
        self.since, self.pictures = time.monotonic(), 0
