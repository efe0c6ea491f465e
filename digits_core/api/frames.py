"""Routes that write frames of videos as picture files."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from digits_core.api.described import binary
from digits_core.api.forms import OptionsText, Uploads, Words, options_of
from digits_core.api.once import once, once_sent
from digits_core.api.request import Body, Key, Named, Options, Space, User
from digits_core.services import frames, jobs

Json = dict[str, Any]
Text = Annotated[str, Field(max_length=200)]

router = APIRouter(tags=["frames of videos"])


class NewFrames(Body):
    """Videos that the server can read, and which of their frames are wanted."""

    name: Text
    options: Options
    group: Text = ""


@router.post("/frames", status_code=201)
def create(body: NewFrames, space: Space, user: Named, key: Key = "") -> Json:
    """Queue a job that writes frames of a video, or of all videos of a folder, as picture files."""
    view = once(space, user, key, ["frames", body.model_dump()], lambda place: frames.create(
        place, user, body.name, body.options, body.group))
    return jobs.describe(view)


@router.post("/frames/upload", status_code=201)
def upload(videos: Uploads, name: Words, space: Space, user: Named, options: OptionsText = "{}", group: Words = "",
           key: Key = "") -> Json:
    """The same for uploaded videos."""
    values = options_of(options)
    view = once_sent(space, user, key, ["frames-upload", name, values, group], videos,
                     lambda place, sent: frames.create(place, user, name, values, group, sent))
    return jobs.describe(view)


@router.get("/frames/{job_id}/videos")
def videos(job_id: str, space: Space, user: User) -> Json:
    """What became of each video so far: pictures, frames, seconds, size; or why not, in "error"."""
    return {"videos": frames.videos(space, job_id)}


@router.get("/frames/{job_id}/pictures.zip", response_class=Response, responses=binary("application/zip"))
def archive(job_id: str, space: Space) -> Response:
    """All pictures so far in one zip file, one folder a video."""
    return StreamingResponse(frames.archive(space, job_id), media_type="application/zip", headers={
        "Content-Disposition": f'attachment; filename="{job_id}.zip"'})
