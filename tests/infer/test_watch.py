"""A watched folder: every picture that arrives is done once, when it is whole, whatever is restarted meanwhile."""

import os
from pathlib import Path

import pytest

from digits_core.errors import BadData, InvalidOptions
from digits_core.infer import watch
from digits_core.infer.inputs import Input
from digits_core.infer.watch import PATIENCE_S, SETTLE_S, Arrivals
from digits_core.jobs.model import Status
from digits_core.jobs.plan import Limits, plan
from digits_core.safe.images import safe_image
from digits_core.services import inference, jobs
from tests.infer.model_folders import LABELS, make_model, picture


def file(name, size=10, changed=1):
    return Input(name, f"/in/{name}"), (size, changed)


def names(found):
    return [entry.image for entry, _ in found]


def test_a_file_is_ready_when_it_did_not_change_for_a_while():
    arrivals = Arrivals({})
    assert arrivals.ready([file("a")], 0) == []
    assert arrivals.ready([file("a", 20)], SETTLE_S) == [], "it has grown"
    assert arrivals.ready([file("a", 20)], SETTLE_S + 1) == []
    assert names(arrivals.ready([file("a", 20)], 2 * SETTLE_S)) == ["a"]


def test_an_empty_file_is_not_whole():
    arrivals = Arrivals({})
    arrivals.ready([file("a", 0)], 0)
    assert arrivals.ready([file("a", 0)], 1000) == [] and arrivals.waiting == 1


def test_what_is_done_is_not_ready_again_unless_it_was_written_again():
    arrivals = Arrivals({"/in/old": (10, 1)})
    arrivals.ready([file("old"), file("a")], 0)
    assert names(arrivals.ready([file("old"), file("a")], SETTLE_S)) == ["a"]
    arrivals.done("/in/a", (10, 1))
    assert arrivals.ready([file("old"), file("a")], 100) == []
    arrivals.ready([file("old", 10, 2), file("a")], 101)
    assert names(arrivals.ready([file("old", 10, 2), file("a")], 101 + SETTLE_S)) == ["old"]


def test_the_oldest_comes_first():
    arrivals = Arrivals({})
    found = [file("a", 10, 3), file("b", 10, 1), file("c", 10, 2)]
    arrivals.ready(found, 0)
    assert names(arrivals.ready(found, SETTLE_S)) == ["b", "c", "a"]


def test_what_cannot_be_read_is_tried_once_more_much_later():
    arrivals = Arrivals({})
    arrivals.ready([file("a")], 0)
    assert arrivals.ready([file("a")], SETTLE_S)
    assert not arrivals.unreadable("/in/a"), "somebody may write slowly"
    assert arrivals.ready([file("a")], PATIENCE_S - 1) == []
    assert arrivals.ready([file("a")], PATIENCE_S)
    assert arrivals.unreadable("/in/a")


def test_a_file_that_goes_away_is_forgotten():
    arrivals = Arrivals({})
    arrivals.ready([file("a")], 0)
    arrivals.ready([], 1)
    assert arrivals.waiting == 0 and arrivals.ready([file("a")], SETTLE_S) == []


@pytest.fixture
def model(workspace):
    return make_model(workspace.store)


def ask(context, client, images, top):
    """Answers without an inference process: whether a picture can be read."""
    return [answer(data, name) for name, data in images]


def answer(data, name):
    try:
        safe_image(data, name)
    except BadData as error:
        return {"image": name, "predictions": [], "error": str(error)}
    return {"image": name, "predictions": [{"label": LABELS[1], "probability": 0.5}]}


@pytest.fixture
def inbox(tmp_path, monkeypatch):
    """A folder, watched without patience."""
    for name, value in (("LOOK_S", 0.01), ("SETTLE_S", 0.05), ("PATIENCE_S", 0.2)):
        monkeypatch.setattr(watch, name, value)
    monkeypatch.setattr(watch, "ask", ask)
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def put(folder: Path, *places: int) -> None:
    for place in places:
        (folder / f"{place}.png").write_bytes(picture(place))


def job(workspace, model, folder, **options):
    return inference.create_batch(workspace, "tester", model.id, "inbox",
                                  {"method": "watch", "folder": str(folder), **options})


def images(workspace, view):
    return [row["image"] for row in inference.batch_results(workspace, view.id, 0, 100).rows]


def test_what_lies_there_and_what_comes_is_done_until_the_limit(workspace, model, run, inbox):
    put(inbox, 0, 1)
    (inbox / LABELS[1]).mkdir()
    put(inbox / LABELS[1], 2)
    view = run(job(workspace, model, inbox, limit=3))
    assert view.status is Status.DONE, view.state
    assert sorted(images(workspace, view)) == ["0.png", "1.png", f"{LABELS[1]}/2.png"]
    assert view.folder.summary()["labelled"] == 1
    assert b"0.png" in b"".join(inference.batch_csv(workspace, view.id))


def test_a_restart_does_nothing_twice(workspace, model, run, inbox, monkeypatch):
    put(inbox, 0, 1, 2)
    view = job(workspace, model, inbox)
    original, seen = watch.Watch._note, []

    def note(self, entry, stamp, answer):
        original(self, entry, stamp, answer)
        seen.append(entry.image)
        if len(seen) in (2, 5):
            jobs.stop(workspace, "tester", view.id)

    monkeypatch.setattr(watch.Watch, "_note", note)
    monkeypatch.setattr(watch, "CHUNK", 1)
    assert run(view).status is Status.STOPPED
    assert inference.batch_summary(workspace, view.id)["pictures"] == 2
    put(inbox, 3, 4)
    jobs.resume(workspace, "tester", view.id)
    assert run(view).status is Status.STOPPED
    assert sorted(images(workspace, view)) == [f"{place}.png" for place in range(5)]


def test_a_row_that_was_half_written_is_made_again(workspace, model, run, inbox):
    put(inbox, 0)
    view = job(workspace, model, inbox, limit=1)
    (view.folder.path / "predictions.jsonl").write_text('{"n": 0, "image": "0.png", "source": "/so')
    assert run(view).status is Status.DONE
    assert images(workspace, view) == ["0.png"]


def test_half_a_picture_is_given_up_after_a_while_and_says_why(workspace, model, run, inbox):
    (inbox / "half.png").write_bytes(picture(1)[:200])
    view = run(job(workspace, model, inbox, limit=1))
    row, = inference.batch_results(workspace, view.id).rows
    assert "truncated" in row["error"]


def test_what_was_there_before_may_be_left_out(workspace, model, run, inbox, monkeypatch):
    put(inbox, 0, 1)
    view = job(workspace, model, inbox, limit=1, existing=False)
    original = watch.Watch._before

    def before(self):
        found = original(self)
        put(inbox, 2)
        return found

    monkeypatch.setattr(watch.Watch, "_before", before)
    assert images(workspace, run(view)) == ["2.png"]


def test_a_folder_that_goes_away_is_waited_for(workspace, model, run, inbox, monkeypatch):
    put(inbox, 0)
    view = job(workspace, model, inbox, limit=1)
    away = inbox.with_name("away")
    inbox.rename(away)
    original, looks = watch.Watch._ask, []

    def ask(self, ready):
        looks.append(len(ready))
        if len(looks) == 3:
            os.rename(away, inbox)  # noqa: PTH104
        original(self, ready)

    monkeypatch.setattr(watch.Watch, "_ask", ask)
    assert run(view).status is Status.DONE
    assert looks[:3] == [0, 0, 0] and images(workspace, view) == ["0.png"]


def test_a_watched_folder_has_no_map_and_must_be_named(workspace, model, inbox):
    with pytest.raises(InvalidOptions) as error:
        job(workspace, model, inbox, embeddings=True)
    assert [problem.field for problem in error.value.problems] == ["embeddings"]
    with pytest.raises(InvalidOptions) as error:
        job(workspace, model, "")
    assert [problem.field for problem in error.value.problems] == ["folder"]


def test_watching_takes_no_place_from_others(workspace, model, inbox):
    views = [job(workspace, model, inbox) for _ in range(3)] + [
        inference.create_batch(workspace, "tester", model.id, "many", {"folder": str(inbox)})]
    decisions = plan(views, [], [], Limits(others=1))
    assert [decision.devices for decision in decisions] == [[], [], [], []]
    for view in views:
        jobs.stop(workspace, "tester", view.id)
