"""The batch size that is found: what fits, what is fastest, written down once, and the same training as when given."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from digits_core import files
from digits_core.data.targets import LABEL
from digits_core.jobs.context import Stopped
from digits_core.jobs.store import JobStore
from digits_core.networks.build import build_network
from digits_core.train import batch_size
from digits_core.train.batch_size import Probe, fastest, find, largest_fitting, recorded, sizes_for
from digits_core.train.hardware import Hardware
from digits_core.train.learner import Classifier
from digits_core.train.options import ClassifierOptions
from digits_core.train.run import run
from tests.train import drawn
from tests.train.drawn import Recorder
from tests.train.test_learner import Small, learner

CPU = Hardware(torch.device("cpu"))


@pytest.mark.parametrize(("entries", "largest"), [(5, 5), (100, 8), (640, 32), (10**6, 1024)])
def test_an_epoch_keeps_enough_steps(entries: int, largest: int) -> None:
    sizes = sizes_for(entries)
    assert sizes[-1] == largest and sizes == sorted(set(sizes))


@pytest.mark.parametrize(("limit", "size", "tried"), [(1000, 8, 2), (3200, 32, 4), (3199, 16, 3), (10**9, 256, 6)])
def test_the_largest_size_that_fits_is_taken(limit: int, size: int, tried: int) -> None:
    found = largest_fitting([8, 16, 32, 64, 128, 256], lambda count: 100 * count if count < 1000 else None, limit)
    assert (found["batch_size"], len(found["tried"])) == (size, tried)


def test_memory_that_runs_out_ends_the_looking() -> None:
    found = largest_fitting([8, 16, 32], lambda count: None if count > 8 else 1, 10**9)
    assert found["batch_size"] == 8 and found["tried"][-1] == {"size": 16, "bytes": None}
    assert largest_fitting([8, 16], lambda count: None, 10**9)["batch_size"] == 8


@pytest.mark.parametrize(("speeds", "size"), [([100, 190, 200, 205], 16), ([100, 90, 80, 70], 8),
                                              ([100, 200, 400, 800], 64)])
def test_the_smallest_size_that_is_nearly_as_fast_is_taken(speeds: list[float], size: int) -> None:
    sizes = [8, 16, 32, 64]
    taken = {each: each / speed for each, speed in zip(sizes, speeds, strict=True)}
    assert fastest(sizes, taken.__getitem__)["batch_size"] == size


def test_no_larger_size_is_tried_when_a_step_is_slow() -> None:
    assert [row["size"] for row in fastest([8, 16, 32], float)["tried"]] == [8]


class PoorGpu(Probe):
    """A GPU of 1000 bytes, of which a batch needs 20 a picture."""

    def free(self) -> int:
        return 1000

    def needed(self, size: int) -> int | None:
        return 20 * size


def test_pictures_that_lie_in_the_memory_of_the_gpu_leave_less_for_batches() -> None:
    gpu = Hardware(torch.device("cpu"), 1)
    gpu_named = type("Named", (Hardware,), {"describe": lambda self: "a GPU"})(gpu.device, 1)
    made = PoorGpu(learner, (1, 16, 16), 3, gpu_named)
    assert find(made, 10**6)["batch_size"] == 32
    assert find(made, 10**6, kept=400)["batch_size"] == 16
    assert find(made, 10**6, kept=10**9)["batch_size"] == 16


def test_a_step_that_had_to_be_divided_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("empty_cache", "reset_peak_memory_stats"):
        monkeypatch.setattr(torch.cuda, name, lambda *given: None)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: 5)
    made = learner()
    made.model = Small(made, 16)  # type: ignore[assignment]
    probe = Probe(lambda: made, (1, 16, 16), LABEL, CPU)
    assert [probe.needed(size) for size in (8, 16, 32)] == [5, 5, None]


def test_what_was_found_is_written_down_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Probe, "seconds", lambda self, size: 1.0 if size == 16 else 10.0)
    monkeypatch.setattr(batch_size, "SLOW_S", 100.0)
    probe = Probe(learner, (1, 16, 16), LABEL, CPU)
    assert recorded(tmp_path, probe, 1000)["batch_size"] == 16
    monkeypatch.setattr(Probe, "seconds", lambda self, size: float("nan"))
    assert recorded(tmp_path, probe, 1000)["batch_size"] == 16
    assert "batch size 16 was found by trying: the smallest" in batch_size.words(recorded(tmp_path, probe, 1000))


def test_a_training_that_finds_its_size_equals_one_that_was_told_it_also_when_stopped_and_resumed(
        store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_size, "TRIED_S", 0.0)
    data = drawn.dataset(store, train=340)
    view = drawn.model(store, data, batch_size=None, auto_batch=True, epochs=1)
    context = Recorder(store, view.id, stop_at=9)
    with pytest.raises(Stopped):
        run(context)
    found = files.read_json(view.folder.path / "batch_size.json")
    assert found and found["batch_size"] in (8, 16) and len(found["tried"]) == 2
    assert any(f"batch size {found['batch_size']} was found" in line for line in context.lines)
    monkeypatch.setattr(Probe, "seconds", refuse)
    view.folder.open_attempt(2)
    summary = run(Recorder(store, view.id))
    assert summary["batch_size"] == found["batch_size"]
    told = drawn.model(store, data, batch_size=found["batch_size"], epochs=1)
    assert "batch_size" not in run(Recorder(store, told.id))
    assert (drawn.fingerprint(view), drawn.rows(view)) == (drawn.fingerprint(told), drawn.rows(told))


def refuse(*given: Any) -> Callable[..., Any]:
    raise AssertionError("it was found already")


@pytest.mark.gpu
def test_a_real_gpu_with_little_memory_gets_smaller_batches() -> None:
    gpu = Hardware(torch.device("cuda", 0), 1)

    def make() -> Classifier:
        return Classifier(build_network("resnet18", (3, 224, 224), 10), 10, ClassifierOptions(network="resnet18"), gpu)

    probe = Probe(make, (3, 224, 224), LABEL, gpu)
    needs = [probe.needed(size) for size in (8, 16, 32)]
    probe.close()
    assert all(needs) and needs == sorted(needs)
    poor = largest_fitting([8, 16, 32], probe.needed, (needs[1] or 0) * 1.05)
    assert poor["batch_size"] == 16
    probe.close()
    assert find(probe, 10**6)["batch_size"] >= 32
