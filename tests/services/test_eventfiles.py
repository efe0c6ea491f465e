"""TensorBoard's own reader finds every point and the settings in the event files."""

from dataclasses import replace

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from digits_core import files
from digits_core.errors import NotFound
from digits_core.services import eventfiles, jobs


def read(folder):
    found = EventAccumulator(str(folder))
    found.Reload()
    return found


def test_tensorboard_reads_every_point(workspace, finished_job, tmp_path):
    view = finished_job("model", name="net", options={"learning_rate": 0.25, "solver": "adam", "balanced": True})
    rows = files.read_jsonl(view.folder.metrics)[0]
    path = eventfiles.write_events(workspace, view.id, tmp_path)
    found = read(path.parent)
    names = {name for row in rows for name in row if name not in ("t", "step", "epoch")}
    assert names and set(found.Tags()["scalars"]) == names
    for name in names:
        expected = [(row["step"], pytest.approx(row[name], rel=1e-6)) for row in rows if name in row]
        assert [(event.step, event.value) for event in found.Scalars(name)] == expected


def test_the_settings_are_hyper_parameters(workspace, finished_job, tmp_path):
    view = finished_job("model", name="net", options={"learning_rate": 0.25, "solver": "adam", "balanced": True})
    found = read(eventfiles.write_events(workspace, view.id, tmp_path).parent)
    content = found.PluginTagToContent("hparams")
    start = plugin_data_pb2.HParamsPluginData.FromString(content["_hparams_/session_start_info"]).session_start_info
    assert start.hparams["learning_rate"].number_value == 0.25
    assert start.hparams["solver"].string_value == "adam" and start.hparams["balanced"].bool_value
    assert "_hparams_/session_end_info" in content


def test_an_open_reader_sees_what_is_added(workspace, finished_job, tmp_path, monkeypatch):
    from digits_core.jobs.model import State, Status

    view = finished_job("model")
    monkeypatch.setattr(eventfiles, "of_kind", lambda *_: replace(view, state=State(Status.RUNNING)))
    path = eventfiles.write_events(workspace, view.id, tmp_path)
    found = read(path.parent)
    before = len(found.Scalars("train/loss"))
    files.append_jsonl(view.folder.metrics, {"t": 99.0, "step": 999, "epoch": 9.0, "train/loss": 0.125})
    inode = path.stat().st_ino
    assert eventfiles.write_events(workspace, view.id, tmp_path).stat().st_ino == inode
    found.Reload()
    assert len(found.Scalars("train/loss")) == before + 1
    last = found.Scalars("train/loss")[-1]
    assert (last.step, last.value) == (999, 0.125)
    monkeypatch.undo()
    eventfiles.write_events(workspace, view.id, tmp_path)
    assert path.stat().st_ino == inode, "the end is added too"


def test_a_training_that_went_back_and_damaged_rows(workspace, finished_job, tmp_path):
    view = finished_job("model")
    eventfiles.write_events(workspace, view.id, tmp_path)
    view.folder.metrics.write_text('{"step": 1e300, "train/loss": 1}\n{"step": "x"}\n[1]\n'
                                   '{"step": 5, "epoch": 1, "train/loss": 1e299, "val/loss": 0.5}\n')
    found = read(eventfiles.write_events(workspace, view.id, tmp_path).parent)
    assert found.Tags()["scalars"] == ["val/loss"]
    with pytest.raises(NotFound, match="is a dataset"):
        eventfiles.event_file(workspace, finished_job("dataset").id)


def test_rest_gives_the_same_bytes_as_the_service(workspace, finished_job):
    view = finished_job("model")
    assert eventfiles.event_file(workspace, view.id) == eventfiles.event_file(workspace, view.id)
    assert jobs.describe(view)["id"] in eventfiles.event_file(workspace, view.id)[0]
