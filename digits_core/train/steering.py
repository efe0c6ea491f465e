"""What people want of a training while it runs: followed between two steps, noted in the saved state."""

from typing import Any

from digits_core.jobs.context import Context
from digits_core.jobs.model import number
from digits_core.jobs.wishes import Wishes, factor_of
from digits_core.train.journal import Journal

Json = dict[str, Any]


class Steering:
    """Looks for wishes and changes the course of the plan."""

    def __init__(self, context: Context, journal: Journal) -> None:
        self.journal, self.plan, self.course = journal, journal.plan, journal.plan.course
        self.wishes = Wishes(context.folder)
        self.actions = {"finish": self._finish, "rate": self._rate, "epochs": self._epochs}

    def follow(self) -> None:
        """Do what was asked for since the last look; state and metrics know of it when this returns."""
        for name, wish in self.wishes.new():
            if name in self.course.seen:
                continue
            self.course.seen.append(name)
            action = self.actions.get(str(wish.get("action")))
            note = action(wish, str(wish.get("by") or "somebody")) if action else ""
            if note:
                self.journal.event(str(wish["action"]), note)

    def _finish(self, wish: Json, by: str) -> str:
        step = max(1, self.journal.step)
        if step >= self.plan.total:
            return ""
        why = f": {wish['why']}" if wish.get("why") else ""
        reason = f"Finished early by {by} at epoch {self.plan.epoch(step):.4g}{why}; what was learned is kept."
        self.course.finish(step, reason)
        return reason

    def _rate(self, wish: Json, by: str) -> str:
        factor = factor_of(wish)
        if factor is None:
            return ""
        self.course.factors.append((self.journal.step, factor))
        return f"Learning rate times {factor:g} from here on, by {by}."

    def _epochs(self, wish: Json, by: str) -> str:
        more = number(wish.get("more"))
        if more is None or more < 1:
            return ""
        self.course.extend(self.journal.step, int(more) * self.plan.steps_per_epoch)
        return f"{int(more)} more epochs, to epoch {self.plan.epoch(self.plan.total):.4g}, by {by}."
