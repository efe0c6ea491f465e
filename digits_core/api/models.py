"""Routes on models: train, checkpoints, evaluation, download, import."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.responses import FileResponse, Response

from digits_core.api.described import binary
from digits_core.api.forms import Upload, Words
from digits_core.api.once import once, once_sent
from digits_core.api.request import Body, Key, Named, Options, Space, User
from digits_core.jobs.model import Kind
from digits_core.modelstore.packing import MEDIA
from digits_core.services import eventfiles, jobs, models, modelstore, networks, rehearsal, sweeps, timeline

Json = dict[str, Any]
Text = Annotated[str, Field(max_length=200)]

router = APIRouter(tags=["models"])


class NewModel(Body):
    """A training on a dataset that is done or being built."""

    name: Text
    dataset: Text
    options: Options = Field(default_factory=dict)
    group: Text = ""


@router.post("/models", status_code=201)
def create_model(body: NewModel, space: Space, user: Named, key: Key = "") -> Json:
    """Put a training into the queue; the same checks as the form, all problems at once."""
    view = once(space, user, key, ["model", body.model_dump()], lambda place: models.create_model(
        place, user, body.name, body.dataset, body.options, body.group))
    return jobs.describe(view)


class NewSweep(NewModel):
    """Trainings with several values of some options."""

    draws: Annotated[int, Field(ge=0, description="Random search: so many trainings with values drawn from the lists "
                                                  "(two numbers are a range); 0: every combination.")] = 0


@router.post("/models/sweep", status_code=201)
def create_sweep(body: NewSweep, space: Space, user: Named, key: Key = "", dry_run: bool = False) -> Json:
    """One training for each combination of the options that hold a list of values, or ``draws`` random ones.

    ``dry_run`` only counts them.
    """
    if dry_run:
        found = sweeps.trials(space, user, body.name, body.dataset, body.options, body.draws)
        return {"count": len(found), "names": [trial.name for trial in found], "jobs": []}
    views = sweeps.create_sweep(
        space, user, body.name, body.dataset, body.options, body.group,
        lambda number, place, create: once(place, user, key and f"{key}#{number}", ["sweep", number, body.model_dump()],
                                           create), body.draws)
    return {"count": len(views), "names": [view.name for view in views], "jobs": [jobs.describe(v) for v in views]}


class TryOut(Body):
    """A training that is only tried out."""

    dataset: Text
    options: Options = Field(default_factory=dict)
    find_rate: bool = False


@router.post("/models/try-out")
def try_out(body: TryOut, space: Space, user: Named) -> Json:
    """Does a few steps and tells seconds per epoch, memory, disk; ``find_rate`` adds a range test of the rate."""
    return rehearsal.rehearse(space, user, body.dataset, body.options, body.find_rate)


class Layers(Body):
    """The network of a training that is not made yet."""

    dataset: Text
    options: Options = Field(default_factory=dict)


@router.post("/models/layers")
def layers(body: Layers, space: Space, user: Named) -> Json:
    """Every layer of the network as it would be for this dataset: type, output shape, parameters, flops."""
    return networks.layers(space, user, body.dataset, body.options)


@router.post("/models/import", status_code=201)
def import_model(archive: Upload, space: Space, user: Named, name: Words, group: Words = "",
                 allow_code: Annotated[bool, Form()] = False, key: Key = "") -> Json:
    """Bring in a model archive that ``download`` made; ``allow_code`` lets a custom network's code run here."""
    view = once_sent(space, user, key, ["import", name, group, allow_code], [archive],
                     lambda place, sent: modelstore.import_model(place, user, name, sent[0][1], group, allow_code))
    return jobs.describe(view)


@router.get("/models/{job_id}/checkpoints")
def checkpoints(job_id: str, space: Space) -> Json:
    """All checkpoints, oldest first, with their metrics; ``best`` marks the best."""
    return {"checkpoints": models.checkpoints(jobs.of_kind(space, job_id, Kind.MODEL, Kind.PRETRAINED))}


@router.get("/models/{job_id}/checkpoints/{which}", response_class=FileResponse, responses=binary())
def download_checkpoint(job_id: str, which: str, space: Space) -> Response:
    """The weights of one checkpoint (best, last or an epoch) as a safetensors file."""
    path = models.checkpoint_path(jobs.of_kind(space, job_id, Kind.MODEL, Kind.PRETRAINED), which)
    return FileResponse(path, media_type="application/octet-stream", filename=f"{job_id}-{path.name}")


@router.get("/models/{job_id}/trace", response_class=FileResponse, responses=binary("application/gzip"))
def trace(job_id: str, space: Space) -> Response:
    """The timeline of some steps as gzipped JSON for Perfetto or chrome://tracing (option ``trace_steps``)."""
    path = timeline.trace_file(space, job_id)
    return FileResponse(path, media_type="application/gzip", filename=f"{job_id}-trace.json.gz")


@router.get("/models/{job_id}/operators")
def operators(job_id: str, space: Space) -> Json:
    """The slowest operators of the steps in the timeline; empty when none was made."""
    return timeline.operators(jobs.of_kind(space, job_id, Kind.MODEL))


@router.get("/models/{job_id}/tensorboard", response_class=Response, responses=binary())
def tensorboard(job_id: str, space: Space) -> Response:
    """The measurements and settings of a training as a TensorBoard event file, as far as it is."""
    name, content = eventfiles.event_file(space, job_id)
    return Response(content, media_type="application/octet-stream",
                    headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get("/models/{job_id}/evaluation")
def evaluation(job_id: str, space: Space, split: Literal["val", "test"] = "val") -> Json:
    """Accuracy, top-5, per class and confusion of the best checkpoint; empty until there is one."""
    return models.evaluation(jobs.of_kind(space, job_id, Kind.MODEL, Kind.PRETRAINED), split)


@router.get("/models/{job_id}/download", response_class=FileResponse, responses=binary(*MEDIA.values()))
def download_model(job_id: str, space: Space, user: User, checkpoint: str = "best", format: str = "zip") -> Response:
    """Network, weights, labels and preprocessing in one file that another server can import: zip, tar.gz, tgz ..."""
    path = modelstore.export_model(space, user, job_id, checkpoint, format)
    return FileResponse(path, media_type=MEDIA[format], filename=path.name)
