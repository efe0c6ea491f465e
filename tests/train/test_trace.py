"""The timeline of some steps: there once, whole, and without any influence on the training."""

import gzip
import json

import pytest

from digits_core.jobs.context import Stopped
from digits_core.services import timeline
from digits_core.train.run import run
from digits_core.train.trace import WARM_UP
from tests.train import drawn
from tests.train.drawn import Recorder


def events(view):
    return json.loads(gzip.decompress((view.folder.path / "trace" / "trace.json.gz").read_bytes()))["traceEvents"]


def steps(view):
    return sorted({int(event["name"][5:]) for event in events(view) if str(event.get("name")).startswith("step ")})


def test_the_steps_after_the_warm_up_are_in_the_trace_and_the_run_is_the_same(store, workspace):
    data = drawn.dataset(store)
    plain, traced = drawn.model(store, data), drawn.model(store, data, trace_steps=3)
    run(Recorder(store, plain.id))
    run(Recorder(store, traced.id))
    assert steps(traced) == [WARM_UP + 1, WARM_UP + 2, WARM_UP + 3]
    assert drawn.fingerprint(plain) == drawn.fingerprint(traced) and drawn.rows(plain) == drawn.rows(traced)
    found = timeline.operators(traced)
    assert (found["steps"], found["first_step"]) == (3, WARM_UP + 1)
    names = {row["name"] for row in found["operators"]}
    assert any("conv" in name for name in names) and not any(name.startswith("step ") for name in names)
    assert timeline.trace_file(workspace, traced.id).is_file() and timeline.operators(plain) == {}


def test_a_short_training_is_traced_as_far_as_it_goes(store):
    view = drawn.model(store, drawn.dataset(store, train=16), epochs=1, trace_steps=100)
    run(Recorder(store, view.id))
    assert steps(view) == [1, 2]


def test_a_training_that_goes_on_has_its_trace_once(store):
    view = drawn.model(store, drawn.dataset(store), trace_steps=2)
    with pytest.raises(Stopped):
        run(Recorder(store, view.id, stop_at=7))
    run(Recorder(store, view.id))
    first = steps(view)
    assert len(first) == 2
    before = (view.folder.path / "trace" / "trace.json.gz").stat().st_mtime_ns
    run(Recorder(store, view.id))
    assert (view.folder.path / "trace" / "trace.json.gz").stat().st_mtime_ns == before


def test_a_profiler_that_fails_ends_no_training(store, monkeypatch):
    from digits_core.train import trace

    def broken(**_):
        raise RuntimeError("no profiler here")
    monkeypatch.setattr(trace, "profile", broken)
    view = drawn.model(store, drawn.dataset(store), trace_steps=2)
    context = Recorder(store, view.id)
    run(context)
    assert any("no profiler here" in line for line in context.lines)
