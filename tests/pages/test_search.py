"""A search is begun in the form of a new model and has a page of its own."""

import time

import pytest

from digits_core import files
from digits_core.search.record import SearchFolder, search_ids
from digits_core.services import search
from digits_core.services.search_driver import SearchDriver
from tests.pages.conftest import words

PREFIX = "model.classification.new"


def links(app):
    return [element.proto.label for element in app.get("page_link")]


def test_the_form_begins_a_search(visit, finished_job, store):
    finished_job("dataset", name="pets")
    app = visit("models.py", new="classification")
    app.text_input(key=f"{PREFIX}.name").set_value("pets").run()
    app.multiselect(key=f"{PREFIX}.sweep").set_value(["learning_rate", "batch_size"]).run()
    app.text_input(key=f"{PREFIX}.sweep.learning_rate").set_value("0.0001..0.1").run()
    assert "A range has no end of values" in words(app).replace("\u2060", "")
    app.text_input(key=f"{PREFIX}.sweep.batch_size").set_value("8, 16").run()
    app.segmented_control(key=f"{PREFIX}.sweep.how").set_value("Search").run()
    app.number_input(key=f"{PREFIX}.search.trials").set_value(7).run()
    assert "7 trials" in words(app) and "Begin the search (7 trials)" in words(app)
    app.button(key=f"{PREFIX}.create").click().run()
    assert not app.exception
    assert app.title[0].value == "pets" and "0 of 7" in words(app)
    (made,) = search_ids(store)
    found = SearchFolder(store, made).read()
    assert found.options["learning_rate"] == "0.0001..0.1" and found.options["batch_size"] == [8, 16]
    assert links(visit("search.py")) == ["**pets**"] and "Searches" in words(visit("models.py"))


@pytest.fixture
def made(workspace, finished_job):
    """A search with five trials that are over and one that waits."""
    options = {"learning_rate": "0.001..0.1", "batch_size": [4, 8]}
    found = search.create_search(workspace, "tester", "pets", finished_job("dataset").id, options,
                                 {"trials": 8, "at_once": 6, "search_seed": 1})
    SearchDriver(workspace, every_s=0)()
    for row in search.describe(workspace, found["id"])["rows"][:5]:
        view = workspace.store.get(row["id"])
        for epoch in (1, 2):
            files.append_jsonl(view.folder.metrics, {"t": 1.0, "step": epoch, "epoch": epoch,
                                                     "val/accuracy": 0.5 + epoch * row["number"] / 20})
        files.write_once(view.folder.attempts()[0].launch, {"process": {"boot_id": "x", "pid": 1, "start_ticks": 1}})
        files.write_once(view.folder.attempts()[0].result, {"state": "done", "summary": {}, "ended": time.time()})
    return found["id"]


def test_the_page_of_a_search_shows_it_and_stops_it(visit, made, workspace):
    app = visit("search.py", id=made)
    assert "Trials over 5 of 8" in words(app) and "Best 100.00 %" in words(app)
    assert len(app.dataframe[0].value) == 6
    app.button(key="search.stop").click().run()
    assert search.describe(workspace, made)["state"] == "stopped" and "Stopped by tester" in words(app)
    app.button(key="search.resume").click().run()
    assert search.describe(workspace, made)["state"] == "running"
    row = search.describe(workspace, made)["rows"][0]
    assert "Trial 1 of pets" in links(visit("job.py", id=row["id"]))


def test_a_search_that_is_gone_or_damaged_is_explained(visit, made, workspace):
    assert "There is no search" in words(visit("search.py", id="20200101-000000-aaaa"))
    for name in ("importance.json", "trials.jsonl", "state.json", "search.json"):
        path = SearchFolder(workspace.store, made).path / name
        odd = b'{"number": "x", "stopped": 3, "trials": [], "options": 5, "search": 1, "shares": 3}\n'
        for content in (b"", b"\x00{[", odd):
            path.write_bytes(content)
            assert visit("search.py", id=made).title
            assert visit("search.py").title
