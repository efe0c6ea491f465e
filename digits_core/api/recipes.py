"""Routes of recipes: a job as YAML that runs again, and the jobs made of one."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from digits_core.api.described import binary
from digits_core.api.request import Body, Named, Space, User
from digits_core.services import jobs, recipe_run, recipes

Json = dict[str, Any]
Place = Annotated[str, Field(max_length=4096)]

router = APIRouter(tags=["jobs"])


class Recipe(Body):
    """The text of a recipe, and where its data are on this server."""

    recipe: Annotated[str, Field(max_length=1_000_000)]
    data: Annotated[dict[Place, Place], Field(max_length=1000, description="Paths of the recipe, or their beginnings, "
                                              "with those that stand for them here.")] = Field(default_factory=dict)
    name: Annotated[str, Field(max_length=200, description="Of the last job; empty: as in the recipe.")] = ""


@router.get("/jobs/{job_id}/recipe.yaml", response_class=Response, responses=binary("application/yaml"))
def download(job_id: str, space: Space, user: User) -> Response:
    """A dataset or a model, and what it was made from, as YAML that makes it again on any server."""
    return Response(recipes.recipe(space, user, job_id), media_type="application/yaml",
                    headers={"Content-Disposition": f'attachment; filename="{job_id}.yaml"'})


@router.post("/recipes", status_code=201)
def run(body: Recipe, space: Space, user: Named) -> Json:
    """Make the jobs of a recipe; a dataset that is here already is used as it is. Fields come with their lines."""
    made = recipe_run.run(space, user, body.recipe, body.data, body.name)
    return {"jobs": [jobs.describe(view) for view in made.jobs], "known": made.known}
