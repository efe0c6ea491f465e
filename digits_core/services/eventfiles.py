"""A training's measurements as TensorBoard reads them: scalars over steps, and the settings as hyper-parameters.

The bytes follow from the job's files alone and only grow while a training does, so writing them again goes on where the
last writing ended, and a TensorBoard that looks at the folder shows the new points.
"""

import io
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.jobs.model import Kind, Status, number
from digits_core.jobs.store import JobView
from digits_core.services.jobs import of_kind
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
NOT_SCALARS = ("t", "step", "epoch")


def event_file(workspace: Workspace, job_id: str) -> tuple[str, bytes]:
    """Name and content of the event file of a training, as far as it is. Raises NotFound for anything else."""
    from tensorboard.summary.writer.record_writer import RecordWriter

    view = of_kind(workspace, job_id, Kind.MODEL)
    stream = io.BytesIO()
    writer = RecordWriter(stream)
    for event in _events(view):
        writer.write(event.SerializeToString())
    return f"events.out.tfevents.{int(view.job.created):010d}.{view.id}", stream.getvalue()


def write_events(workspace: Workspace, job_id: str, folder: Path) -> Path:
    """Write a training's event file into ``folder/<job id>``, or add what is new to the one that is there.

    When a training has gone back (a resume cut what was not saved), the file is replaced.
    """
    name, content = event_file(workspace, job_id)
    path = folder / job_id / name
    path.parent.mkdir(parents=True, exist_ok=True)
    known = path.read_bytes() if path.is_file() else b""
    if known and content.startswith(known):
        files.append_bytes(path, content[len(known):])
    else:
        files.write_atomic(path, content)
    return path


def _events(view: JobView) -> list[Any]:
    from tensorboard.compat.proto.event_pb2 import Event

    begun = view.job.created
    found = [Event(wall_time=begun, file_version="brain.Event:2"), Event(wall_time=begun, summary=_begin(view))]
    for row in files.read_jsonl(view.folder.metrics)[0]:
        step, worked = number(row.get("step")), number(row.get("t"))
        if step is not None and abs(step) < 2**62 and (summary := _scalars(row)):
            found.append(Event(wall_time=begun + (worked or 0.0), step=int(step), summary=summary))
    if view.status.is_final:
        found.append(Event(wall_time=view.ended or begun, summary=_end(view)))
    return found


def _scalars(row: Json) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    values = [Summary.Value(tag=str(name), simple_value=value) for name, given in row.items()
              if name not in NOT_SCALARS and (value := number(given)) is not None and abs(value) < 3e38]
    return Summary(value=values) if values else None


def _begin(view: JobView) -> Any:
    from tensorboard.plugins.hparams import plugin_data_pb2 as pb

    info = pb.SessionStartInfo(group_name=view.group or view.id, start_time_secs=view.job.created)
    for name, given in {"name": view.name, **view.job.options}.items():
        value = info.hparams[str(name)[:200]]
        if isinstance(given, bool):
            value.bool_value = given
        elif (figure := number(given)) is not None:
            value.number_value = figure
        else:
            value.string_value = "" if given is None else str(given)[:500]
    return _plugin("_hparams_/session_start_info", pb.HParamsPluginData(version=0, session_start_info=info))


def _end(view: JobView) -> Any:
    from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2

    status = {Status.DONE: api_pb2.STATUS_SUCCESS, Status.FAILED: api_pb2.STATUS_FAILURE}
    info = plugin_data_pb2.SessionEndInfo(status=status.get(view.status, api_pb2.STATUS_UNKNOWN),
                                          end_time_secs=view.ended or view.job.created)
    return _plugin("_hparams_/session_end_info", plugin_data_pb2.HParamsPluginData(version=0, session_end_info=info))


def _plugin(tag: str, content: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

    data = SummaryMetadata.PluginData(plugin_name="hparams", content=content.SerializeToString(deterministic=True))
    null = TensorProto(dtype="DT_FLOAT", float_val=[0.0], tensor_shape=TensorShapeProto())
    return Summary(value=[Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=data), tensor=null)])
