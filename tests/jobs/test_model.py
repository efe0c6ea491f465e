"""Jobs as values, and the one function that decides their state."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digits_core.jobs.model import Alive, Attempt, Job, Kind, Progress, status_of

Json = dict[str, Any]
STALL_S = 300
WHO = {"boot_id": "b", "pid": 7, "start_ticks": 1}
CLAIM, LAUNCH, STOP = {"starter": WHO}, {"process": WHO}, {"by": "ann", "why": ""}
FENCED = {"fenced": True}
DONE, FAILED, STOPPED = ({"state": state} for state in ("done", "failed", "stopped"))
DEAD, STARTER, WORKER, SILENT = Alive(), Alive(starter=True), Alive(worker=True), Alive(worker=True, silent_s=301)

TABLE = [
    # claim  launch  stop  result   alive    status
    (None, None, None, None, DEAD, "waiting"),
    (None, None, STOP, None, DEAD, "stopped"),
    (CLAIM, None, None, None, STARTER, "running"),
    (CLAIM, None, None, None, DEAD, "waiting"),
    (CLAIM, None, STOP, None, STARTER, "running"),
    (CLAIM, None, STOP, None, DEAD, "stopped"),
    (CLAIM, FENCED, None, None, DEAD, "waiting"),
    (CLAIM, FENCED, None, None, STARTER, "waiting"),
    (CLAIM, FENCED, STOP, None, STARTER, "stopped"),
    (CLAIM, LAUNCH, None, None, WORKER, "running"),
    (CLAIM, LAUNCH, None, None, SILENT, "stalled"),
    (CLAIM, LAUNCH, None, None, DEAD, "failed"),
    (CLAIM, LAUNCH, STOP, None, WORKER, "running"),
    (CLAIM, LAUNCH, STOP, None, SILENT, "stalled"),
    (CLAIM, LAUNCH, STOP, None, DEAD, "stopped"),
    (CLAIM, {}, None, None, DEAD, "failed"),
    (CLAIM, LAUNCH, {}, None, DEAD, "failed"),
    (None, LAUNCH, None, None, WORKER, "running"),
    (CLAIM, LAUNCH, None, DONE, WORKER, "done"),
    (CLAIM, LAUNCH, None, DONE, DEAD, "done"),
    (CLAIM, LAUNCH, STOP, DONE, DEAD, "done"),
    (None, None, None, DONE, DEAD, "done"),
    (CLAIM, LAUNCH, None, FAILED, DEAD, "failed"),
    (CLAIM, LAUNCH, STOP, FAILED, DEAD, "failed"),
    (CLAIM, LAUNCH, STOP, STOPPED, DEAD, "stopped"),
    (CLAIM, LAUNCH, None, {}, DEAD, "damaged"),
    (CLAIM, LAUNCH, None, {"state": "running"}, WORKER, "damaged"),
    (CLAIM, LAUNCH, None, {"state": "waiting"}, DEAD, "damaged"),
    (CLAIM, LAUNCH, None, {"state": ["done"]}, DEAD, "damaged"),
]


@pytest.mark.parametrize(("claim", "launch", "stop", "result", "alive", "status"), TABLE)
def test_status_follows_from_the_facts_of_the_newest_attempt(
        claim: Json | None, launch: Json | None, stop: Json | None, result: Json | None, alive: Alive,
        status: str) -> None:
    assert status_of(Attempt(1, claim, launch, stop, result), alive, STALL_S).status == status


def test_a_folder_without_attempts_is_damaged() -> None:
    assert status_of(None, DEAD, STALL_S).status == "damaged"


def test_every_end_without_done_has_words() -> None:
    for claim, launch, stop, result, alive, status in TABLE:
        state = status_of(Attempt(1, claim, launch, stop, result), alive, STALL_S)
        if status in ("stopped", "stalled", "damaged", "failed"):
            assert state.reason.endswith("."), (status, state)


def test_a_stop_says_who_and_why() -> None:
    state = status_of(Attempt(1, CLAIM, LAUNCH, {"by": "ann", "why": "too slow"}, None), DEAD, STALL_S)
    assert state.reason == "Stopped by ann: too slow"


anything = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
                        max_leaves=6)
facts = st.none() | st.dictionaries(st.sampled_from(["state", "reason", "by", "why", "fenced", "process"]), anything)


@given(facts, facts, facts, facts, st.booleans(), st.booleans(), st.floats(allow_nan=False))
def test_no_fact_however_strange_breaks_the_status(claim: Json | None, launch: Json | None, stop: Json | None,
                                                   result: Json | None, starter: bool, worker: bool,
                                                   silent: float) -> None:
    state = status_of(Attempt(1, claim, launch, stop, result), Alive(starter, worker, silent), STALL_S)
    assert (result is not None) <= state.status.is_final
    assert isinstance(state.reason, str)


def job_json(**changes: Any) -> Json:
    return {"v": 1, "id": "20261120-101500-3f9a", "kind": "model", "task": "classification", "name": "digits",
            "owner": "ann", "created": 1.8e9, "options": {"epochs": 3}, "needs": ["20261120-101400-0001"],
            "group": "demo", **changes}


def test_a_job_survives_its_own_json() -> None:
    job = Job.from_json(job_json())
    assert Job.from_json(json.loads(json.dumps(job.to_json()))) == job
    assert (job.kind, job.needs) == (Kind.MODEL, ("20261120-101400-0001",))


def test_fields_that_this_version_does_not_know_are_ignored() -> None:
    assert Job.from_json(job_json(colour="red")) == Job.from_json(job_json())


def test_optional_fields_may_be_missing() -> None:
    data = job_json()
    del data["needs"], data["group"]
    assert Job.from_json(data).needs == ()


def test_a_job_of_a_newer_version_says_so() -> None:
    with pytest.raises(ValueError, match=r"made by a newer version of DIGITS \(schema 2"):
        Job.from_json(job_json(v=2))


@pytest.mark.parametrize("changes", [
    {"v": None}, {"v": "1"}, {"v": 0}, {"id": "../../etc"}, {"id": "20261120-101500-3F9A"}, {"id": 5},
    {"id": "٢٠٢٦١١٢٠-101500-3f9a"}, {"kind": "cat"}, {"kind": None}, {"kind": []}, {"name": 5}, {"task": None},
    {"owner": {}}, {"group": 1}, {"created": "now"}, {"created": 1e300}, {"created": -1}, {"created": True},
    {"options": []}, {"options": None}, {"needs": "20261120-101400-0001"}, {"needs": [".."]}, {"needs": [5]},
    {"needs": {}}, {"needs": ["."]}, {"needs": None},
], ids=str)
def test_a_job_of_the_wrong_shape_is_refused_in_words(changes: Json) -> None:
    with pytest.raises(ValueError, match=r"job\.json"):
        Job.from_json(job_json(**changes))


@pytest.mark.parametrize("field", ["v", "id", "kind", "task", "name", "owner", "created", "options"])
def test_a_job_without_a_field_is_refused_in_words(field: str) -> None:
    data = job_json()
    del data[field]
    with pytest.raises(ValueError, match=r"job\.json"):
        Job.from_json(data)


@given(st.dictionaries(st.sampled_from(sorted(job_json())), anything))
def test_a_job_is_read_or_refused_whatever_the_file_holds(changes: Json) -> None:
    try:
        job = Job.from_json(job_json(**changes))
    except ValueError:
        return
    assert isinstance(job.name, str) and isinstance(job.options, dict)


def test_progress_keeps_what_it_can_read() -> None:
    progress = Progress.from_json({"done": 0.5, "phase": 7, "rate": "fast", "unit": "rows", "later": 1})
    assert progress == Progress(done=0.5, unit="rows")


@pytest.mark.parametrize(("done", "shown"), [(-1, 0.0), (7, 1.0), (float("nan"), 0.0), (True, 0.0), (10**400, 0.0)])
def test_progress_stays_between_nothing_and_all(done: Any, shown: float) -> None:
    assert Progress.from_json({"done": done}).done == shown


@given(st.none() | st.dictionaries(st.sampled_from(list(Progress.__dataclass_fields__)), anything))
def test_progress_is_read_whatever_the_file_holds(data: Json | None) -> None:
    progress = Progress.from_json(data)
    assert 0 <= progress.done <= 1
    assert progress.eta_s is None or 0 <= progress.eta_s < 1e9


GOLDEN = Path(__file__).parents[1] / "golden" / "jobs-v1"


def test_job_folders_of_schema_1_load_for_ever(tmp_path: Path) -> None:
    from digits_core.jobs.store import JobStore
    from digits_core.services.jobs import describe

    store = JobStore(GOLDEN)
    views = {view.id: view for view in store.jobs()}
    expected = json.loads((GOLDEN.parent / "jobs-v1.json").read_text())
    found = {job_id: {key: describe(view)[key] for key in expected[job_id]} for job_id, view in views.items()}
    assert found == expected
