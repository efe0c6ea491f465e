"""The tab Layers of a model: weights without a picture, and a run of max activations that becomes a job."""

import pytest

from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.services import maxima
from tests.infer.model_folders import make_model
from tests.pages.conftest import words


@pytest.mark.slow
def test_a_run_is_started_there_and_its_pictures_stand_on_its_page(visit, workspace):
    model = make_model(workspace.store, side=28, name="digits")
    app = visit("job.py", id=model.id, tab="Layers")
    text = words(app)
    assert "What excites a unit most?" in text and "conv1" in text and "520 learned parameters" in text
    prefix = f"maxima.{model.id}"
    app.text_input(key=f"{prefix}.units").set_value("3,77")
    app.button(key=f"{prefix}.run").click().run()
    assert "77 is not within 0 to 9" in words(app)
    app.text_input(key=f"{prefix}.units").set_value("3")
    app.number_input(key=f"{prefix}.steps").set_value(2)
    app.button(key=f"{prefix}.run").click().run()
    job, = maxima.of_model(workspace, model.id)
    assert (job.name, job.job.options["steps"]) == ("digits: output 3", 2)
    assert "0 units finished" in words(visit("job.py", id=job.id))
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    scheduler.tick()
    scheduler.close()
    text = words(visit("job.py", id=job.id))
    assert "drei (unit 3)" in text and "1 unit finished" in text
    assert f"maxima.{job.id}.run" in [button.key for button in visit("job.py", id=model.id, tab="Layers",
                                                                     clone=job.id).button]
