"""Where a training stands, and what of it is safely on disk."""

import json
import time
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from digits_core import files
from digits_core.data.pictures import to_png
from digits_core.errors import BadData, DigitsError
from digits_core.jobs.context import Context
from digits_core.train.checkpoints import Checkpoints, read_weights
from digits_core.train.learner import Learner
from digits_core.train.patience import exhausted
from digits_core.train.plan import Plan
from digits_core.train.state import StateFiles

Json = dict[str, Any]
SAVE_EVERY_S = 300.0
"""Seconds of work that a crash may cost in a long epoch."""


class Diverged(DigitsError):
    """The loss or the weights are no numbers any more."""

    code = "nan"
    try_next = ("Clone the job with a learning rate a tenth as large. The checkpoints so far are whole and can be "
                "used.")


class Journal:
    """Counts steps, collects losses, and writes metrics, states and checkpoints.

    What a row of metrics tells is never lost: state and checkpoint are on disk before it. ``reported`` is the last
    step whose rows are written; a state taken between a step and its rows knows that they are still due.
    """

    def __init__(self, context: Context, learner: Learner, plan: Plan, goal: str) -> None:
        self.context, self.learner, self.plan, self.goal = context, learner, plan, goal
        folder = context.folder.checkpoints
        folder.mkdir(exist_ok=True)
        self.checkpoints = Checkpoints(folder, goal, plan.options.keep)
        self.states = StateFiles(folder)
        self.step = self.reported = 0
        self.losses: dict[str, list[Tensor]] = {}
        """What every step since the last row told, by name."""
        self.pictures: list[int] = []
        self.measured: list[tuple[int, float]] = []
        """Step and goal of every measurement so far."""
        self.saved_at = time.monotonic()

    def is_due(self) -> bool:
        """Whether rows must be written now, or the end lacks its checkpoint (it came sooner than planned)."""
        if self.reported < self.step and self.plan.row_due(self.step):
            return True
        return self.step == self.plan.total and all(row["step"] != self.step for row in self.checkpoints.rows())

    def is_measured(self) -> bool:
        """Whether the validation pictures were measured at this step."""
        return bool(self.measured) and self.measured[-1][0] == self.step

    def count(self, metrics: dict[str, Tensor], pictures: int) -> None:
        """One more step is done. Losses stay on the device until a row is due: asking for them would wait."""
        self.step += 1
        for name, value in metrics.items():
            self.losses.setdefault(name, []).append(value)
        self.pictures.append(pictures)

    def train_row(self) -> Json:
        """The mean losses over the pictures since the last row. Raises Diverged naming the first bad step."""
        row = {**self._place(), "lr": self.plan.rate(self.step - 1)}
        for name, values in self.losses.items():
            losses = torch.stack(values).double().cpu().numpy()
            if not np.isfinite(losses).all():
                first = int(np.flatnonzero(~np.isfinite(losses))[0])
                raise self._diverged(name.replace("_", " "), losses[first], self.step - len(losses) + first + 1)
            row[f"train/{name}"] = float((losses * self.pictures).sum() / sum(self.pictures))
        return row

    def val_row(self, metrics: dict[str, float]) -> Json:
        """What was measured on the validation pictures. Raises Diverged when it is no number."""
        loss = metrics.get("loss", 0.0)  # detectors have none in measuring
        if not np.isfinite(loss):
            raise self._diverged("validation loss", loss, self.step)
        row = {**self._place(), **{f"val/{name}": value for name, value in metrics.items()}}
        if self.goal in row:
            self.measured.append((self.step, row[self.goal]))
            self._lose_patience()
        return row

    def _lose_patience(self) -> None:
        """End the training here when its goal has not become better for too long."""
        options, epoch = self.plan.options, self.plan.epoch
        best = exhausted([(epoch(step), value) for step, value in self.measured], options.patience, options.min_delta,
                         epoch(self.plan.course.extended))
        if best is not None and self.step < self.plan.total:
            more = f" by more than {options.min_delta:g}" if options.min_delta else ""
            self.plan.course.finish(self.step, f"Stopped early at epoch {epoch(self.step):.4g}: {self.goal} did not "
                                               f"improve{more} for {options.patience:g} epochs.")
            self.context.log(self.plan.course.reason)

    def _place(self) -> Json:
        return {"step": self.step, "epoch": self.plan.epoch(self.step)}

    def _diverged(self, what: str, value: float, step: int) -> Diverged:
        word = "NaN" if np.isnan(value) else "infinite"
        return Diverged(f"The {what} became {word} at epoch {self.plan.epoch(step):.3g} (step {step}). Try a smaller "
                        f"learning rate (it was {self.plan.rate(step - 1):g}) or another solver. The last checkpoint "
                        "before it is kept.")

    def write(self, rows: list[Json], save: bool, checkpoint: bool) -> None:
        """Make ``rows`` known; before that, when asked, save the state and a checkpoint (always for a new best)."""
        metrics = {name: value for row in rows for name, value in row.items() if "/" in name}
        self.reported = self.step
        self.losses, self.pictures = {}, []
        if save:
            self._check_weights()
            self._show()
            if checkpoint or self.checkpoints.is_better(metrics):
                self._publish(metrics)
            self.save(rows)
            self.context.log(f"epoch {self.plan.epoch(self.step):.4g}: "
                             + ", ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
        for row in rows:
            self.context.metrics(row)

    def _show(self) -> None:
        """Leave a picture of what the network makes by now, where it makes any."""
        if (made_CHW := self.learner.samples()) is not None:
            self.context.folder.samples.mkdir(exist_ok=True)
            files.write_atomic(self.context.folder.samples / f"epoch_{self.plan.epoch(self.step):011.6f}.png",
                               to_png(made_CHW))

    def event(self, kind: str, note: str) -> None:
        """Something happened that is no measurement: log it, and note it in the metrics once the state is safe."""
        row = {**self._place(), "event": kind, "note": note}
        self.context.log(note)
        self.save([row])
        self.context.metrics(row)

    def save_now_and_then(self) -> None:
        """Save the state when the last time is long ago."""
        if time.monotonic() - self.saved_at > SAVE_EVERY_S:
            self._check_losses()
            self._check_weights()
            self.save()

    def save_stopped(self) -> None:
        """Save the state and a checkpoint to try out, unless there is nothing new or nothing sane to save."""
        try:
            self._check_losses()
            self._check_weights()
        except Diverged as problem:
            return self.context.log(f"Not saved: {problem}")
        if self.step > 0:
            if all(row["step"] != self.step for row in self.checkpoints.rows()):
                self._publish({})
            self.save()
        return self.context.log(f"stopped at epoch {self.plan.epoch(self.step):.4g} (step {self.step}), saved")

    def _check_losses(self) -> None:
        for name, values in self.losses.items():
            if not torch.stack(values).isfinite().all():
                raise self._diverged(name.replace("_", " "), float("nan"), self.step)

    def _check_weights(self) -> None:
        floats = [tensor for tensor in self.learner.weights().values() if tensor.is_floating_point()]
        if not torch.stack([tensor.isfinite().all() for tensor in floats]).all():
            raise Diverged(f"A weight became NaN or infinite before epoch {self.plan.epoch(self.step):.3g} (step "
                           f"{self.step}). Try a smaller learning rate. The last checkpoint before it is kept.")

    def _publish(self, metrics: dict[str, float]) -> None:
        weights = safetensors.torch.save(self.learner.weights(), {"format": "pt"})
        self.checkpoints.publish(weights, self.plan.epoch(self.step), self.step, metrics)

    def save(self, rows: list[Json] | None = None) -> None:
        """Write the state; ``rows`` are those that will be appended to the metrics right after it."""
        tensors = {f"learner/{name}": tensor for name, tensor in self.learner.state_dict().items()}
        for name, values in self.losses.items():
            tensors["losses" if name == "loss" else f"losses/{name}"] = torch.stack(values).cpu()
        self.states.save(tensors, {"v": 1, "step": self.step, "reported": self.reported, "rows": rows or [],
                                   "pictures": self.pictures, "course": self.plan.course.to_json()})
        self.saved_at = time.monotonic()

    def resume(self) -> bool:
        """Go to where an earlier attempt was, as far as it is on disk; False when that is nowhere.

        Metrics after that point are cut, those that were about to be written are added.
        """
        self.checkpoints.tidy()
        tensors, facts, problems = self.states.load()
        for problem in problems:
            self.context.log(f"A saved state cannot be used, an older one is tried. {problem}")
        if facts:
            learned = {name.removeprefix("learner/"): tensor for name, tensor in tensors.items()
                       if name.startswith("learner/")}
            self.learner.load_state_dict(learned)
            self.plan.course.become(facts.get("course", {}))
            self.step, self.reported, self.pictures = facts["step"], facts["reported"], list(facts["pictures"])
            self.losses = {name.removeprefix("losses").removeprefix("/") or "loss": list(values)
                           for name, values in tensors.items() if name.startswith("losses")}
        elif problems:
            self._from_checkpoint()
        self._cut_metrics(facts.get("rows", []))
        return self.step > 0

    def _from_checkpoint(self) -> None:
        """Without a state, the weights at least: the solver starts anew."""
        for row in reversed(self.checkpoints.rows()):
            try:
                weights = safetensors.torch.load(read_weights(self.checkpoints.folder, row))
            except BadData as error:
                self.context.log(str(error))
                continue
            state = {name: tensor for name, tensor in self.learner.state_dict().items() if name.startswith("scaler.")}
            self.learner.load_state_dict(state | {f"network.{name}": tensor for name, tensor in weights.items()})
            self.step = self.reported = row["step"]
            return self.context.log(f"Going on from the weights of epoch {row['epoch']:g}; what the solver "
                                    "remembered is lost.")
        return None

    def _cut_metrics(self, due: list[Json]) -> None:
        path = self.context.folder.metrics
        rows, _ = files.read_jsonl(path)
        kept = [row for row in rows if isinstance(row.get("step"), int) and row["step"] <= self.step]
        if len(kept) != len(rows) or (path.exists() and not path.read_bytes().endswith(b"\n")):
            files.write_atomic(path, "".join(json.dumps(row, allow_nan=False) + "\n" for row in kept))
        for row in due:
            if not any(row.items() <= known.items() for known in kept):
                self.context.metrics(row)
                kept.append(row)
        self.measured = [(row["step"], float(row[self.goal])) for row in kept
                         if isinstance(row.get(self.goal), int | float)]
