"""How far a training goes and how fast it learns, as people changed it while it ran; part of the saved state."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Course:
    """What the plan asks for until somebody steers.

    ``end`` is the last step; ``length`` the steps over which the learning-rate policy is stretched (they differ when
    a training is finished early); 0: as planned. ``factors`` are (step from which on, factor on the learning rate).
    """

    end: int = 0
    length: int = 0
    factors: list[tuple[int, float]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    """Wishes that have been followed, by file name."""
    reason: str = ""
    """Why it ends before its planned end."""
    extended: int = 0
    """The step at which more epochs were asked for the last time; patience counts from there."""

    def factor(self, step: int) -> float:
        """What the learning rate of the step after ``step`` is multiplied with."""
        product = 1.0
        for since, factor in self.factors:
            product *= factor if step >= since else 1.0
        return product

    def finish(self, step: int, reason: str) -> None:
        """End after ``step``."""
        self.end, self.reason = step, reason

    def extend(self, step: int, steps: int) -> None:
        """Go on for so many steps after ``step``, as if that length had been planned."""
        self.end = self.length = step + steps
        self.reason, self.extended = "", step

    def to_json(self) -> Json:
        """For the facts of a saved state."""
        return {"end": self.end, "length": self.length, "factors": [list(pair) for pair in self.factors],
                "seen": self.seen, "reason": self.reason, "extended": self.extended}

    def become(self, saved: Json) -> None:
        """Take over what ``to_json`` gave; nothing (an older state) is the plan."""
        fresh = Course(**{**saved, "factors": [(int(step), float(factor)) for step, factor in saved["factors"]]}
                       if saved else {})
        self.__dict__.update(fresh.__dict__)
