"""Routes that publish a model to an inference server."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import FileResponse, Response

from digits_core.api.described import binary
from digits_core.api.request import Body, Named, Options, Space
from digits_core.services import publish

Json = dict[str, Any]

router = APIRouter(tags=["models"])
ANSWERS: dict[int | str, Json] = {200: {"content": {"application/json": {"schema": {"type": "object"}},
                                                    **binary("application/zip")[200]["content"]}}}


class Publish(Body):
    """What is published where."""

    options: Options = Field(default_factory=dict)


@router.post("/models/{job_id}/publish-inference", response_model=None, responses=ANSWERS)
def publish_inference(job_id: str, body: Publish, space: Space, user: Named) -> Json | Response:
    """Publish a finished export: where is "archive" (the answer is the zip file), "folder" or "server" (location)."""
    told = publish.publish(space, user, job_id, body.options)
    if path := told.pop("path", ""):
        return FileResponse(path, media_type="application/zip", filename=str(path).rpartition("/")[2])
    return told
