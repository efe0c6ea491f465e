"""Routes that move jobs between servers: as one file out, as one file in."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from digits_core.api.described import binary
from digits_core.api.forms import OptionsText, Upload, Words, options_of, received
from digits_core.api.once import once, once_sent
from digits_core.api.request import Body, Key, Named, Options, Space, User
from digits_core.services import bundles, imports, jobs
from digits_core.services.unbundle import unbundle

Json = dict[str, Any]

router = APIRouter(tags=["jobs"])


class NewImport(Body):
    """A bundle that the server can read: ``options`` has bundle (its path, or upload:ID) and allow_code."""

    name: Annotated[str, Field(max_length=200)] = "Import"
    options: Options
    group: Annotated[str, Field(max_length=200)] = ""


@router.get("/jobs/{job_id}/bundle", response_class=StreamingResponse, responses=binary("application/x-tar"))
def download(job_id: str, space: Space, user: User, needs: bool = False, state: bool = False) -> Response:
    """A finished job as one tar file: ``needs`` adds what it was made from, ``state`` lets a training go on there."""
    found = bundles.bundle(space, user, job_id, needs, state)
    return StreamingResponse(found.pieces(), media_type="application/x-tar", headers={
        "Content-Disposition": f'attachment; filename="{found.name}"', "Content-Length": str(found.size)})


@router.get("/jobs/{job_id}/bundle/summary")
def summary(job_id: str, space: Space, user: User, needs: bool = False, state: bool = False) -> Json:
    """What that file would hold and how large it would be."""
    return bundles.summary(bundles.bundle(space, user, job_id, needs, state))


@router.post("/bundles", status_code=201)
def upload(bundle: Upload, space: Space, user: Named, allow_code: Annotated[bool, Form()] = False) -> Json:
    """Bring in the jobs of such a file; ``allow_code`` lets a custom network's code run here. Safe to repeat."""
    with received(space, user, bundle) as path:
        moved = unbundle(space, user, path, allow_code)
    return {"jobs": [jobs.describe(view) for view in moved.jobs], "known": moved.known, "renamed": moved.renamed}


@router.post("/imports", status_code=201)
def create_import(body: NewImport, space: Space, user: Named, key: Key = "") -> Json:
    """The same as a job, for bundles of many GB: it shows progress, and can be stopped and resumed."""
    view = once(space, user, key, ["import-bundle", body.model_dump()], lambda place: imports.create(
        place, user, body.name, body.options, body.group))
    return jobs.describe(view)


@router.post("/imports/upload", status_code=201)
def upload_import(bundle: Upload, space: Space, user: Named, name: Words = "Import", options: OptionsText = "{}",
                  group: Words = "", key: Key = "") -> Json:
    """The same job for an uploaded bundle."""
    values = options_of(options)
    view = once_sent(space, user, key, ["import-bundle-upload", name, values, group], [bundle],
                     lambda place, sent: imports.create(place, user, name, values, group, sent[0][1]))
    return jobs.describe(view)


@router.get("/imports/{job_id}")
def imported(job_id: str, space: Space) -> Json:
    """The ids of the jobs that came in, of those that were known, and new ids by old; {} until it is done."""
    return imports.report(space, job_id)
