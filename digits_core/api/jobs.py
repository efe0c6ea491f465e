"""Routes that work on any job."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import PlainTextResponse, Response

from digits_core import files
from digits_core.api.request import Body, Limit, Named, Offset, Space
from digits_core.jobs.model import Kind, Status
from digits_core.services import jobs, listing

Json = dict[str, Any]
Text = Annotated[str, Field(max_length=200)]

router = APIRouter(tags=["jobs"])


class Edit(Body):
    """What can be changed on a job at any time; names that are left out stay as they are."""

    name: Text | None = None
    notes: Annotated[str, Field(max_length=100_000)] | None = None
    group: Text | None = None
    tags: Annotated[list[Text], Field(max_length=100)] | None = None
    priority: Annotated[float, Field(ge=-1000, le=1000)] | None = None


class Stop(Body):
    """Why a job is stopped; shown on its page."""

    why: Annotated[str, Field(max_length=1000)] = ""


class Bulk(Body):
    """One action for many jobs."""

    action: Literal["stop", "resume", "delete"]
    ids: Annotated[list[Text], Field(min_length=1, max_length=1000)]


@router.get("/jobs")
def list_jobs(space: Space, kind: Kind | None = None, status: Annotated[list[Status] | None, Query()] = None,
              group: str | None = None, search: str = "", owner: str = "", offset: Offset = 0,
              limit: Limit = 100) -> Json:
    """Jobs, newest first, with the number of all that fit."""
    found = listing.find(space, kind or "", status or (), group, search, owner)
    return {"total": len(found), "jobs": [jobs.describe(view) for view in found[offset:offset + limit]]}


@router.post("/jobs/bulk")
def bulk(body: Bulk, space: Space, user: Named) -> Json:
    """Stop, resume or delete many jobs; ``failures`` says for each that could not be, why."""
    actions: dict[str, Callable[..., object]] = {"stop": jobs.stop, "resume": jobs.resume, "delete": jobs.delete}
    return {"failures": jobs.bulk(actions[body.action], space, user, body.ids)}


@router.get("/jobs/{job_id}")
def get_job(job_id: str, space: Space) -> Json:
    """One job: what was asked, its state and why, progress, key figures."""
    return jobs.describe(space.store.get(job_id))


@router.patch("/jobs/{job_id}")
def edit_job(job_id: str, body: Edit, space: Space, user: Named) -> Json:
    """Change name, notes, group, tags or queue priority."""
    changes = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    return jobs.describe(jobs.edit(space, user, job_id, **changes))


@router.delete("/jobs/{job_id}")
def delete_job(job_id: str, space: Space, user: Named,
               wait_s: Annotated[float, Query(ge=0, le=120, allow_inf_nan=False)] = 60) -> Json:
    """Move a job to the trash, stopping it first; 409 while another job needs it."""
    jobs.delete(space, user, job_id, wait_s)
    return {"id": job_id, "deleted": True}


@router.post("/jobs/{job_id}/stop")
def stop_job(job_id: str, space: Space, user: Named, body: Stop | None = None) -> Json:
    """Ask a job to stop; it saves first. Doing it twice changes nothing."""
    return jobs.describe(jobs.stop(space, user, job_id, body.why if body else ""))


@router.post("/jobs/{job_id}/resume")
def resume_job(job_id: str, space: Space, user: Named) -> Json:
    """Run a failed or stopped job again, from its last checkpoint."""
    return jobs.describe(jobs.resume(space, user, job_id))


@router.get("/jobs/{job_id}/metrics")
def job_metrics(job_id: str, space: Space, offset: Offset = 0) -> Json:
    """Rows of measurements from a byte offset on; ask again with the ``offset`` of the answer."""
    rows, following = jobs.metrics(space, job_id, offset)
    return {"rows": rows, "offset": following}


@router.get("/jobs/{job_id}/hardware")
def job_hardware(job_id: str, space: Space, offset: Offset = 0) -> Json:
    """Use of CPU, memory and GPUs over time, from a byte offset on."""
    rows, following = files.read_jsonl(space.store.folder(job_id).path / "hardware.jsonl", offset)
    return {"rows": rows, "offset": following}


@router.get("/jobs/{job_id}/log", response_class=PlainTextResponse)
def job_log(job_id: str, space: Space, size: Annotated[int, Query(ge=1, le=20_000_000)] = 64_000) -> Response:
    """The last ``size`` bytes of what the newest attempt printed."""
    return PlainTextResponse(jobs.log_tail(space, job_id, size))


@router.get("/trash")
def list_trash(space: Space, offset: Offset = 0, limit: Limit = 100) -> Json:
    """Deleted jobs that can still be brought back."""
    found = space.store.trashed()
    return {"total": len(found), "jobs": [jobs.describe(view) for view in found[offset:offset + limit]]}


@router.post("/trash/{job_id}/restore")
def restore_job(job_id: str, space: Space, user: Named) -> Json:
    """Bring a deleted job back."""
    return jobs.describe(jobs.restore(space, user, job_id))


@router.delete("/trash/{job_id}")
def purge_job(job_id: str, space: Space, user: Named) -> Json:
    """Remove a deleted job for good; answers with the bytes that became free."""
    return {"id": job_id, "freed": jobs.purge(space, user, job_id)}
