"""When things happen in a training and which random numbers it uses: functions of the step, so any can be resumed."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from digits_core.train.course import Course
from digits_core.train.options import TrainOptions
from digits_core.train.schedule import learning_rate

ROWS_PER_EPOCH = 20
LONGEST_ROW = 500
"""Steps at most between two rows of metrics: losses wait on the device until then."""

INIT, ORDER, STEP = 1, 2, 3
"""What random numbers are for; the same seed gives each its own."""


@dataclass(frozen=True)
class Plan:
    """A training's length and calendar. A step is one batch; step numbers count finished steps, so 0 is the start."""

    options: TrainOptions
    entries: int
    """Pictures to train on."""
    batch_size: int
    seed: int
    labels: NDArray[np.int64] | None = None
    """Class of every training picture; only balanced sampling needs it."""
    course: Course = field(default_factory=Course)
    """What people changed since; the one part that moves."""

    @property
    def steps_per_epoch(self) -> int:
        """The last batch of an epoch may be smaller; none is left out."""
        return math.ceil(self.entries / self.batch_size)

    @property
    def total(self) -> int:
        """Steps of the whole training."""
        return self.course.end or self.options.epochs * self.steps_per_epoch

    def epoch(self, step: int) -> float:
        """Epochs that are over after ``step``, for people (rounded to a millionth)."""
        return round(step / self.steps_per_epoch, 6)

    def rate(self, step: int) -> float:
        """Learning rate of the step after ``step``."""
        length = self.course.length or self.options.epochs * self.steps_per_epoch
        return learning_rate(self.options, min(1.0, step / length)) * self.course.factor(step)

    def row_due(self, step: int) -> bool:
        """Whether the training loss is written down after ``step``."""
        every = max(1, min(self.steps_per_epoch // ROWS_PER_EPOCH, LONGEST_ROW))
        return step % every == 0 or self.save_due(step)

    def save_due(self, step: int) -> bool:
        """Whether ``step`` ends an epoch, is measured, or leaves a checkpoint: afterwards it must never be lost."""
        return step % self.steps_per_epoch == 0 or self.validation_due(step) or self.checkpoint_due(step)

    def validation_due(self, step: int) -> bool:
        """Whether the validation pictures are measured after ``step``."""
        interval = self.options.val_interval
        return interval > 0 and (step == self.total or self._due(step, interval))

    def checkpoint_due(self, step: int) -> bool:
        """Whether a checkpoint is due after ``step``, best or not."""
        return step == self.total or self._due(step, self.options.snapshot_interval)

    def _due(self, step: int, interval: float) -> bool:
        """Whether one of the multiples of ``interval`` epochs falls on ``step``, the nearest whole one."""
        steps = interval * self.steps_per_epoch
        if steps <= 1 or step <= 0:
            return steps > 0 and step > 0
        return math.floor(max(1, round(step / steps)) * steps + 0.5) == step

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Positions of the training pictures in the order of an epoch (0 is the first)."""
        if self.labels is not None:
            return balanced(self.labels, np.random.default_rng([self.seed, ORDER, epoch]))
        if not self.options.shuffle:
            return np.arange(self.entries)
        return np.random.default_rng([self.seed, ORDER, epoch]).permutation(self.entries)

    def place(self, step: int) -> tuple[int, int]:
        """Epoch and number within it of the batch that follows ``step``."""
        return divmod(step, self.steps_per_epoch)

    def share(self, step: int) -> tuple[float, bool]:
        """Weight of the batch after ``step`` in the gradient it is summed into, and whether it is the last of those.

        Weights follow the pictures, so half the batch with twice the accumulation gives the same gradient.
        """
        _, index = self.place(step)
        first = index - index % self.options.accumulation
        last = min(first + self.options.accumulation, self.steps_per_epoch) - 1
        together = min((last + 1) * self.batch_size, self.entries) - first * self.batch_size
        return self._size(index) / together, index == last

    def _size(self, index: int) -> int:
        return min((index + 1) * self.batch_size, self.entries) - index * self.batch_size


def balanced(labels: NDArray[np.int64], chance: np.random.Generator) -> NDArray[np.int64]:
    """As many positions as there are labels, each class equally often, in random order.

    Of a class with fewer pictures each is used as often as the others before one is used once more.
    """
    classes = np.unique(labels)
    count, extra = divmod(len(labels), len(classes))
    lucky = set(chance.permutation(classes)[:extra].tolist())
    chosen = []
    for label in classes:
        members, wanted = np.flatnonzero(labels == label), count + (int(label) in lucky)
        rounds = [chance.permutation(members) for _ in range(math.ceil(wanted / len(members)))]
        chosen.append(np.concatenate([*rounds, members[:0]])[:wanted])
    return chance.permutation(np.concatenate(chosen))


def mix(*numbers: int) -> int:
    """One seed of 63 bits out of several numbers (splitmix64): a microsecond, where SeedSequence takes fifteen."""
    state = 0
    for number in numbers:
        state = (state ^ number) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        state = (state ^ state >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1
