"""Routes that judge a dataset, make versions of it, and look at single pictures."""

import base64
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from digits_core.api.forms import OptionsText, Upload, Words, options_of
from digits_core.api.once import once, once_sent
from digits_core.api.request import Body, Key, Limit, Named, Offset, Options, Space
from digits_core.jobs.model import Kind
from digits_core.services import datasets, fit, jobs, versions

Json = dict[str, Any]
Text = Annotated[str, Field(max_length=200)]
Edit = Annotated[Json, Field(description="do: exclude, relabel (label: name or number) or move (to: split); split; "
                                         "index or path.")]
Fix = Literal["drop-exact", "drop-near", "one-split", "drop-conflicts"]

router = APIRouter(tags=["datasets"])


class NewVersion(Body):
    """What a version changes: repairs of what the check found, and single pictures."""

    name: Text = ""
    group: Text = ""
    fixes: Annotated[list[Fix], Field(max_length=4)] = Field(default_factory=list)
    edits: list[Edit] = Field(default_factory=list)


class Changed(Body):
    """A version that is described by options."""

    name: Text = ""
    group: Text = ""
    options: Options


@router.post("/datasets/{job_id}/fit", status_code=202)
def start_fit(job_id: str, space: Space, user: Named) -> Json:
    """Begin to check whether a dataset is fit to train on; done once, the answer is kept."""
    return fit.start_fit(space, user, job_id)


@router.get("/datasets/{job_id}/fit")
def fit_report(job_id: str, space: Space, kind: Text = "", offset: Offset = 0, limit: Limit = 50) -> Json:
    """How the check stands and what it found; `kind` (exact, near, leak, labels) chooses the groups of pictures."""
    return fit.fit(space, job_id, kind, offset, limit)


@router.get("/datasets/{job_id}/versions")
def list_versions(job_id: str, space: Space) -> Json:
    """The dataset with all its versions, oldest first, each with its parent and what it changed."""
    return {"versions": versions.describe_family(space, job_id)}


@router.post("/datasets/{job_id}/versions", status_code=201)
def create_version(job_id: str, space: Space, user: Named, body: NewVersion | None = None, key: Key = "") -> Json:
    """Queue a new version of a dataset: without, with other labels for, or with moved pictures; see fixes, edits."""
    asked = body or NewVersion()
    view = once(space, user, key, ["version", job_id, asked.model_dump()], lambda place: versions.create_version(
        place, user, job_id, asked.name, asked.edits, list(asked.fixes), asked.group))
    return jobs.describe(view)


@router.post("/datasets/{job_id}/additions", status_code=201)
def add_pictures(job_id: str, body: Changed, space: Space, user: Named, key: Key = "") -> Json:
    """Queue a version with more pictures, from class folders or an archive that the server can read."""
    view = once(space, user, key, ["additions", job_id, body.model_dump()], lambda place: versions.add_pictures(
        place, user, job_id, body.options, body.name, body.group))
    return jobs.describe(view)


@router.post("/datasets/{job_id}/additions/upload", status_code=201)
def add_uploaded(job_id: str, archive: Upload, space: Space, user: Named, name: Words = "",
                 options: OptionsText = "{}", group: Words = "", key: Key = "") -> Json:
    """The same from an uploaded zip or tar file of class folders."""
    values = options_of(options)
    view = once_sent(space, user, key, ["additions-upload", job_id, name, values, group], [archive],
                     lambda place, sent: versions.add_pictures(place, user, job_id, values, name, group, sent[0][1]))
    return jobs.describe(view)


@router.post("/datasets/{job_id}/subsets", status_code=201)
def create_subset(job_id: str, body: Changed, space: Space, user: Named, key: Key = "") -> Json:
    """Queue a named part of a dataset as a dataset of its own: by split, class, path, first or random pictures."""
    view = once(space, user, key, ["subset", job_id, body.model_dump()], lambda place: versions.create_subset(
        place, user, job_id, body.options, body.name, body.group))
    return jobs.describe(view)


@router.get("/datasets/{job_id}/edits")
def edits(job_id: str, space: Space, offset: Offset = 0, limit: Limit = 1000) -> Json:
    """The changes that a version was asked for."""
    rows = versions.edits_of(jobs.of_kind(space, job_id, Kind.DATASET))
    return {"total": len(rows), "edits": rows[offset:offset + limit]}


@router.get("/datasets/{job_id}/records/{split}/{position}")
def record(job_id: str, split: str, position: Annotated[int, Path(ge=0, le=2**53)], space: Space) -> Json:
    """Everything about one picture: class, path, source size, encoding, statistics and histogram of each channel."""
    row = datasets.record(space, job_id, split, position)
    return {**row, "png": base64.b64encode(row["png"]).decode()}
