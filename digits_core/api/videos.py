"""Routes that ask about the frames of a video."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import FileResponse, Response, StreamingResponse

from digits_core.api.described import binary
from digits_core.api.forms import OptionsText, Upload, Words, options_of
from digits_core.api.once import once, once_sent
from digits_core.api.request import Body, Key, Named, Options, Space, User
from digits_core.services import inference, jobs, videos

Json = dict[str, Any]
Text = Annotated[str, Field(max_length=200)]

router = APIRouter(tags=["inference"])


class NewVideo(Body):
    """A video that the server can read, and how the answers are drawn into it."""

    model: Text
    name: Text
    options: Options
    view_options: Options = Field(default_factory=dict)
    group: Text = ""


@router.post("/videos", status_code=201)
def create(body: NewVideo, space: Space, user: Named, key: Key = "") -> Json:
    """Queue a job that asks a model about the frames of a video at a server path or http(s) address."""
    view = once(space, user, key, ["video", body.model_dump()], lambda place: videos.create(
        place, user, body.model, body.name, body.options, body.group, None, body.view_options))
    return jobs.describe(view)


@router.post("/videos/upload", status_code=201)
def upload(video: Upload, model: Words, name: Words, space: Space, user: Named, options: OptionsText = "{}",
           view_options: OptionsText = "{}", group: Words = "", key: Key = "") -> Json:
    """The same for an uploaded video."""
    values, drawn = options_of(options), options_of(view_options)
    view = once_sent(space, user, key, ["video-upload", model, name, values, drawn, group], [video],
                     lambda place, sent: videos.create(place, user, model, name, values, group, sent[0], drawn))
    return jobs.describe(view)


@router.get("/videos/{job_id}/summary")
def summary(job_id: str, space: Space, user: User) -> Json:
    """Frames, failed, seconds, rate, and what can be followed through the video as lines; {} until it is done."""
    videos.require(space, job_id)
    return inference.batch_summary(space, job_id)


@router.get("/videos/{job_id}/video.mp4", response_class=FileResponse, responses=binary("video/mp4"))
def film(job_id: str, space: Space) -> Response:
    """The annotated video (H.264), whole or in ranges; 404 until it is done."""
    return FileResponse(videos.film(space, job_id), media_type="video/mp4")


@router.get("/videos/{job_id}/frames.csv", response_class=Response, responses=binary("text/csv"))
def csv(job_id: str, space: Space) -> Response:
    """The frames so far: number, seconds, labels with probabilities, or the figure of each class, and boxes."""
    return StreamingResponse(videos.csv(space, job_id), media_type="text/csv", headers={
        "Content-Disposition": f'attachment; filename="{job_id}-frames.csv"'})
