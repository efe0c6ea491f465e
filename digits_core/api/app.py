"""The REST application, mounted under /api by the server."""

from fastapi import FastAPI

import digits_core
from digits_core.api import (
    answers,
    bundles,
    compare,
    dataset_files,
    datasets,
    described,
    embeddings,
    evaluations,
    exports,
    foreign,
    frames,
    inference,
    jobs,
    making,
    maxima,
    models,
    predict,
    publish,
    recipes,
    reference,
    searches,
    steering,
    store,
    system,
    team,
    tus,
    versions,
    videos,
    weights,
)
from digits_core.services.workspace import Workspace

ABOUT = ("What pages and command line can do, over HTTP. Reading and classifying need no name; changes need the "
         "header X-Digits-User. Errors answer {error: {message, type}}, wrong options also {errors: {field: [...]}}. "
         "Repeat a create safely with the header Idempotency-Key. The routes of DIGITS itself are at the root of the "
         "server (docs/rest.md).")


def create_api(workspace: Workspace) -> FastAPI:
    """The API of one workspace. Handlers are plain functions: FastAPI runs each in a thread, none blocks a page."""
    api = FastAPI(title="DIGITS", version=digits_core.__version__, description=ABOUT, docs_url=None, redoc_url=None,
                  default_response_class=answers.StrictJSON)
    api.state.workspace = workspace
    answers.install(api)
    described.describe(api)
    for part in (jobs, bundles, recipes, datasets, dataset_files, versions, weights, foreign, models, searches,
                 steering, compare, inference, predict, publish, embeddings, making, store, team, maxima, frames,
                 videos, exports, evaluations, system, reference, tus):
        api.include_router(part.router)
    return api
