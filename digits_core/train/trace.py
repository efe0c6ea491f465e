"""A timeline of some steps for Perfetto or chrome://tracing: what processor and GPU did when; the slowest operators."""

import gzip
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from digits_core import files
from digits_core.jobs.context import Context

Json = dict[str, Any]
WARM_UP = 5
"""Steps that come first: they allocate memory and choose kernels, which later ones do not."""
SLOWEST = 30


class Trace:
    """Watches the ``steps`` of one training once; a training that goes on has its trace already.

    What fails here is logged and disturbs nothing.
    """

    def __init__(self, context: Context, steps: int, step: int, total: int) -> None:
        self.context, self.folder = context, context.folder.path / "trace"
        self.first = step + min(WARM_UP, max(0, total - step - steps))
        self.last = min(total, self.first + steps) - 1
        self.wanted = steps > 0 and total > step and not (self.folder / "operators.json").exists()
        self.profiler: Any = None

    @contextmanager
    def step(self, number: int) -> Iterator[None]:
        """Around one step, its loading included; ``number`` is how many were done before."""
        if not self.wanted or number < self.first:
            yield
            return
        if self.profiler is None:
            self._begin()
        with record_function(f"step {number + 1}"):
            yield
        if number >= self.last:
            self.end(number - self.first + 1)

    def _begin(self) -> None:
        kinds = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])
        try:
            self.profiler = profile(activities=kinds)
            self.profiler.start()
        except Exception as error:
            self._failed(error)

    def end(self, steps: int = 0) -> None:
        """Stop watching; after whole ``steps`` what was seen is written, after none it is thrown away."""
        profiler, self.profiler, self.wanted = self.profiler, None, self.wanted and not self.profiler
        if profiler is None:
            return
        try:
            profiler.stop()
            if steps:
                self._write(profiler, steps)
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.wanted, self.profiler = False, None
        self.context.log(f"The timeline could not be made, training goes on: {error}")

    def _write(self, profiler: Any, steps: int) -> None:
        self.folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as place:
            raw = Path(place) / "trace.json"
            profiler.export_chrome_trace(str(raw))
            files.write_atomic(self.folder / "trace.json.gz", gzip.compress(raw.read_bytes(), 6))
        rows = sorted((_row(each) for each in profiler.key_averages() if not each.key.startswith("step ")),
                      key=lambda row: (-row["gpu_ms"], -row["cpu_ms"]))
        files.write_atomic(self.folder / "operators.json", {"v": 1, "steps": steps, "first_step": self.first + 1,
                                                            "operators": rows[:SLOWEST]})
        self.context.log(f"timeline of steps {self.first + 1} to {self.first + steps} written")


def _row(average: Any) -> Json:
    """Its own time, without that of the operators it calls; summed over all calls."""
    return {"name": str(average.key)[:200], "calls": int(average.count),
            "cpu_ms": round(float(average.self_cpu_time_total) / 1000, 4),
            "gpu_ms": round(float(getattr(average, "self_device_time_total", 0.0)) / 1000, 4)}
