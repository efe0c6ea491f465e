"""What a person can do about labels that a model's evaluation finds wrong."""

import pytest

from digits_core.services import versions
from tests.evaluate import judged
from tests.pages.conftest import words
from tests.pages.test_dataset_tabs import press


@pytest.mark.slow
def test_suspicious_labels_are_changed_one_taken_back_and_become_a_version(visit, workspace):
    data = judged.dataset(workspace.store)
    model = judged.model(workspace.store, data)
    app = visit("job.py", id=model.id, tab="Evaluation", **{"report.part": "Suspicious labels"})
    assert "2 labels probably wrong" in words(app)
    app = press(app, next(b.key for b in app.button if b.key and b.key.endswith(".all.relabel")))
    assert "2 pictures given another class" in words(app)
    undo = next(b.key for b in app.button if b.key and b.key.endswith("train.17.undo"))
    app = press(app, undo)
    app = press(app, undo.replace(".undo", ".exclude"))
    assert "1 picture left out, 1 picture given another class" in words(app)
    press(app, "dataset.edits.make")
    made = next(view for view in workspace.store.jobs() if view.name == "bars v2")
    deeds = {row["index"]: row["do"] for row in versions.edits_of(made)}
    assert deeds == {17: "exclude", 40: "relabel"} and made.job.needs == (data.id,)
